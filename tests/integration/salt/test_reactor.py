"""The reactor of examples/, run by a real master on a real event."""

from __future__ import annotations

from pathlib import Path

import salt.utils.event
import yaml

from .daemons import CHECKOUT, Master, eventually
from .test_engine import good_pillar, running

EXAMPLE = CHECKOUT / "examples" / "reactor"


def test_a_failed_instance_freezes_its_resource(tmp_path: Path) -> None:
    text = (EXAMPLE / "master.conf").read_text().replace("/srv/reactor", str(EXAMPLE))
    daemon = Master(tmp_path / "r", engines=[{"dynamiccluster": {}}], **yaml.safe_load(text))
    daemon.pillar("top.sls", "base:\n  the_master:\n    - cluster\n")
    daemon.pillar("cluster.sls", good_pillar())
    daemon.start()
    try:
        daemon.wait_until_up()
        eventually(lambda: running(daemon), 60, "the engine")
        with salt.utils.event.get_event("master", opts=daemon.opts(), listen=False) as bus:
            data = {"cluster": "lab", "id": "i-1", "resource": "cloud1", "reason": "a test"}
            assert bus.fire_event(data, "dynamiccluster/lab/instance/dc-aaaaaa/failed")
        eventually(lambda: daemon.run("dynamiccluster.resource", "cloud1")[1]["flag_name"] == "Frozen", 40, "the frozen resource")
    finally:
        daemon.stop()
