# A host without slots, and without a machine, in each queue: with no queue instance at all Grid Engine refuses `qsub -q all.q`,
# and a plain `qsub` fails although its job is queued. Jobs that ask for `-w e` are refused all the same.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- from "dynamiccluster/head/macros.jinja" import run with context %}
{%- set head = settings("head") | load_json %}
{%- set placeholder = head.placeholder %}

include:
  - dynamiccluster.head.tool

{%- if placeholder.address %}
dynamiccluster_head_placeholder_name:
  host.present:
    - name: {{ placeholder.name | json }}
    - ip: {{ placeholder.address | json }}
    - clean: true
    - require_in:
      - cmd: dynamiccluster_head_placeholder
{%- endif %}

{{ run("dynamiccluster_head_placeholder", head, ["placeholder", placeholder.name] + placeholder.host_groups) }}
