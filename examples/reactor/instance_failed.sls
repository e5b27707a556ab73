# Stop launching in a resource whose instance failed, until an administrator restores it.
freeze_resource:
  runner.dynamiccluster.freeze:
    - args:
      - resource: {{ data['resource'] }}
      - cluster: {{ data['cluster'] }}
