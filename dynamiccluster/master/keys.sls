# Ground for the keys of worker nodes. Before 3008 the master itself compares a minion's token with those in a directory, so the
# directory must be the master's alone. The id whose pillar holds the clouds' secrets is barred by a rejected key, for
# whoever holds a good token could otherwise claim that id.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- from "dynamiccluster/master/macros.jinja" import pends, user, settings_minion with context %}
{%- set master = settings("master") | load_json %}
{%- set owner = user(master) %}
{%- set barred = settings_minion(master) %}

{%- if pends(master) == "no" %}
dynamiccluster_master_tokens:
  file.directory:
    - name: {{ master.autosign_grains_dir | json }}
    - user: {{ owner | json }}
    - mode: '0700'
    - makedirs: true
{%- endif %}

{%- if salt["file.file_exists"](master.pki_dir ~ "/minions/" ~ barred) %}
dynamiccluster_master_settings_id_in_use:
  test.show_notification:
    - text: >-
        The minion {{ barred }} is accepted, and its pillar is the one that holds the clouds' secrets: right only if it is the master's
        own machine. Else delete its key, or give the engine another id (dynamiccluster_master:engine:minion_id).
{%- else %}
dynamiccluster_master_barred_id:
  file.managed:
    - name: {{ master.pki_dir }}/minions_rejected/{{ barred }}
    - user: {{ owner | json }}
    - mode: '0644'
    - makedirs: true
    - dir_mode: '0700'
    - replace: false
    - source: salt://dynamiccluster/master/files/barred.pub
{%- endif %}
