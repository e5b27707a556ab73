# The program that the other head states run; it changes Grid Engine's configuration and reads back what became of it.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- set head = settings("head") | load_json %}
{%- if head.batch != "gridengine" %}
{{- raise("dynamiccluster_head:batch is " ~ head.batch ~ ", of which the formula knows nothing; it knows gridengine") }}
{%- endif %}

dynamiccluster_head_tool:
  file.managed:
    - name: /usr/local/lib/dynamiccluster/gridengine_head.py
    - source: salt://dynamiccluster/files/gridengine_head.py
    - makedirs: true
    - mode: '0755'
