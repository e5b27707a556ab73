# A worker node on EC2 listens to what AWS announces about its machine (docs/interruption.md), and tells the engine.
# A beacon in the minion that runs anyway: a schedule would start a process each time.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- set worker = settings("worker") | load_json %}
{%- if worker.notices not in ["auto", "aws", "none"] %}
{{- raise("dynamiccluster_worker:notices is " ~ worker.notices ~ "; it is auto, aws or none") }}
{%- endif %}
{%- set maker = grains.get("manufacturer", "") ~ grains.get("biosversion", "") %}

{%- if worker.notices == "aws" or (worker.notices == "auto" and "amazon" in maker | lower) %}
dynamiccluster_notice_module:
  saltutil.sync_modules:
    - refresh: true

dynamiccluster_notice_beacon_module:
  saltutil.sync_beacons:
    - refresh: true

dynamiccluster_notice_beacon:
  beacon.present:
    - name: dynamiccluster_notice
    - save: true
    - interval: {{ worker.notice_interval }}
    - require:
      - saltutil: dynamiccluster_notice_module
      - saltutil: dynamiccluster_notice_beacon_module
{%- endif %}
