# Torque's server: the engine's user manages it, and jobs are admitted that no node can serve yet. qsub refuses whatever the nodes
# that are defined now could not serve, so an empty cluster would take no job at all. `nodect` admits numbers of nodes and unknown
# properties; for jobs with more processors a node (ppn) than any node has there are placeholders: nodes without a machine, offline for ever.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- set head = settings("head") | load_json %}
{%- set torque = head.torque %}
{%- set qmgr = torque.path ~ "/qmgr" %}
{%- set manager = head.engine_user ~ "@" ~ (head.engine_host or salt["network.get_hostname"]()) %}

{%- macro request(id, text, unless, require=none) %}
{{ id }}:
  cmd.run:
    - name: {{ (qmgr ~ " -c " ~ (text | quote)) | json }}
    - unless: {{ unless | json }}
    - runas: {{ torque.run_as | json }}
{%- if require %}
    - require:
      - {{ require }}
{%- endif %}
{%- endmacro %}

{%- macro in_server(pattern) %}
{{- qmgr ~ " -c 'print server' | grep -qE " ~ (pattern | quote) }}
{%- endmacro %}

{{ request("dynamiccluster_head_manager", "set server managers += " ~ manager,
           in_server("^set server managers \\+?= (.*[, ])?" ~ head.engine_user ~ "@")) }}

{%- if torque.nodect %}
{{ request("dynamiccluster_head_nodect", "set server resources_available.nodect = " ~ torque.nodect,
           in_server("^set server resources_available.nodect = " ~ torque.nodect ~ "$")) }}
{%- endif %}

{%- for one in torque.placeholders %}
{%- set count = one.get("count", 1) %}
{%- for number in range(1, count + 1) %}
{%- set name = one.name if count == 1 else one.name ~ "-" ~ number %}
{%- if head.placeholder.address %}
# pbs_server defines no node whose name does not resolve. The address is nobody's.
dynamiccluster_head_placeholder_name_{{ name }}:
  host.present:
    - name: {{ name | json }}
    - ip: {{ head.placeholder.address | json }}
{%- endif %}
{%- set attributes = ["np=" ~ one.get("np", 1)] %}
{%- if one.get("gpus") %}
{%- do attributes.append("gpus=" ~ one.gpus) %}
{%- endif %}
{%- if one.get("properties") %}
{%- do attributes.append('properties="' ~ one.properties | join(",") ~ '"') %}
{%- endif %}
{{ request("dynamiccluster_head_placeholder_" ~ name, "create node " ~ name ~ " " ~ attributes | join(","),
           torque.path ~ "/pbsnodes -x " ~ (name | quote) ~ " >/dev/null 2>&1",
           "host: dynamiccluster_head_placeholder_name_" ~ name if head.placeholder.address else none) }}
{%- endfor %}
{%- endfor %}
