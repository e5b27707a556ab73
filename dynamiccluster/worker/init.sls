# A worker node: everything between an accepted minion and an execution daemon that serves the batch system.
# Each batch system has its own file here; `dynamiccluster_worker:batch` chooses.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- set worker = settings("worker") | load_json %}
{%- set branches = ["gridengine", "torque"] %}
{%- if worker.batch not in branches %}
{{- raise("dynamiccluster_worker:batch is " ~ worker.batch ~ ", of which the formula knows nothing; it knows " ~ branches | join(", ")) }}
{%- endif %}

include:
  - dynamiccluster.worker.names
  - dynamiccluster.worker.{{ worker.batch }}
  - dynamiccluster.worker.token
  - dynamiccluster.worker.notices
