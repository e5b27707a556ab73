# The engine's configuration. Files of master.d are merged with one another, but a list in /etc/salt/master itself is replaced by
# theirs without a word: so engines that stand there are refused here instead of being lost.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- from "dynamiccluster/master/macros.jinja" import pends with context %}
{%- set master = settings("master") | load_json %}
{%- set main = master.config_dir ~ "/master" %}

{%- set engines = [{"dynamiccluster": master.engine}] + master.other_engines %}
{%- set config = {"engines": engines} %}
{%- if pends(master) == "yes" %}
{%- do config.update({"auth_events_autosign_grains": ["pend"]}) %}
{%- else %}
{%- do config.update({"autosign_grains_dir": master.autosign_grains_dir}) %}
{%- endif %}
{%- if master.external_auth %}
{%- do config.update({"external_auth": master.external_auth, "netapi_enable_clients": ["runner"]}) %}
{%- endif %}

{%- set listed = salt["file.file_exists"](main) and salt["file.contains_regex"](main, "^engines *:") %}
{%- if listed and not master.other_engines %}
dynamiccluster_master_engines_elsewhere:
  test.fail_without_changes:
    - name: >-
        {{ main }} lists engines, and the list in master.d would replace them. Move them to the pillar,
        dynamiccluster_master:other_engines, and take them out of that file.
    - failhard: true
    - require_in:
      - file: dynamiccluster_master_config
{%- endif %}

dynamiccluster_master_config:
  file.serialize:
    - name: {{ master.config_dir }}/master.d/dynamiccluster.conf
    - dataset: {{ config | json }}
    - serializer: yaml
    - makedirs: true
    - mode: '0644'
