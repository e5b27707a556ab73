# Grid Engine's execution daemon. The engine has registered the host, disabled, before its highstate: an execution daemon that
# starts on an unregistered host says that all is well and dies ten seconds later.
{%- from "dynamiccluster/map.jinja" import settings, systemd with context %}
{%- set worker = settings("worker") | load_json %}
{%- set sge = worker.gridengine %}
{%- set common = sge.root ~ "/" ~ sge.cell ~ "/common" %}
{%- set run_directory = salt["file.dirname"](sge.pid_file) %}
{%- set with_systemd = worker.start == "systemd" or (worker.start == "auto" and systemd) %}
{%- set mounts = salt["mount.active"]() %}
{%- set mounted = common in mounts or (sge.root ~ "/" ~ sge.cell) in mounts or sge.root in mounts %}
{%- set shared = mounted if sge.cell_shared == "auto" else sge.cell_shared %}
{%- set installed = salt["file.file_exists"](sge.execd) %}

include:
  - dynamiccluster.worker.names

{%- if with_systemd %}
# The package's own service would start before the cell is written.
dynamiccluster_execd_distribution_service:
  service.masked:
    - name: {{ sge.distribution_service | json }}
{%- endif %}

{%- if not installed %}
dynamiccluster_execd_packages:
  pkg.installed:
    - pkgs: {{ sge.packages | json }}
    - env:
      - DEBIAN_FRONTEND: noninteractive
{%- if with_systemd %}
    - require:
      - service: dynamiccluster_execd_distribution_service
{%- endif %}
    - require_in:
      - file: dynamiccluster_execd_spool
{%- endif %}

{%- if shared %}
# Not written here, whatever it holds: it is the head's, and every other node's.
dynamiccluster_execd_cell:
  file.exists:
    - name: {{ common }}/act_qmaster
    - require_in:
      - file: dynamiccluster_execd_spool
{%- else %}
dynamiccluster_execd_bootstrap:
  file.managed:
    - name: {{ common }}/bootstrap
    - makedirs: true
    - mode: '0644'
    - source: salt://dynamiccluster/worker/files/bootstrap.jinja
    - template: jinja
    - context:
        bootstrap: {{ sge.bootstrap | json }}
{%- if not installed %}
    - require:
      - pkg: dynamiccluster_execd_packages
{%- endif %}
    - require_in:
      - file: dynamiccluster_execd_spool

dynamiccluster_execd_qmaster:
  file.managed:
    - name: {{ common }}/act_qmaster
    - makedirs: true
    - mode: '0644'
    - contents: {{ worker.head.name | json }}
    - require_in:
      - file: dynamiccluster_execd_spool
{%- endif %}

dynamiccluster_execd_spool:
  file.directory:
    - name: {{ sge.spool | json }}
    - user: {{ sge.user | json }}
    - group: {{ sge.group | json }}
    - makedirs: true
    - mode: '0755'

{%- if with_systemd %}
dynamiccluster_execd_unit:
  file.managed:
    - name: /etc/systemd/system/{{ sge.service }}.service
    - mode: '0644'
    - source: salt://dynamiccluster/worker/files/execd.service.jinja
    - template: jinja
    - context:
        sge: {{ sge | json }}
        run_directory: {{ run_directory | json }}

dynamiccluster_execd:
  service.running:
    - name: {{ sge.service | json }}
    - enable: true
    - require:
      - file: dynamiccluster_execd_unit
      - file: dynamiccluster_execd_spool
      - sls: dynamiccluster.worker.names
{%- else %}
# Started by hand. The daemon keeps its standard output open for ever, so it gets none of Salt's; and it writes its pid file
# once the qmaster knows it, which is what is waited for.
dynamiccluster_execd_start_script:
  file.managed:
    - name: /usr/local/sbin/dynamiccluster-start-execd
    - mode: '0755'
    - source: salt://dynamiccluster/worker/files/start-execd.jinja
    - template: jinja
    - context:
        sge: {{ sge | json }}
        run_directory: {{ run_directory | json }}

dynamiccluster_execd:
  cmd.run:
    - name: /usr/local/sbin/dynamiccluster-start-execd
    - unless: /usr/local/sbin/dynamiccluster-start-execd --running
    - timeout: {{ sge.start_timeout + 15 }}
    - require:
      - file: dynamiccluster_execd_start_script
      - file: dynamiccluster_execd_spool
      - sls: dynamiccluster.worker.names
{%- endif %}
