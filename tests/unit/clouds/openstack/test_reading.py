"""States, shapes and addresses as Nova really shows them."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.clouds.openstack.reading import count_gpus, to_epoch, to_instance, to_shape
from saltext.dynamiccluster.clouds.openstack.refusals import classify, fault_kind
from saltext.dynamiccluster.errors import Refusal
from saltext.dynamiccluster.model import InstanceState, Shape


def read(status="ACTIVE", task=None, **more):
    raw = {"id": "s-1", "name": "os-a", "status": status, "OS-EXT-STS:task_state": task, "metadata": {}, **more}
    return to_instance(raw, lambda _flavor: None)


@pytest.mark.parametrize(
    ("status", "task", "state", "stopped"),
    [
        ("BUILD", "scheduling", InstanceState.STARTING, False),
        ("BUILD", "spawning", InstanceState.STARTING, False),
        ("BUILD", "deleting", InstanceState.DELETING, False),
        ("ACTIVE", None, InstanceState.ACTIVE, False),
        ("ACTIVE", "deleting", InstanceState.DELETING, False),
        ("ACTIVE", "soft-deleting", InstanceState.DELETING, False),
        ("ACTIVE", "powering-off", InstanceState.ERROR, False),
        ("REBOOT", "rebooting", InstanceState.ACTIVE, False),
        ("MIGRATING", "migrating", InstanceState.ACTIVE, False),
        ("SHUTOFF", None, InstanceState.ERROR, True),
        ("SHUTOFF", "powering-on", InstanceState.UNKNOWN, False),
        ("SHUTOFF", "deleting", InstanceState.DELETING, False),
        ("SHELVED_OFFLOADED", None, InstanceState.ERROR, True),
        ("PAUSED", None, InstanceState.UNKNOWN, False),
        ("SUSPENDED", None, InstanceState.UNKNOWN, False),
        ("ERROR", None, InstanceState.ERROR, False),
        ("ERROR", "deleting", InstanceState.DELETING, False),
        ("SOFT_DELETED", None, InstanceState.DELETING, False),
        ("DELETED", None, InstanceState.INEXISTENT, False),
        ("DELETED", "deleting", InstanceState.INEXISTENT, False),
        ("SOMETHING_NEW", None, InstanceState.UNKNOWN, False),
        ("", None, InstanceState.UNKNOWN, False),
    ],
)
def test_states_by_status_and_task(status, task, state, stopped):
    found = read(status, task)
    assert (found.state, found.stopped) == (state, stopped)


def test_a_server_without_anything_is_read():
    found = to_instance({"id": "s-1"}, lambda _flavor: None)
    assert (found.id, found.name, found.state, found.address, found.created) == ("s-1", "", InstanceState.UNKNOWN, "", 0.0)


def test_the_first_network_of_the_settings_gives_the_address():
    one, two = {"addr": "10.0.0.5", "version": 4, "OS-EXT-IPS:type": "fixed"}, {"addr": "10.1.0.5", "version": 4, "OS-EXT-IPS:type": "fixed"}
    floating, six = {"addr": "203.0.113.9", "version": 4, "OS-EXT-IPS:type": "floating"}, {"addr": "fd00::5", "version": 6}
    raw = {"id": "s-1", "metadata": {}, "addresses": {"storage": [six, one], "compute": [two, floating]}}
    found = to_instance(raw, lambda _flavor: None, networks=("compute",))
    assert (found.address, found.public_address) == ("10.1.0.5", "203.0.113.9")
    assert to_instance(raw, lambda _flavor: None).address == "10.0.0.5"
    assert to_instance({"id": "s", "addresses": {"a": [six]}}, lambda _flavor: None).address == "fd00::5"
    assert read(addresses={}).address == ""


@pytest.mark.parametrize(
    ("specs", "named", "gpus"),
    [
        ({}, (), 0),
        ({"resources:VGPU": "2"}, (), 2),
        ({"resources1:VGPU": "1", "resources_second:PGPU": "1"}, (), 2),
        ({"pci_passthrough:alias": "nvidia-a100:4"}, (), 4),
        ({"pci_passthrough:alias": "a100:2,nic:1"}, (), 2),
        ({"pci_passthrough:alias": "v100"}, (), 1),
        ({"pci_passthrough:alias": "nic:2", "resources:CUSTOM_FPGA": "1"}, (), 0),
        ({"resources:CUSTOM_GPU_A100_80GB": "1"}, (), 1),
        ({"pci_passthrough:alias": "card:2", "resources:VGPU": "1"}, ("card",), 2),
        ({"resources:VGPU": "many", "hw:cpu_policy": "dedicated"}, (), 0),
    ],
)
def test_gpus_of_extra_specs(specs, named, gpus):
    assert count_gpus(specs, frozenset(named)) == gpus


def test_the_shape_is_the_flavors():
    assert to_shape({"vcpus": 8, "ram": 16384, "extra_specs": {"resources:VGPU": "1"}}) == Shape(8, 16384, 1)


def test_defect_times_are_unix_seconds():
    assert to_epoch("2026-11-22T08:15:30Z") == 1795335330.0
    assert to_epoch(None) == to_epoch("yesterday") == 0.0


@pytest.mark.parametrize(
    ("status", "text", "kind", "setting"),
    [
        (403, "Quota exceeded for instances: Requested 1, but already used 5 of 5 instances", Refusal.QUOTA, ""),
        (403, "Quota exceeded for cores, ram: Requested 2, 4096, but already used", Refusal.QUOTA, ""),
        (403, "Quota exceeded, too many servers in group", Refusal.QUOTA, "server_group"),
        (403, "Maximum number of ports exceeded", Refusal.QUOTA, "networks"),
        (403, "Maximum number of metadata items exceeds 128", Refusal.BAD_REQUEST, "metadata"),
        (403, "Policy doesn't allow os_compute_api:servers:create to be performed.", Refusal.UNAUTHORISED, ""),
        (400, "Can not find requested image", Refusal.BAD_REQUEST, "image_uuid"),
        (400, "Flavor's memory is too small for requested image.", Refusal.BAD_REQUEST, "flavor"),
        (400, "Invalid key_name provided.", Refusal.BAD_REQUEST, "key_name"),
        (400, "The requested availability zone is not available", Refusal.BAD_REQUEST, "availability_zone"),
        (400, "Unable to find security_group with name or id 'my network'", Refusal.BAD_REQUEST, "security_groups"),
        (400, "Network 0aa1bb22 could not be found.", Refusal.BAD_REQUEST, "networks"),
        (409, "Multiple possible networks found, use a Network ID to be more specific.", Refusal.BAD_REQUEST, "networks"),
        (409, "Instance s-1 is locked", Refusal.FAILED, ""),
        (413, "This request was rate-limited.", Refusal.THROTTLED, ""),
        (429, "", Refusal.THROTTLED, ""),
        (401, "", Refusal.UNAUTHORISED, ""),
        (500, "Unexpected API Error.", Refusal.FAILED, ""),
        (503, "", Refusal.FAILED, ""),
    ],
)
def test_defect_refusals_are_told_apart_by_status_and_words(status, text, kind, setting):
    found = classify(status, text)
    assert (found.kind, found.setting) == (kind, setting)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("No valid host was found. There are not enough hosts available.", Refusal.NO_CAPACITY),
        ("No valid host was found. ", Refusal.NO_CAPACITY),
        ("Quota exceeded for instances: Requested 1, but already used 5 of 5 instances", Refusal.QUOTA),
        ("No more IP addresses available on network 0aa1bb22.", Refusal.QUOTA),
        ("Build of instance s-1 aborted: libvirt is unhappy", None),
        ("", None),
    ],
)
def test_faults_of_servers(fault, kind):
    assert fault_kind(fault) is kind
    assert read("ERROR", fault={"message": fault}).refusal == (kind.value if kind else "")
