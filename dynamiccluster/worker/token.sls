# The one-time token let this minion in; now that it is in, the file that carried it has nothing to do here.
# The minion is not restarted for it: the running highstate would die with it, and the spent token opens nothing.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- set worker = settings("worker") | load_json %}

{%- for path in worker.token_files %}
dynamiccluster_token_{{ loop.index }}:
  file.absent:
    - name: {{ path | json }}
{%- endfor %}
