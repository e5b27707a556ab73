"""The real OpenStack as the cloud of a lab: on its head, with a node for each server that runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab import inside
from lab.layout import CHECKOUT
from lab.nova import install, template
from lab.nova.places import KEY_NAME, REGION, SECURITY_GROUP, Place
from lab.state import State

_IN_HEAD = Path("/run/lab/nova")


def start(state: State, wait_for: Callable[..., object]) -> dict[str, Any]:
    """Start the stack on the head; return what the hypervisor and the settings need. Raises what installing raises."""
    install.ensure_environment()
    template.ensure()
    path = state.path / "nova"
    (path / "machines").mkdir(parents=True)
    command = ["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "lab.nova", str(_IN_HEAD)]
    inside.spawn(inside.head_argv(state), command, state.logs / "nova.log")
    wait_for((path / "ready").exists, within=180, what="OpenStack")
    state.write("cloud.json", {"type": "openstack"})
    return {"nova": str(path)}


def resource(state: State, prefix: str, flavor: str, minimum: int, maximum: int, priority: int) -> dict[str, Any]:
    """Return a resource of the engine's settings that launches servers of that flavor."""
    place = Place(state.path / "nova")
    credential = place.facts["credentials"]
    config = {
        "auth_url": place.url("keystone"), "region_name": REGION, "application_credential_id": credential["id"],
        "application_credential_secret": credential["secret"], "image_uuid": place.facts["image"], "flavor": flavor, "key_name": KEY_NAME,
        "security_groups": [SECURITY_GROUP], "networks": [place.facts["networks"]["hpc"]], "instance_name_prefix": prefix,
        "userdata_file": str(CHECKOUT / "examples" / "user-data.yaml"),
    }
    return {"type": "openstack", "quantity": {"min": minimum, "max": maximum}, "priority": priority, "config": config}


def servers(state: State) -> Mapping[str, str]:
    """Return the status of each server by name, as Nova says it on the head."""
    command = ["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "lab.nova.machines", str(_IN_HEAD)]
    return dict(json.loads(inside.run(inside.head_argv(state), command).stdout))
