# What the engine's user must be: a manager of Grid Engine, on an administrative and submit host. `salt-run dynamiccluster.validate`
# checks the same. The host group marks the hosts that the engine itself holds.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- from "dynamiccluster/head/macros.jinja" import run with context %}
{%- set head = settings("head") | load_json %}
{%- set host = head.engine_host or salt["network.get_hostname"]() %}

include:
  - dynamiccluster.head.tool

{{ run("dynamiccluster_head_manager", head, ["manager", head.engine_user]) }}

{{ run("dynamiccluster_head_admin_host", head, ["admin-host", host]) }}

{{ run("dynamiccluster_head_submit_host", head, ["submit-host", host]) }}

{{ run("dynamiccluster_head_held_group", head, ["host-group", head.held_group]) }}
