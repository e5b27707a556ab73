# The one-time token let this minion in; now that it is in, the token has nothing to do in the minion's configuration.
# The minion is not restarted for it: the running highstate would die with it, and the spent token opens nothing.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- set worker = settings("worker") | load_json %}
{%- set grain = "dynamiccluster_token" %}

{%- set holders = salt["file.find"](worker.minion_config, type="f", maxdepth=2, grep=grain ~ " *:") if salt["file.directory_exists"](worker.minion_config) else [] %}
{%- for path in holders %}
dynamiccluster_token_in_{{ path }}:
  file.replace:
    - name: {{ path | json }}
    - pattern: {{ ("[\"']?" ~ grain ~ "[\"']?[ \\t]*:[ \\t]*[^\\s,}#]+,?") | json }}
    - repl: ''
    - backup: false
    - show_changes: false
{%- endfor %}
