# The worker node knows the head, and itself by the address that the head sees.
# Debian's images give the host name to 127.0.1.1, and an execution daemon that believes it cannot talk to its qmaster.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- set worker = settings("worker") | load_json %}
{%- set head = worker.head %}
{%- if not head.name %}
{{- raise("dynamiccluster_worker:head:name is missing: the batch system's head, by the name that its own host has") }}
{%- endif %}

{%- set names = [] %}
{%- if head.address %}
{%- for name in [head.name] + head.aliases %}
{%- do names.append((name, head.address)) %}
{%- endfor %}
{%- if worker.own_name == "auto" %}
{%- set here = salt["network.get_hostname"]() %}
{%- set address = salt["network.get_route"](head.address).source %}
{%- if address and not address.startswith("127.") %}
{%- for name in [here, here.split(".")[0]] | unique %}
{%- do names.append((name, address)) %}
{%- endfor %}
{%- endif %}
{%- endif %}
{%- endif %}

{%- for name, address in names %}
dynamiccluster_name_{{ name }}:
  host.present:
    - name: {{ name | json }}
    - ip: {{ address | json }}
    - clean: true
{%- endfor %}
