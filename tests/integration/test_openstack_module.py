"""The execution module for OpenStack as Salt's own loader loads it, against a small OpenStack over HTTP."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("salt.config")
import salt.exceptions  # noqa: E402

from tests.contract.cloud_openstack import settings  # noqa: E402
from tests.integration.test_aws_module import FUNCTIONS, load  # noqa: E402
from tests.unit.clouds.openstack.fake_http import IMAGE, IMAGE_NAME, PASSWORD, FakeOpenStack  # noqa: E402

pytestmark = pytest.mark.integration
NAME = "dynamiccluster_openstack"


@pytest.fixture
def fake() -> Iterator[FakeOpenStack]:
    with FakeOpenStack() as found:
        yield found


@pytest.fixture
def pillar(fake) -> dict[str, Any]:
    config = {**settings(fake.auth_url).model_dump(exclude_defaults=True), "password": PASSWORD}
    resource = {"type": "openstack", "quantity": {"max": 1}, "config": config}
    return {"dynamiccluster": {"name": "one", "cluster": {"type": "sge", "config": {}}, "cloud": {"compute": resource}}}


@pytest.fixture
def minion(tmp_path, pillar) -> Any:
    return load(tmp_path, "minion", pillar)


def test_it_has_salt_clouds_functions_each_with_an_example(minion):
    found = {name.partition(".")[2]: minion[name] for name in minion if name.startswith(f"{NAME}.")}
    assert set(found) == FUNCTIONS
    for name, function in found.items():
        text = inspect.getdoc(function) or ""
        assert "CLI Example:" in text and f"{NAME}.{name} compute" in text


def test_s33_a_minion_with_the_pillar_runs_them(minion, fake):
    made = minion[f"{NAME}.create"]("compute", "os-module1")
    assert minion[f"{NAME}.create"]("compute", "os-module1")["id"] == made["id"]
    fake.cloud.advance()
    assert minion[f"{NAME}.list_nodes"]("compute")["os-module1"]["state"] == "active"
    assert minion[f"{NAME}.show_instance"]("compute", "os-module1")["cores"] == 2
    assert PASSWORD not in repr(minion[f"{NAME}.list_nodes_full"]("compute"))
    assert minion[f"{NAME}.console"]("compute", "os-module1") == "console of os-module1\n"
    ended = minion[f"{NAME}.destroy"]("compute", "os-module1")["os-module1"]
    assert (ended["previous"], ended["current"]) == ("active", "deleting")


def test_what_there_is_to_choose_from(minion):
    assert minion[f"{NAME}.avail_sizes"]("compute")["g1.large"] == {"id": "g1", "cores": 16, "memory_mb": 65536, "gpus": 2}
    assert minion[f"{NAME}.avail_images"]("compute")[IMAGE]["name"] == IMAGE_NAME
    assert minion[f"{NAME}.avail_locations"]("compute") == {"zone-a": {"region": "", "state": "available"}}


@pytest.mark.parametrize(
    ("call", "arguments", "sentence"),
    [
        ("list_nodes", ("nosuch",), "there is no resource 'nosuch' of type openstack; there are: compute"),
        ("show_instance", ("compute", "os-none"), "has no machine 'os-none'"),
        ("destroy", ("compute", "os-none"), "never touched"),
        ("create", ("compute", "Not A Name"), "no host name"),
        ("avail_images", ("compute", "mine"), "visibility is one of"),
    ],
)
def test_a_failure_is_one_sentence(minion, call, arguments, sentence):
    with pytest.raises(salt.exceptions.CommandExecutionError, match=sentence) as error:
        minion[f"{NAME}.{call}"](*arguments)
    assert "\n" not in str(error.value)


def test_nothing_is_made_above_the_maximum(minion):
    minion[f"{NAME}.create"]("compute", "os-module1")
    with pytest.raises(salt.exceptions.CommandExecutionError, match="quantity:max is 1"):
        minion[f"{NAME}.create"]("compute", "os-module2")
