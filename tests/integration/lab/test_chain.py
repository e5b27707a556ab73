"""The whole chain without the engine: an instance boots, its minion's key is accepted by hand, the highstate starts the execution daemon, a job runs."""

from __future__ import annotations

import base64
import os

import pytest

from lab.api import Lab

pytestmark = pytest.mark.root

NAME = "std-chain1"
USER_DATA = f"""#cloud-config
hostname: {NAME}
manage_etc_hosts: true
write_files:
  - path: /etc/salt/minion.d/chain.conf
    content: |
      master: 10.78.0.10
      id: {NAME}
      acceptance_wait_time: 1
      autoload_dynamic_modules: False
runcmd:
  - [service, salt-minion, start]
"""


def test_from_an_instance_to_a_job_that_ran():
    with Lab(f"test-chain-{os.getpid()}", salt=True, engine=False) as lab:
        lab.ec2.call("RunInstances", **{
            "ImageId": "ami-03cf127a", "InstanceType": "t3.large", "MinCount": "1", "MaxCount": "1", "SubnetId": lab.state.read("cloud.json")["subnet"],
            "UserData": base64.b64encode(USER_DATA.encode()).decode(), "TagSpecification.1.ResourceType": "instance",
            "TagSpecification.1.Tag.1.Key": "Name", "TagSpecification.1.Tag.1.Value": NAME})
        lab.wait_for(lambda: NAME in lab.head("ls /etc/salt/pki/master/minions_pre").stdout, within=90, what="the minion's key")
        lab.head(f"qconf -aattr hostgroup hostlist {NAME} @allhosts && qconf -rattr queue slots 1 all.q@{NAME}")
        lab.head(f"salt-key -y -a {NAME}")
        lab.wait_for(lambda: lab.head(f"salt -t 5 {NAME} test.ping", check=False).returncode == 0, within=90, what="the minion")
        lab.head(f"salt -t 60 {NAME} state.highstate", timeout=120)
        lab.head("printf 'hostname\n' >job.sh && qsub -o out -e err job.sh", user="alice")
        lab.wait_for(lambda: lab.head("cat out", user="alice", check=False).stdout == f"{NAME}\n", within=60, what="the job")
