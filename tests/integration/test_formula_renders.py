"""Every branch of the formula renders, by Salt itself, with every pillar that its documentation names; a wrong pillar is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("salt")
import salt._logging  # noqa: E402
import salt.client  # noqa: E402
import salt.config  # noqa: E402
import yaml  # noqa: E402

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
Show = Callable[..., Any]
HEAD = {"name": "head", "address": "192.0.2.10"}


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Show:
    """Return show(sls, pillar): the rendered states by id, or the list of errors."""
    root = tmp_path_factory.mktemp("salt")
    (root / "states").mkdir()  # the file server walks all of its root, and a checkout may hold virtual environments
    (root / "states" / "dynamiccluster").symlink_to(ROOT / "dynamiccluster")
    opts = salt.config.minion_config(None, role="minion")
    opts.update(id="box", file_client="local", root_dir=str(root), cachedir=str(root / "cache"), pki_dir=str(root / "pki"),
                extension_modules=str(root / "ext"), file_roots={"base": [str(root / "states")]}, pillar_roots={"base": [str(root)]},
                fileserver_backend=["roots"], autoload_dynamic_modules=False, enable_fqdns_grains=False)  # fmt: skip
    salt._logging.shutdown_temp_handler()  # it keeps all records and writes them once pytest has closed its streams
    caller = salt.client.Caller(mopts=opts)
    return lambda sls, pillar: caller.cmd("state.show_sls", sls, pillar=pillar)


def states(rendered: Any) -> dict[str, dict[str, Any]]:
    """Return {id: {"module.function": merged arguments}} of a rendering that worked."""
    assert isinstance(rendered, dict), rendered
    found: dict[str, dict[str, Any]] = {}
    for name, body in rendered.items():
        for module, parts in body.items():
            if not module.startswith("__"):
                function = next(part for part in parts if isinstance(part, str))
                arguments = {key: value for part in parts if isinstance(part, dict) for key, value in part.items()}
                found.setdefault(name, {})[f"{module}.{function}"] = arguments
    return found


def worker(**settings: Any) -> dict[str, Any]:
    return {"dynamiccluster_worker": {"head": HEAD, **settings}}


def test_worker_without_systemd_starts_by_its_script(show: Show) -> None:
    found = states(show("dynamiccluster.worker", worker(start="command", gridengine={"cell_shared": False})))
    assert "cmd.run" in found["dynamiccluster_execd"]
    assert found["dynamiccluster_execd_qmaster"]["file.managed"]["contents"] == "head"
    assert found["dynamiccluster_name_head"]["host.present"]["ip"] == "192.0.2.10"


def test_worker_takes_the_token_out_of_whichever_file_holds_it(show: Show, tmp_path: Path) -> None:
    (tmp_path / "minion.d").mkdir()
    (tmp_path / "minion.d" / "grains.conf").write_text("grains:\n  dynamiccluster_token: abc\n")
    (tmp_path / "minion").write_text("autosign_grains: [dynamiccluster_token]\n")
    found = states(show("dynamiccluster.worker.token", worker(minion_config=str(tmp_path))))
    assert [state["file.replace"]["name"] for state in found.values()] == [str(tmp_path / "minion.d" / "grains.conf")]


def test_worker_with_systemd_masks_the_distributions_service_before_the_package(show: Show) -> None:
    found = states(show("dynamiccluster.worker", worker(start="systemd", gridengine={"execd": "/none/sge_execd"})))
    assert found["dynamiccluster_execd"]["service.running"]["name"] == "dynamiccluster-execd"
    assert {"service": "dynamiccluster_execd_distribution_service"} in found["dynamiccluster_execd_packages"]["pkg.installed"]["require"]


def test_worker_with_a_shared_cell_writes_nothing_into_it(show: Show) -> None:
    found = states(show("dynamiccluster.worker", worker(gridengine={"cell_shared": True})))
    assert "dynamiccluster_execd_bootstrap" not in found
    assert "file.exists" in found["dynamiccluster_execd_cell"]


def test_worker_with_names_that_resolve_leaves_hosts_alone(show: Show) -> None:
    found = states(show("dynamiccluster.worker", {"dynamiccluster_worker": {"head": {"name": "head"}}}))
    assert not [name for name in found if name.startswith("dynamiccluster_name_")]


@pytest.mark.parametrize(
    ("sls", "pillar", "said"),
    [
        ("worker", {}, "dynamiccluster_worker:head:name is missing"),
        ("worker", worker(batch="slurm"), "knows nothing"),
        ("worker", worker(strat="auto"), "dynamiccluster_worker:strat in the pillar is no setting"),
        ("worker", worker(gridengine={"sel": 1}), "dynamiccluster_worker:gridengine:sel in the pillar"),
        ("worker", worker(gridengine=[]), "dynamiccluster_worker:gridengine in the pillar is no mapping"),
        ("head", {"dynamiccluster_head": {"batch": "slurm"}}, "knows nothing"),
        ("head", {"dynamiccluster_head": {"names": {"method": "bind"}}}, "one of none, hosts, dnsmasq"),
        ("master", {"dynamiccluster_master": {"enigne": {}}}, "dynamiccluster_master:enigne in the pillar"),
    ],
)
def test_a_wrong_pillar_is_said(show: Show, sls: str, pillar: dict[str, Any], said: str) -> None:
    errors = show(f"dynamiccluster.{sls}", pillar)
    assert isinstance(errors, list) and said in "\n".join(errors)


@pytest.mark.parametrize("method", ["none", "hosts", "dnsmasq"])
def test_head_renders_with_every_way_to_names(show: Show, method: str) -> None:
    found = states(show("dynamiccluster.head", {"dynamiccluster_head": {"engine_user": "salt", "names": {"method": method}}}))
    assert ("dynamiccluster_head_names_command" in found) is (method != "none")
    assert ("dynamiccluster_head_names_sudo" in found) is (method == "hosts")
    assert ("dynamiccluster_head_names_dnsmasq" in found) is (method == "dnsmasq")
    assert "manager salt" in found["dynamiccluster_head_manager"]["cmd.run"]["name"]


def test_head_leaves_out_what_is_emptied(show: Show) -> None:
    pillar = {"dynamiccluster_head": {"scheduler": {"schedule_interval": "00:00:05"}, "placeholder": {"address": ""}}}
    found = states(show("dynamiccluster.head", pillar))
    assert "schedule_interval=00:00:05" in found["dynamiccluster_head_scheduler"]["cmd.run"]["name"]
    assert "dynamiccluster_head_placeholder_name" not in found


@pytest.mark.parametrize(("version", "pends"), [("3006.9", False), ("3007", False), ("3008.3", True)])
def test_master_lets_tokens_in_as_its_version_can(show: Show, version: str, pends: bool) -> None:
    found = states(show("dynamiccluster.master", {"dynamiccluster_master": {"salt_version": version}}))
    config = found["dynamiccluster_master_config"]["file.serialize"]["dataset"]
    assert (config.get("auth_events_autosign_grains") == ["pend"]) is pends
    assert ("autosign_grains_dir" in config) is not pends
    if not pends:
        assert found["dynamiccluster_master_tokens"]["file.directory"]["mode"] == "0700"


def test_master_bars_the_id_whose_pillar_holds_the_settings(show: Show, tmp_path: Path) -> None:
    pillar = {"dynamiccluster_master": {"engine": {"minion_id": "settings"}, "pki_dir": str(tmp_path), "salt_version": "3008"}}
    found = states(show("dynamiccluster.master.keys", pillar))
    assert found["dynamiccluster_master_barred_id"]["file.managed"]["name"] == f"{tmp_path}/minions_rejected/settings"
    (tmp_path / "minions").mkdir()
    (tmp_path / "minions" / "settings").write_text("a key")
    found = states(show("dynamiccluster.master.keys", pillar))
    assert list(found) == ["dynamiccluster_master_settings_id_in_use"], "an accepted key is taken: nobody else can claim its id"


def test_master_belongs_to_the_user_who_owns_its_keys(show: Show, tmp_path: Path) -> None:
    pillar = {"dynamiccluster_master": {"pki_dir": str(tmp_path), "salt_version": "3006", "user": "salt"}}
    found = states(show("dynamiccluster.master.keys", pillar))
    assert found["dynamiccluster_master_tokens"]["file.directory"]["user"] == "salt"


def test_master_refuses_to_hide_engines_that_stand_elsewhere(show: Show, tmp_path: Path) -> None:
    (tmp_path / "master").write_text("engines:\n  - slack: {}\n")
    pillar: dict[str, Any] = {"config_dir": str(tmp_path)}
    assert "dynamiccluster_master_engines_elsewhere" in states(show("dynamiccluster.master", {"dynamiccluster_master": pillar}))
    pillar["other_engines"] = [{"slack": {}}]
    found = states(show("dynamiccluster.master", {"dynamiccluster_master": pillar}))
    assert found["dynamiccluster_master_config"]["file.serialize"]["dataset"]["engines"] == [{"dynamiccluster": {}}, {"slack": {}}]


@pytest.mark.parametrize(
    ("pillar", "name"),
    [
        ({}, "saltext.dynamiccluster[aws]"),
        ({"version": "2.0.0"}, "saltext.dynamiccluster[aws]==2.0.0"),
        ({"package": "/srv/dynamiccluster", "extras": []}, "/srv/dynamiccluster"),
        ({"package": "git+https://example.org/dc.git", "extras": ["aws"]}, "saltext.dynamiccluster[aws] @ git+https://example.org/dc.git"),
    ],
)
def test_master_installs_the_library_from_where_the_pillar_says(show: Show, pillar: dict[str, Any], name: str) -> None:
    found = states(show("dynamiccluster.master.library", {"dynamiccluster_master": pillar}))
    assert found["dynamiccluster_master_library"]["pip.installed"]["name"] == name


def test_the_defaults_never_use_the_key_of_the_settings() -> None:
    parts = yaml.safe_load((ROOT / "dynamiccluster" / "defaults.yaml").read_text())
    assert set(parts) == {"master", "head", "worker"}
    assert 'salt["pillar.get"]("dynamiccluster_" ~ part' in (ROOT / "dynamiccluster" / "map.jinja").read_text()
