# The head resolves a worker node's name to its address before the node joins. A program does it, one call for each node that
# comes or goes: the engine's hooks run it (post_vm_provision_command, post_vm_destroy_command), through ssh where the head is
# another host.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- set head = settings("head") | load_json %}
{%- set names = head.names %}
{%- if names.method not in ["none", "hosts", "dnsmasq"] %}
{{- raise("dynamiccluster_head:names:method is " ~ names.method ~ ": it is one of none, hosts, dnsmasq") }}
{%- endif %}

{%- if names.method != "none" %}
dynamiccluster_head_names_library:
  file.managed:
    - name: /usr/local/lib/dynamiccluster/names.py
    - source: salt://dynamiccluster/files/names.py
    - makedirs: true
    - mode: '0755'

dynamiccluster_head_names_command:
  file.managed:
    - name: {{ names.command | json }}
    - mode: '0755'
    - contents: |
        #!/bin/sh
        # Written by Salt. Usage: add NAME ADDRESS | remove NAME
        exec {{ grains["pythonexecutable"] }} /usr/local/lib/dynamiccluster/names.py {{ "directory" if names.method == "dnsmasq" else "hosts" }} {{ names.directory if names.method == "dnsmasq" else names.hosts_file }} "$@"
{%- endif %}

{%- if names.method == "dnsmasq" %}
# The engine's user writes here, so that no rule of sudo is needed.
dynamiccluster_head_names_directory:
  file.directory:
    - name: {{ names.directory | json }}
    - user: {{ head.engine_user | json }}
    - makedirs: true
    - mode: '0755'

dynamiccluster_head_names_dnsmasq_config:
  file.managed:
    - name: {{ names.dnsmasq_config | json }}
    - mode: '0644'
    - makedirs: true
    - contents: |
        # Written by Salt. dnsmasq notices files that come, change and go (2.87 or later).
        hostsdir={{ names.directory }}

dynamiccluster_head_names_dnsmasq:
  pkg.installed:
    - name: dnsmasq
  service.running:
    - name: dnsmasq
    - enable: true
    - watch:
      - file: dynamiccluster_head_names_dnsmasq_config
    - require:
      - pkg: dynamiccluster_head_names_dnsmasq
      - file: dynamiccluster_head_names_directory
{%- elif names.method == "hosts" and head.engine_user != "root" %}
dynamiccluster_head_names_sudo:
  file.managed:
    - name: /etc/sudoers.d/dynamiccluster-names
    - mode: '0440'
    - makedirs: true
    - contents: |
        # Written by Salt.
        {{ head.engine_user }} ALL=(root) NOPASSWD: {{ names.command }}
{%- if salt["cmd.which"]("visudo") %}
    - check_cmd: visudo -c -f
{%- endif %}
{%- endif %}
