"""The execution module as Salt's own loader loads it, on the master and on a minion."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

salt_config = pytest.importorskip("salt.config")
import salt.exceptions  # noqa: E402
import salt.loader  # noqa: E402
import yaml  # noqa: E402

from tests.contract.cloud_ec2 import CHECKOUT, SECRET, moto_server, settings  # noqa: E402

pytestmark = pytest.mark.integration
NAME = "dynamiccluster_aws"
FUNCTIONS = {
    *("list_nodes", "list_nodes_full", "show_instance", "console", "create", "destroy"),
    *("avail_sizes", "avail_images", "avail_locations"),
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with moto_server() as found:
        yield found


@pytest.fixture
def pillar(url) -> dict[str, Any]:
    config = settings(url).model_dump(exclude_none=True) | {"secret_access_key": SECRET}
    resource = {"type": "aws", "quantity": {"max": 1}, "config": config}
    return {"dynamiccluster": {"name": "one", "cluster": {"type": "sge", "config": {}}, "cloud": {"compute": resource}}}


def load(directory: Path, role: str, pillar: dict[str, Any], **more: Any) -> Any:
    """Return the module's functions by name, loaded from the file in `_modules`."""
    options = salt_config.DEFAULT_MASTER_OPTS.copy() if role == "master" else salt_config.DEFAULT_MINION_OPTS.copy()
    options |= {"id": "head_master", "__role": role, "root_dir": str(directory), "cachedir": str(directory / "cache")}
    options |= {"extension_modules": str(directory / "ext"), "grains": {}, "pillar": {} if role == "master" else pillar, **more}
    return salt.loader.LazyLoader(
        [str(CHECKOUT / "_modules")],
        options,
        tag="module",
        pack={"__opts__": options, "__pillar__": options["pillar"], "__salt__": {}, "__context__": {}, "__grains__": {}},
    )


@pytest.fixture
def minion(tmp_path, pillar) -> Any:
    return load(tmp_path, "minion", pillar)


def test_it_has_salt_clouds_functions_each_with_an_example(minion):
    found = {name.partition(".")[2]: minion[name] for name in minion if name.startswith(f"{NAME}.")}
    assert set(found) == FUNCTIONS
    for name, function in found.items():
        text = inspect.getdoc(function) or ""
        assert "CLI Example:" in text and f"dynamiccluster_aws.{name} compute" in text


def test_a_minion_with_the_pillar_runs_them(minion):
    made = minion[f"{NAME}.create"]("compute", "wn-module1")
    assert minion[f"{NAME}.list_nodes"]("compute")["wn-module1"]["id"] == made["id"]
    assert SECRET not in repr(minion[f"{NAME}.list_nodes_full"]("compute"))
    whole = minion[f"{NAME}.console"]("compute", "wn-module1").splitlines()
    assert len(whole) > 2 and minion[f"{NAME}.console"]("compute", made["id"], lines="2").splitlines() == whole[-2:]
    with pytest.raises(salt.exceptions.CommandExecutionError, match="wn-nosuch"):
        minion[f"{NAME}.console"]("compute", "wn-nosuch")
    assert minion[f"{NAME}.destroy"]("compute", "wn-module1")["wn-module1"]["previous"] == "active"


def test_the_master_reads_the_pillar_of_its_own_id(tmp_path, pillar):
    roots = tmp_path / "pillar"
    roots.mkdir()
    (roots / "top.sls").write_text("base:\n  head_master: [settings]\n", encoding="utf-8")
    (roots / "settings.sls").write_text(yaml.safe_dump(_plain(pillar)), encoding="utf-8")
    module = load(tmp_path, "master", {}, pillar_roots={"base": [str(roots)]}, engines=[{"dynamiccluster": {}}])
    assert module[f"{NAME}.list_nodes"]("compute") == {}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize(
    ("call", "arguments", "sentence"),
    [
        ("list_nodes", ("nosuch",), "there is no resource 'nosuch' of type aws; there are: compute"),
        ("show_instance", ("compute", "wn-none"), "has no machine 'wn-none'"),
        ("destroy", ("compute", "wn-none"), "never touched"),
        ("create", ("compute", "Not A Name"), "no host name"),
    ],
)
def test_a_failure_is_one_sentence(minion, call, arguments, sentence):
    with pytest.raises(salt.exceptions.CommandExecutionError, match=sentence) as error:
        minion[f"{NAME}.{call}"](*arguments)
    assert "\n" not in str(error.value)


def test_a_broken_pillar_names_its_faults_and_no_secret(tmp_path, pillar):
    pillar["dynamiccluster"]["cloud"]["compute"]["config"]["image_id"] = "nonsense"
    with pytest.raises(salt.exceptions.CommandExecutionError, match="cloud:compute:config:image_id") as error:
        load(tmp_path, "minion", pillar)[f"{NAME}.list_nodes"]("compute")
    assert SECRET not in str(error.value)


def test_a_worker_without_the_pillar_is_told_why(tmp_path):
    loader = load(tmp_path, "minion", {})
    assert f"{NAME}.list_nodes" not in loader
    assert "this minion's pillar holds no dynamiccluster" in loader.missing_fun_string(f"{NAME}.list_nodes")


def test_another_version_of_the_library_is_refused(tmp_path, pillar, monkeypatch):
    monkeypatch.setattr("saltext.dynamiccluster.__version__", "1.0.0")
    loader = load(tmp_path, "minion", pillar)
    assert f"{NAME}.list_nodes" not in loader
    assert "the installed library 1.0.0" in loader.missing_fun_string(f"{NAME}.list_nodes")
