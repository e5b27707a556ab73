"""A resource that has machines stays where they are: in another place they would be called gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from saltext.dynamiccluster.control.places import check_places, find_place, note_places
from saltext.dynamiccluster.errors import ConfigurationError
from saltext.dynamiccluster.model import NodeRecord, Phase
from saltext.dynamiccluster.policy.memory import Memory
from saltext.dynamiccluster.settings import Settings
from saltext.dynamiccluster.sim.world import World, make_settings

RECORD = NodeRecord("cloud1-aaaaaa", "cloud1", "i1", phase=Phase.SERVING, tried_at=1.0, instance_id="i-1")
AWS = {"region_name": "us-east-1", "image_id": "ami-12345678", "instance_type": "c5.xlarge", "instance_name_prefix": "cloud1-"}
OPENSTACK = {
    "auth_url": "http://127.0.0.1:5000/v3",
    "username": "dc",
    "password": "secret-password",
    "project": "hpc",
    "image_uuid": "0" * 32,
    "flavor": "m1.large",
    "instance_name_prefix": "cloud1-",
}
KEY, SAME_ACCOUNT, OTHER_ACCOUNT = "AKIAQNZGKIQY56JQ7WML", "AKIAQNZGKIQY7AAAAAAA", "AKIA2NZGKIQY56JQ7WML"
ROLE = "arn:aws:iam::123456789012:role/workers"


def aws(**config: Any) -> Settings:
    return make_settings({"cloud1": {"config": {**AWS, **config}}})


def keys(identity: str, secret: str = "a-secret-key") -> dict[str, str]:
    return {"access_key_id": identity, "secret_access_key": secret}


def openstack(**config: Any) -> Settings:
    return make_settings({"cloud1": {"type": "openstack", "config": {**OPENSTACK, **config}}})


def credential(identity: str, **config: Any) -> Settings:
    """Return a resource that signs in with an application credential."""
    known = {key: value for key, value in OPENSTACK.items() if key not in ("username", "password", "project")}
    secret = {"application_credential_id": identity, "application_credential_secret": "a-secret"}
    return make_settings({"cloud1": {"type": "openstack", "config": {**known, **secret, **config}}})


PROJECT = {"project_id": "c0ffee00c0ffee00c0ffee00c0ffee00"}
MOVES = (
    (aws(), aws(region_name="eu-west-1"), "config:region_name"),
    (aws(), aws(endpoint_url="http://127.0.0.1:1"), "config:endpoint_url"),
    (aws(**keys(KEY)), aws(**keys(OTHER_ACCOUNT)), "config:access_key_id"),
    (aws(**keys("AKIAIOSFODNN7EXAMPLE")), aws(**keys("AKIAJOSFODNN7EXAMPLE")), "config:access_key_id"),
    (aws(**keys(KEY)), aws(**keys(KEY), role_arn=ROLE), "config:access_key_id"),
    (aws(role_arn=ROLE), aws(role_arn=ROLE.replace("123", "987")), "config:access_key_id"),
    (aws(profile="one"), aws(profile="two"), "config:access_key_id"),
    (aws(), openstack(), "type"),
    (openstack(), openstack(auth_url="http://127.0.0.2:5000/v3"), "config:auth_url"),
    (openstack(), openstack(project="other"), "config:project"),
    (credential("one"), credential("two"), "config:application_credential_id"),
    (credential("one"), credential("two", **PROJECT), "config:application_credential_id"),
    (credential("one", **PROJECT), credential("one", project_id="0" * 32), "config:project_id"),
)
STAYS = (
    (aws(), aws(instance_type="c5.2xlarge", image_id="ami-87654321")),
    (aws(**keys(KEY)), aws(**keys(SAME_ACCOUNT, "a-new-secret"))),
    (aws(**keys(KEY), role_arn=ROLE), aws(profile="one", role_arn=ROLE.replace("workers", "others"))),
    (openstack(), openstack(password="a-new-password", flavor="m1.small")),
    (credential("one"), credential("one", **PROJECT)),
    (credential("one", **PROJECT), credential("two", **PROJECT)),
    (openstack(**PROJECT), credential("one", **PROJECT)),
)


def memory(**changes: Any) -> Memory:
    return Memory().with_node(replace(RECORD, **changes))


@pytest.mark.parametrize(("before", "after", "path"), MOVES)
def test_a_move_is_refused_with_its_path(before: Settings, after: Settings, path: str) -> None:
    known = note_places(before, memory(), {})
    with pytest.raises(ConfigurationError) as caught:
        check_places(after, memory(), known)
    assert [fault.path for fault in caught.value.faults] == [f"dynamiccluster:cloud:cloud1:{path}"]
    assert "dynamiccluster.drain cloud1" in caught.value.faults[0].hint


@pytest.mark.parametrize(("before", "after"), STAYS)
def test_other_changes_are_none(before: Settings, after: Settings) -> None:
    check_places(after, memory(), note_places(before, memory(), {}))


@pytest.mark.parametrize("empty", [{"gone": True}, {"instance_id": ""}, {"resource": "cloud2"}], ids=str)
def test_without_machines_it_may_move(empty: dict[str, Any]) -> None:
    check_places(aws(region_name="eu-west-1"), memory(**empty), note_places(aws(), memory(), {}))


def test_a_resource_that_left_and_comes_back_elsewhere_is_refused() -> None:
    without = note_places(make_settings({"cloud2": {}}), memory(), note_places(aws(), memory(), {}))
    with pytest.raises(ConfigurationError):
        check_places(aws(region_name="eu-west-1"), memory(), without)


def test_nothing_secret_is_remembered() -> None:
    place = find_place(aws(**keys(KEY, "very-secret")).cloud["cloud1"])
    assert KEY not in str(place) and "very-secret" not in str(place)


def grown(directory: Path) -> World:
    """Return a world with one serving node."""
    world = World(make_settings({"cloud1": {"quantity": {"min": 1, "max": 2}}}), directory)
    for _ in range(400):
        if [record for record in world.core.memory.nodes.values() if record.phase is Phase.SERVING]:
            return world
        world.step()
    raise AssertionError(world.describe())


def test_a_reload_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    world = grown(tmp_path / "journal")
    before = world.core.parts
    with pytest.raises(ConfigurationError):
        world.core.use(replace(before, settings=aws(region_name="eu-west-1")))
    assert world.core.parts is before
    world.core.use(replace(before, settings=aws(instance_type="c5.2xlarge")))


def test_a_start_is_refused_too(tmp_path: Path) -> None:
    world = grown(tmp_path / "journal")
    world.core.ledger.close()
    with pytest.raises(ConfigurationError):
        world.start_engine(aws(region_name="eu-west-1"))
    world.start_engine(aws())
