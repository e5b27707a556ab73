"""The reactor of examples/, run by a real master on a real event."""

from __future__ import annotations

import salt.utils.event

from .clusters import resource
from .daemons import Master, eventually


def test_a_failed_instance_freezes_its_resource(live: Master) -> None:
    assert resource(live)["flag_name"] == "Normal"
    with salt.utils.event.get_event("master", opts=live.opts(), listen=False) as bus:
        data = {"cluster": "lab", "id": "i-1", "resource": "cloud1", "reason": "a test"}
        assert bus.fire_event(data, "dynamiccluster/lab/instance/dc-aaaaaa/failed")
    eventually(lambda: resource(live)["flag_name"] == "Frozen", 120, "the frozen resource")
    assert live.ask("dynamiccluster.restore", "cloud1")[0] == 0
    eventually(lambda: resource(live)["flag_name"] == "Normal", 120, "the restored resource")
