"""The module of the worker nodes, as Salt's own loader loads it: it needs neither the library nor any package."""

from __future__ import annotations

import base64
import inspect
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

salt_config = pytest.importorskip("salt.config")
import salt.crypt  # noqa: E402
import salt.loader  # noqa: E402

from lab import metadata  # noqa: E402

from .test_notices import make_key  # noqa: E402

MODULES = Path(__file__).parents[3] / "_modules"
NAME = "dynamiccluster_node"


@pytest.fixture
def module(tmp_path: Path) -> Any:
    options = {**salt_config.DEFAULT_MINION_OPTS, "id": "dc-a", "extension_modules": str(tmp_path), "cachedir": str(tmp_path), "grains": {}}
    pack = {"__opts__": options, "__pillar__": {}, "__salt__": {}, "__context__": {}, "__grains__": {}}
    return salt.loader.LazyLoader([str(MODULES)], options, tag="module", pack=pack)


def test_each_function_has_an_example(module: Any) -> None:
    found = {name for name in module if name.startswith(f"{NAME}.")}
    assert found == {f"{NAME}.{function}" for function in ("facts", "execd_running", "notices", "announce")}
    for name in found:
        assert "CLI Example" in inspect.getdoc(module[name]) and name in inspect.getdoc(module[name])


def test_facts(module: Any) -> None:
    facts = module[f"{NAME}.facts"]()
    assert facts["cores"] == len(os.sched_getaffinity(0))
    assert 0 < facts["memory_mb"] <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20


@pytest.mark.parametrize("name", ["dc_fake_execd", "dc_fake_execd_with_a_long_name"])
def test_execd_running(name: str, module: Any, tmp_path: Path) -> None:
    running = lambda: module[f"{NAME}.execd_running"](name)  # noqa: E731
    assert running() is False
    program = shutil.copy(shutil.which("sleep") or "", tmp_path / name)
    daemon = subprocess.Popen([program, "60"])
    try:
        until = time.monotonic() + 10  # the kernel gives a new process its name a moment after it was started
        while not running() and time.monotonic() < until:
            time.sleep(0.01)
        assert running() is True
    finally:
        daemon.kill()
        daemon.wait()
    assert running() is False


# -- what the cloud announces -----------------------------------------------------------------------------------------


@pytest.fixture
def facts() -> dict[str, str]:
    return {"instance-id": "i-1", metadata.MAINTENANCE: "[]"}


@pytest.fixture
def service(facts: dict[str, str]) -> Iterator[str]:
    """Serve the metadata of this machine; yield the service's address."""
    server = metadata.Server(("127.0.0.1", 0), lambda address: facts)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_nothing_is_announced(module: Any, service: str) -> None:
    assert module[f"{NAME}.notices"](service) == {"instance": "i-1", "notices": []}
    assert module[f"{NAME}.announce"](service) == []


def test_each_kind_of_notice_is_told_with_its_time(module: Any, service: str, facts: dict[str, str]) -> None:
    facts |= {
        metadata.SPOT: metadata.spot_action("terminate", 1_800_000_000),
        metadata.REBALANCE: metadata.rebalance(1_799_999_000),
        metadata.MAINTENANCE: metadata.maintenance("instance-retirement", 1_800_086_400),
    }
    found = module[f"{NAME}.notices"](service)["notices"]
    assert [(notice["kind"], notice["due"]) for notice in found] == [("interruption", 1_800_000_000), ("rebalance", 0), ("retirement", 1_800_086_400)]
    assert "terminate at 2027-01-15T08:00:00Z" in found[0]["text"] and "instance-retirement" in found[2]["text"]


@pytest.mark.parametrize(("code", "state"), [("system-reboot", "canceled"), ("system-reboot", "completed"), ("system-maintenance", "active")])
def test_maintenance_that_is_over_called_off_or_ends_nothing_is_left_out(
    module: Any, service: str, facts: dict[str, str], code: str, state: str
) -> None:
    facts[metadata.MAINTENANCE] = metadata.maintenance(code, 1_800_000_000).replace("active", state)
    assert module[f"{NAME}.notices"](service)["notices"] == []


def test_token_that_is_no_longer_taken_is_replaced(module: Any, service: str, facts: dict[str, str]) -> None:
    module[f"{NAME}.notices"](service)
    module.pack["__context__"]["dynamiccluster_node.token"] = "too-old"
    assert module[f"{NAME}.notices"](service)["instance"] == "i-1"


def test_notice_is_told_once_signed_by_the_minion_and_again_after_a_while(
    module: Any, service: str, facts: dict[str, str], tmp_path: Path
) -> None:
    make_key(tmp_path, "minion")
    module.opts["pki_dir"] = module.pack["__opts__"]["pki_dir"] = str(tmp_path)
    facts[metadata.SPOT] = metadata.spot_action("terminate", 1_800_000_000)
    announce = module[f"{NAME}.announce"]
    [message] = announce(service)
    said = json.loads(message["said"])
    assert (said["id"], said["instance"], [notice["kind"] for notice in said["notices"]]) == ("dc-a", "i-1", ["interruption"])
    signature = base64.b64decode(message["signature"])
    assert salt.crypt.verify_signature(str(tmp_path / "minions" / "minion"), message["said"].encode(), signature)
    assert announce(service) == []
    module.pack["__context__"]["dynamiccluster_node.announce"]["at"] -= 31
    assert len(announce(service)) == 1


def test_machine_without_the_service_is_left_in_peace(module: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(OSError):
            module[f"{NAME}.notices"](address)
        assert module[f"{NAME}.announce"](address) == []
    known = module.pack["__context__"]["dynamiccluster_node.announce"]
    assert known["not_before"] > time.monotonic() + 30, "it is not asked again at once"


@pytest.mark.parametrize("answer", ["{", "[1]", '"text"', "null"])
def test_answer_that_makes_no_sense_is_no_notice(module: Any, service: str, facts: dict[str, str], answer: str) -> None:
    facts[metadata.SPOT] = answer
    assert module[f"{NAME}.announce"](service) == []


# -- the beacon -------------------------------------------------------------------------------------------------------


def test_beacon_tells_what_the_module_says(tmp_path: Path) -> None:
    options = {**salt_config.DEFAULT_MINION_OPTS, "id": "dc-a", "extension_modules": str(tmp_path), "cachedir": str(tmp_path)}
    pack = {"__opts__": options, "__salt__": {"dynamiccluster_node.announce": lambda: [{"said": "x"}]}}
    beacons = salt.loader.LazyLoader([str(MODULES.parent / "_beacons")], options, tag="beacons", pack=pack)
    assert beacons["dynamiccluster_notice.beacon"]([]) == [{"said": "x"}]
    assert beacons["dynamiccluster_notice.validate"]([{"interval": 5}]) == (True, "Valid beacon configuration")
    assert beacons["dynamiccluster_notice.validate"]([{"intervall": 5}])[0] is False
