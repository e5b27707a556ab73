# Torque's execution daemon. The engine has defined the node, offline, before its highstate; pbs_mom would also wait until somebody does.
{%- from "dynamiccluster/map.jinja" import settings, systemd with context %}
{%- set worker = settings("worker") | load_json %}
{%- set torque = worker.torque %}
{%- set with_systemd = worker.start == "systemd" or (worker.start == "auto" and systemd) %}
{%- set installed = salt["file.file_exists"](torque.mom) %}
{%- set directories = {"aux": "0755", "checkpoint": "0751", "mom_logs": "0755", "mom_priv": "0751", "mom_priv/jobs": "0751", "spool": "1777", "undelivered": "1777"} %}

include:
  - dynamiccluster.worker.names

{%- if with_systemd %}
# The package's own service would start before its server is written.
dynamiccluster_mom_distribution_service:
  service.masked:
    - name: {{ torque.distribution_service | json }}
{%- endif %}

{%- if torque.packages and not installed %}
dynamiccluster_mom_packages:
  pkg.installed:
    - pkgs: {{ torque.packages | json }}
{%- if with_systemd %}
    - require:
      - service: dynamiccluster_mom_distribution_service
{%- endif %}
    - require_in:
      - file: dynamiccluster_mom_server
{%- endif %}

{%- for directory, mode in directories.items() %}
dynamiccluster_mom_{{ directory }}:
  file.directory:
    - name: {{ torque.home }}/{{ directory }}
    - makedirs: true
    - mode: '{{ mode }}'
    - require_in:
      - file: dynamiccluster_mom_server
{%- endfor %}

# pbs_mom does not start without this file, which may well be empty.
dynamiccluster_mom_environment:
  file.managed:
    - name: {{ torque.home }}/pbs_environment
    - mode: '0644'
    - replace: false
    - require_in:
      - file: dynamiccluster_mom_server

dynamiccluster_mom_server:
  file.managed:
    - name: {{ torque.home }}/server_name
    - mode: '0644'
    - contents: {{ worker.head.name | json }}

dynamiccluster_mom_config:
  file.managed:
    - name: {{ torque.home }}/mom_priv/config
    - mode: '0644'
    - contents:
      - {{ ("$pbsserver " ~ worker.head.name) | json }}
{%- for key, value in torque.config | dictsort %}
      - {{ (key ~ " " ~ value) | json }}
{%- endfor %}
    - require:
      - file: dynamiccluster_mom_server

{%- if with_systemd %}
dynamiccluster_mom_unit:
  file.managed:
    - name: /etc/systemd/system/{{ torque.service }}.service
    - mode: '0644'
    - source: salt://dynamiccluster/worker/files/pbs-mom.service.jinja
    - template: jinja
    - context:
        torque: {{ torque | json }}

dynamiccluster_mom:
  service.running:
    - name: {{ torque.service | json }}
    - enable: true
    - require:
      - file: dynamiccluster_mom_unit
      - file: dynamiccluster_mom_config
      - sls: dynamiccluster.worker.names
{%- else %}
dynamiccluster_mom_start_script:
  file.managed:
    - name: /usr/local/sbin/dynamiccluster-start-mom
    - mode: '0755'
    - source: salt://dynamiccluster/worker/files/start-mom.jinja
    - template: jinja
    - context:
        torque: {{ torque | json }}

dynamiccluster_mom:
  cmd.run:
    - name: /usr/local/sbin/dynamiccluster-start-mom
    - unless: /usr/local/sbin/dynamiccluster-start-mom --running
    - timeout: {{ torque.start_timeout + 15 }}
    - require:
      - file: dynamiccluster_mom_start_script
      - file: dynamiccluster_mom_config
      - sls: dynamiccluster.worker.names
{%- endif %}
