"""
Tells the master what the cloud announces about this machine: a spot interruption, a rebalance recommendation, scheduled maintenance.

The worker formula configures it (`dynamiccluster_worker:notices`); by hand:

.. code-block:: yaml

    beacons:
      dynamiccluster_notice:
        - interval: 5
"""

from __future__ import annotations

__version__ = "2.0.0"
__virtualname__ = "dynamiccluster_notice"


def __virtual__():
    return __virtualname__


def validate(config):
    """Tell whether the beacon's configuration makes sense."""
    known = {"interval", "enabled", "disable_during_state_run", "beacon_module", "_beacon_name"}
    items = config if isinstance(config, list) else [config]
    unknown = sorted({str(key) for item in items if isinstance(item, dict) for key in item} - known)
    if unknown:
        return False, f"dynamiccluster_notice does not know {', '.join(unknown)}"
    return True, "Valid beacon configuration"


def beacon(config):
    """
    Return the notice that is to be told now, signed; nothing otherwise.

    Event: ``salt/beacon/<minion id>/dynamiccluster_notice/`` with ``said`` (JSON: id, instance, notices, at) and its ``signature``.
    """
    if "dynamiccluster_node.announce" not in __salt__:
        return []
    return __salt__["dynamiccluster_node.announce"]()
