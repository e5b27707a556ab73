# The batch system's head: who may do what, how fast it schedules, how it takes jobs without nodes, how it learns names.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- set head = settings("head") | load_json %}

include:
{%- if head.batch == "torque" %}
  - dynamiccluster.head.torque
{%- else %}
  - dynamiccluster.head.rights
  - dynamiccluster.head.scheduler
  - dynamiccluster.head.placeholders
{%- endif %}
  - dynamiccluster.head.names
