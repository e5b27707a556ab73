# Jobs start soon after a node joins, an empty node shows soon after its last job, a dead node shows within about a minute.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- from "dynamiccluster/head/macros.jinja" import run, pairs with context %}
{%- set head = settings("head") | load_json %}

include:
  - dynamiccluster.head.tool

{%- if head.scheduler %}
{{ run("dynamiccluster_head_scheduler", head, ["scheduler"] + (pairs(head.scheduler) | load_json)) }}
{%- endif %}

{%- if head.configuration %}
{{ run("dynamiccluster_head_configuration", head, ["configuration"] + (pairs(head.configuration) | load_json)) }}
{%- endif %}
