"""What a real Keystone and a real Nova refuse, each kind told from the others."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import InstanceState

from .clouds import await_states, cloud, launch, order, remove

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("wrong", [{"password": "guess"}, {"username": "nobody"}, {"project": "elsewhere"}, {"user_domain_name": "nowhere"}])
def test_wrong_sign_in_is_unauthorised_and_shows_no_password(nova, wrong):
    port = cloud(nova, **wrong)
    for call in (port.list, port.shape, lambda: port.launch(order()), lambda: port.destroy("5b0c9c2e-0000-4000-8000-000000000000")):
        with pytest.raises(CloudError) as caught:
            call()
        assert caught.value.kind is Refusal.UNAUTHORISED
        assert nova.member.password not in str(caught.value) and "guess" not in str(caught.value)
    assert nova.servers() == []


def test_application_credential_is_enough(nova):
    id_, secret = nova.credential
    port = cloud(nova, username=None, password=None, project=None, application_credential_id=id_, application_credential_secret=secret)
    launched = port.launch(order())
    assert await_states(nova, port, [launched.id], InstanceState.ACTIVE)[launched.id].address.startswith("10.78.")
    remove(nova, port, [launched.id])


def test_wrong_application_credential_is_unauthorised(nova):
    secrets = {"application_credential_id": nova.credential[0], "application_credential_secret": "guess"}
    with pytest.raises(CloudError) as caught:
        cloud(nova, username=None, password=None, project=None, **secrets).list()
    assert caught.value.kind is Refusal.UNAUTHORISED


WRONG = {
    "flavor": "m1.none",
    "image_uuid": "5b0c9c2e-0000-4000-8000-00000000dead",
    "key_name": "no-such-key",
    "security_groups": ["no-such-group"],
    "networks": ["no-such-network"],
    "availability_zone": "zone-z",
}


@pytest.mark.parametrize("setting", WRONG)
def test_wrong_setting_is_a_bad_request_that_names_it_and_launches_nothing(nova, setting):
    with pytest.raises(CloudError) as caught:
        cloud(nova, **{setting: WRONG[setting]}).launch(order())
    assert (caught.value.kind, caught.value.setting.rpartition(":")[2]) == (Refusal.BAD_REQUEST, setting)
    assert nova.servers() == []


def test_wrong_region_is_no_empty_cloud(nova):
    with pytest.raises(CloudError) as caught:
        cloud(nova, region_name="atlantis").list()
    assert caught.value.kind in (Refusal.BAD_REQUEST, Refusal.UNREACHABLE, Refusal.UNAUTHORISED)


def test_quota_is_reached_in_the_middle_of_a_batch(nova):
    nova.set_quota(instances=4)
    port = cloud(nova)
    taken, refused = launch(port, 7, at_once=2)
    assert {error.kind for error in refused} == {Refusal.QUOTA}
    assert len(taken) + len(refused) == 7 and refused
    listed = await_states(nova, port, [one.id for one in taken], InstanceState.ACTIVE, InstanceState.ERROR)
    active = [one for one in listed.values() if one.state is InstanceState.ACTIVE]
    assert 1 <= len(active) <= 4
    for one in listed.values():
        assert one.state is InstanceState.ACTIVE or "quota" in one.detail.lower()
    # Freed, the resource serves again.
    remove(nova, port, list(listed))
    again, refused = launch(port, 4, at_once=1)
    assert len(again) == 4 and not refused
    await_states(nova, port, [one.id for one in again], InstanceState.ACTIVE)


def test_quota_of_cores_is_known_before_asking(nova):
    nova.set_quota(cores=3)
    port = cloud(nova)
    launched = port.launch(order())
    await_states(nova, port, [launched.id], InstanceState.ACTIVE)
    with pytest.raises(CloudError, match="cores") as caught:
        port.launch(order())
    assert (caught.value.kind, caught.value.certain) == (Refusal.QUOTA, True)
    assert len(nova.servers()) == 1


def test_no_valid_host_is_no_capacity_and_is_cleaned_up(nova):
    port = cloud(nova, flavor="lab.huge")
    launched = port.launch(order())
    failed = await_states(nova, port, [launched.id], InstanceState.ERROR)[launched.id]
    assert "no valid host" in failed.detail.lower() and failed.refusal == Refusal.NO_CAPACITY.value
    remove(nova, port, [launched.id])
    assert nova.servers() == []


@pytest.mark.parametrize("how", ["abort", "reschedule"])
def test_spawn_failure_is_an_error_with_its_text_and_leaves_no_server(nova, how):
    port = cloud(nova, metadata={"lab:spawn_failure": how})
    launched = port.launch(order())
    failed = await_states(nova, port, [launched.id], InstanceState.ERROR)[launched.id]
    assert failed.detail and failed.intent == launched.intent
    remove(nova, port, [launched.id])
    assert nova.servers() == []


def test_zones_are_resources_of_their_own(nova):
    ports = {zone: cloud(nova, zone, availability_zone=zone) for zone in ("zone-a", "zone-b")}
    ids = {zone: port.launch(order()).id for zone, port in ports.items()}
    for zone, port in ports.items():
        listed = await_states(nova, port, [ids[zone]], InstanceState.ACTIVE)
        assert {one.zone for one in listed.values()} == {zone} and set(listed) == {ids[zone]}


def test_gpus_of_the_flavor_belong_to_the_shape(nova):
    port = cloud(nova, flavor="lab.gpu")
    assert (port.shape().cores, port.shape().memory_mb, port.shape().gpus) == (8, 16384, 1)
    launched = port.launch(order())
    assert await_states(nova, port, [launched.id], InstanceState.ACTIVE)[launched.id].shape == port.shape()
