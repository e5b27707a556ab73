"""Instances of the lab's EC2 API become machines, and machines that end are reported back."""

from __future__ import annotations

import base64
import os
import urllib.error

import pytest

from lab.api import Lab
from lab.errors import LabError

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def lab():
    with Lab(f"test-cloud-{os.getpid()}", cloud=True) as one:
        yield one


def launch(lab: Lab, name: str, user_data: str = "", **more: str) -> str:
    answer = lab.ec2.call("RunInstances", **{
        "ImageId": "ami-03cf127a", "InstanceType": "t3.large", "MinCount": "1", "MaxCount": "1", "SubnetId": lab.state.read("cloud.json")["subnet"],
        "UserData": base64.b64encode(user_data.encode()).decode(), "TagSpecification.1.ResourceType": "instance",
        "TagSpecification.1.Tag.1.Key": "Name", "TagSpecification.1.Tag.1.Value": name, **more})
    return answer.findtext(".//{*}instanceId") or ""


def state_of(lab: Lab, instance: str) -> str:
    answer = lab.ec2.call("DescribeInstances", **{"InstanceId.1": instance})
    return answer.findtext(".//{*}instanceState/{*}name") or ""


def end(lab: Lab, instance: str) -> None:
    lab.ec2.call("TerminateInstances", **{"InstanceId.1": instance})


def test_an_instance_becomes_a_node_at_its_address_and_goes_with_it(lab):
    instance = launch(lab, "node-a")
    node = lab.wait_for(lambda: lab.nodes().get("node-a"), within=20)
    address = lab.ec2.call("DescribeInstances", **{"InstanceId.1": instance}).findtext(".//{*}privateIpAddress")
    assert (node["instance"], node["address"]) == (instance, address)
    assert lab.head("getent hosts node-a").stdout.split()[0] == address
    assert lab.head(["ping", "-c1", "-W2", "node-a"], check=False).returncode in (0, 127)
    end(lab, instance)
    lab.wait_for(lambda: "node-a" not in lab.nodes(), within=20)


def test_user_data_runs_as_cloud_init_would(lab):
    user_data = ("#cloud-config\nhostname: node-b\nmanage_etc_hosts: true\nwrite_files:\n- {path: /etc/made, content: here, permissions: '0640'}\n"
                 "runcmd:\n- [cp, /etc/made, '/etc/two words']\n- echo $(hostname) >/etc/shell\n")
    instance = launch(lab, "node-b", user_data)
    lab.wait_for(lambda: "finished" in lab.log_of("node-b"), within=30)
    seen = lab.node("node-b", "stat -c %a /etc/made; cat '/etc/two words'; echo; cat /etc/shell; grep 127.0.1.1 /etc/hosts").stdout
    assert seen == "640\nhere\nnode-b\n127.0.1.1 node-b\n"
    end(lab, instance)


def test_a_key_that_cloud_init_does_not_know_is_told_on_the_console(lab):
    instance = launch(lab, "node-c", "#cloud-config\nruncommand: [true]\n")
    lab.wait_for(lambda: "runcommand" in lab.log_of("node-c"), within=30)
    end(lab, instance)


@pytest.mark.parametrize(("report", "expected"), [("stopped", "stopped"), ("terminated", "terminated"), ("running", "running")])
def test_what_the_cloud_says_after_a_power_cut(lab, report, expected):
    name = f"node-{report}"
    instance = launch(lab, name)
    lab.wait_for(lambda: name in lab.nodes(), within=20)
    lab.poweroff(name, report)
    assert state_of(lab, instance) == expected
    # Nobody starts it again behind one's back.
    lab.hypervisor(do="changed")
    assert name not in lab.nodes()
    end(lab, instance)


def test_a_node_that_powers_itself_off_is_stopped_in_the_cloud(lab):
    instance = launch(lab, "node-d")
    lab.wait_for(lambda: "node-d" in lab.nodes(), within=20)
    lab.node("node-d", "kill -TERM 1", check=False)
    lab.wait_for(lambda: state_of(lab, instance) == "stopped", within=20)
    assert "node-d" not in lab.nodes()
    end(lab, instance)


def test_an_instance_that_ends_while_it_boots_is_not_missed(lab):
    for number in range(5):
        end(lab, launch(lab, f"node-e{number}", "#!/bin/sh\nsleep 600\n"))
    lab.wait_for(lambda: not [name for name in lab.nodes() if name.startswith("node-e")], within=20)


def test_a_repeated_client_token_makes_one_machine(lab):
    first = launch(lab, "node-f", ClientToken="once")
    assert launch(lab, "node-f", ClientToken="once") == first
    with pytest.raises(urllib.error.HTTPError) as refused:
        launch(lab, "node-g", ClientToken="once")
    assert b"IdempotentParameterMismatch" in refused.value.read()
    end(lab, first)


def test_the_head_is_reached_at_the_machines_own_loopback(lab):
    with Lab(f"test-cloud-two-{os.getpid()}", cloud=True) as other:
        assert lab.ports()["ec2"] != other.ports()["ec2"]
        launch(other, "theirs")
        other.wait_for(lambda: "theirs" in other.nodes(), within=20)
        assert "theirs" not in lab.nodes()


def test_a_lab_without_a_cloud_says_so():
    with Lab(f"test-cloudless-{os.getpid()}") as lab, pytest.raises(LabError, match="has no EC2 API"):
        launch(lab, "x")
