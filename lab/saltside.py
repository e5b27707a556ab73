"""The lab's Salt: a real master on the head, configured with the project's own formula and a pillar made for the lab."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from lab import admin, inside, services
from lab.errors import LabError
from lab.layout import ACCESS_KEY, ADDRESS, CHECKOUT, REGION
from lab.nova import inlab as openstack
from lab.state import State
from lab.torque import inlab

MASTER_ID = "head_master"
_STATES = "dynamiccluster.master,dynamiccluster.head"

_MASTER: dict[str, Any] = {
    "interface": ADDRESS,
    "worker_threads": 2,
    "file_roots": {"base": ["/srv/salt"]},
    "pillar_roots": {"base": ["/srv/pillar"]},
    "log_level_logfile": "info",
}
_LOCAL_MINION: dict[str, Any] = {**{key: _MASTER[key] for key in ("file_roots", "pillar_roots")}, "id": "head", "file_client": "local"}
# What a file server of the project would serve. Not the whole checkout: the master lists and watches every file below its roots.
_SERVED = ("dynamiccluster", "_engines", "_runners", "_modules", "_beacons")
_TOP = {"base": {"*": ["dynamiccluster.worker"]}}
_WORKERS = f"not L@head,{MASTER_ID}"
_PILLAR_TOP = {"base": {MASTER_ID: ["settings"], "head": ["head"], _WORKERS: [{"match": "compound"}, "worker"]}}
_WITHOUT_ENGINES = """
import sys, yaml
path = sys.argv[1]
content = yaml.safe_load(open(path))
del content["engines"]
open(path, "w").write(yaml.safe_dump(content))
"""


def settings(state: State, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the engine's settings for this lab, quick enough to watch, with `changes` merged in (mappings merge, all else replaces)."""
    if not provider_of(state):
        raise LabError("a lab with Salt needs a cloud", "start it with cloud=True")
    general = {
        "max_idle_time": 10, "max_down_time": 30, "max_launch_time": 120, "cluster_poller_interval": 1, "cloud_poller_interval": 2,
        "auto_provision_interval": 2, "config-checker": {"salt": {}}, "admin-server": {"port": 8001},
    }
    base = {
        "name": "lab",
        "dynamic-cluster": general,
        "cluster": inlab.settings() if cluster_of(state) == "torque" else {"type": "sge", "config": {}},
        "cloud": {
            "standard": _resource(state, "std-", "t3.large", minimum=1, maximum=4, priority=0),
            "large": _resource(state, "big-", "c5.xlarge", minimum=0, maximum=2, priority=1),
        },
    }
    return merge(base, changes or {})


def cluster_of(state: State) -> str:
    """Return which batch system the lab has."""
    return str((state.read("cluster.json") or {}).get("type", "gridengine"))


def provider_of(state: State) -> str:
    """Return which cloud the lab has: aws, openstack, or "" without one."""
    cloud = state.read("cloud.json")
    return "" if cloud is None else str(cloud.get("type", "aws"))


# The flavor for each type of instance: the same cores, so that the same jobs fit.
_FLAVORS = {"t3.large": "lab.small", "c5.xlarge": "lab.large"}


def _resource(state: State, prefix: str, kind: str, *, minimum: int, maximum: int, priority: int) -> dict[str, Any]:
    if provider_of(state) == "openstack":
        return openstack.resource(state, prefix, _FLAVORS[kind], minimum, maximum, priority)
    cloud = state.read("cloud.json")
    config = {
        "access_key_id": ACCESS_KEY, "secret_access_key": "no-secret-in-a-lab", "endpoint_url": cloud["endpoint"], "region_name": REGION,
        "image_id": "ami-03cf127a", "instance_type": kind, "subnet_id": cloud["subnet"], "instance_name_prefix": prefix,
        "userdata_file": str(CHECKOUT / "examples" / "user-data.yaml"),
    }
    return {"type": "aws", "quantity": {"min": minimum, "max": maximum}, "priority": priority, "config": config}


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes`: mappings merge, None removes a key, anything else replaces."""
    result = copy.deepcopy(dict(base))
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merge(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def configure(state: State, changes: Mapping[str, Any] | None = None, engine: bool = True) -> None:
    """Write the master's configuration, top files and pillar, then apply the formula's own states for master and head.

    Raises CommandFailed with the states that failed.
    """
    torque = cluster_of(state) == "torque"
    batch = inlab.head_pillar() if torque else {"configuration": {"load_report_time": "00:00:02", "max_unheard": "00:00:20"}}
    head = {"dynamiccluster_master": {"restart": "no", "engine": {"minion_id": MASTER_ID}}, "dynamiccluster_head": batch}
    worker = {"head": {"name": "head", "address": ADDRESS}, "notices": "aws", "notice_interval": 1, **(inlab.worker_pillar() if torque else {})}
    files = {
        "/etc/salt/master": {**_MASTER, **admin.account()}, "/etc/salt/minion": _LOCAL_MINION, "/srv/salt/top.sls": _TOP,
        "/srv/pillar/top.sls": _PILLAR_TOP, "/srv/pillar/worker.sls": {"dynamiccluster_worker": worker}, "/srv/pillar/head.sls": head,
    }
    for path, content in files.items():
        write(state, path, content)
    inside.run(inside.head_argv(state), ["ln", "-s", *(str(CHECKOUT / name) for name in _SERVED), "/srv/salt"])
    write_settings(state, settings(state, changes))
    inside.run(inside.head_argv(state), ["salt-call", "--local", "--retcode-passthrough", "--state-output=changes", "state.apply", _STATES], timeout=120)
    if not engine:
        # What the formula wrote stays, but for the engine.
        inside.run(inside.head_argv(state), [sys.executable, "-c", _WITHOUT_ENGINES, "/etc/salt/master.d/dynamiccluster.conf"])


def write_settings(state: State, content: Mapping[str, Any]) -> None:
    """Replace the pillar that holds the engine's settings; command texts in it are not taken for Jinja."""
    write(state, "/srv/pillar/settings.sls", {"dynamiccluster": content}, first="#!yaml\n")


def write(state: State, path: str, content: Mapping[str, Any], first: str = "") -> None:
    """Write `content` to a file of the head, as JSON, which is YAML."""
    text = first + json.dumps(content, indent=1) + "\n"
    inside.run(inside.head_argv(state), f"mkdir -p $(dirname {path}) && cat >{path}.new && mv {path}.new {path}", stdin=text)


def start(state: State, wait_for: Callable[..., object]) -> None:
    """Start the master and return when it takes commands."""
    services.start_master(state)
    wait_for(lambda: _listens(state), within=60, what="the salt-master")


def _listens(state: State) -> bool:
    """Tell whether both of the master's ports are open."""
    done = inside.run(inside.head_argv(state), "ss -Hltn '( sport = 4505 or sport = 4506 )' | wc -l", check=False)
    return done.stdout.strip() == "2"


def salt_run(state: State, function: str, *arguments: str, timeout: float = 60.0, **keywords: Any) -> Any:
    """Return what a runner function returned. Raises CommandFailed with its message when it failed."""
    words = [function, *arguments, *(f"{key}={json.dumps(value)}" for key, value in keywords.items())]
    done = inside.run(inside.head_argv(state), ["salt-run", "--out=json", "--log-level=quiet", *words], timeout=timeout)
    return json.loads(done.stdout)
