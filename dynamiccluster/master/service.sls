# A master keeps old code until it restarts, and one whose configuration does not parse would not come back: so it is parsed first.
{%- from "dynamiccluster/map.jinja" import settings, systemd with context %}
{%- from "dynamiccluster/master/macros.jinja" import python with context %}
{%- set master = settings("master") | load_json %}
{%- set check = "import sys, salt.config; salt.config.master_config(sys.argv[1], exit_on_config_errors=True)" %}

include:
  - dynamiccluster.master.library
  - dynamiccluster.master.config
  - dynamiccluster.master.keys

{%- if master.restart != "no" and (systemd or master.restart != "auto") %}
dynamiccluster_master_config_parses:
  cmd.run:
    - name: {{ [python(master), "-c", check, master.config_dir ~ "/master"] | map("quote") | join(" ") | json }}
    - onchanges:
      - pip: dynamiccluster_master_library
      - file: dynamiccluster_master_config

{%- if master.restart == "auto" %}
dynamiccluster_master_service:
  service.running:
    - name: salt-master
    - enable: true
    - require:
      - cmd: dynamiccluster_master_config_parses
    - watch:
      - pip: dynamiccluster_master_library
      - file: dynamiccluster_master_config
{%- else %}
dynamiccluster_master_service:
  cmd.run:
    - name: {{ master.restart | json }}
    - require:
      - cmd: dynamiccluster_master_config_parses
    - onchanges:
      - pip: dynamiccluster_master_library
      - file: dynamiccluster_master_config
{%- endif %}
{%- endif %}
