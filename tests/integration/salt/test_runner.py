"""Runner functions that need a cloud which answers: foreign machines, orphans, validation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltext.dynamiccluster.salt import runner

from tests.contract.cloud_ec2 import IMAGE, moto_server, raw_client

from .clusters import await_running, good_pillar, serving
from .daemons import Master, eventually


class Site:
    """A master with an engine whose cloud is moto's server; its batch system is still out of reach."""

    def __init__(self, master: Master, pillar: str, url: str):
        self.master, self.pillar, self.ec2 = master, pillar, raw_client(url)

    def launch(self, **tags: str) -> str:
        """Have somebody launch a machine; return its id."""
        given = [{"Key": key, "Value": value} for key, value in tags.items()]
        specification = [{"ResourceType": "instance", "Tags": given}] if given else []
        answer = self.ec2.run_instances(ImageId=IMAGE, InstanceType="c5.9xlarge", MinCount=1, MaxCount=1, TagSpecifications=specification)
        return str(answer["Instances"][0]["InstanceId"])

    def tags(self, instance: str) -> dict[str, str]:
        (found,) = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
        return {tag["Key"]: tag["Value"] for tag in found["Instances"][0].get("Tags", [])}

    def call(self, function: str, *words: str) -> tuple[int, Any]:
        code, value, _ = self.master.ask(f"dynamiccluster.{function}", *words)
        return code, value

    def known(self) -> set[str]:
        """Return the ids of all machines that the engine shows, as nodes or as orphans: these cannot become nodes while Grid Engine is away."""
        opts = self.master.opts()
        nodes, orphans = runner.table(opts, "nodes"), runner.table(opts, "orphans")
        return {row["instance_id"] for row in nodes if row.get("instance_id")} | {row["id"] for row in orphans}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with moto_server() as url:
        raw_client(url).describe_instance_types(InstanceTypes=["c5.9xlarge"])  # slow the first time; and after a slow reading the engine leaves a long pause
        pillar = good_pillar().replace("http://127.0.0.1:1", url).replace("ami-12345678", IMAGE).replace("t3.micro", "c5.9xlarge")
        with serving(tmp_path_factory.mktemp("r"), pillar) as daemon:
            await_running(daemon)
            yield Site(daemon, pillar, url)


def test_a_foreign_machine_is_no_orphan_until_it_is_adopted(site: Site) -> None:
    foreign = site.launch(Name="somebodys")
    code, value = site.call("adopt", "cloud1", foreign, "test=True")
    assert code == 0 and value["message"].startswith("would be done")
    assert "dynamiccluster:cluster" not in site.tags(foreign) and foreign not in site.known()

    code, value = site.call("adopt", "cloud1", foreign)
    assert code == 0 and foreign in value["message"]
    eventually(lambda: site.tags(foreign).get("dynamiccluster:cluster") == "lab", 120, "our tags")
    assert site.tags(foreign)["dynamiccluster:resource"] == "cloud1"
    eventually(lambda: foreign in site.known(), 120, "the adopted machine")


def test_a_machine_with_our_tags_is_found_although_nobody_remembers_it(site: Site) -> None:
    tags = {"Name": "dc-lost77", "dynamiccluster:cluster": "lab", "dynamiccluster:resource": "cloud1", "dynamiccluster:intent": "lost"}
    lost = site.launch(**tags)
    others = site.launch(**{**tags, "dynamiccluster:cluster": "another"})
    eventually(lambda: lost in site.known(), 120, "the machine")
    assert others not in site.known()
    assert lost in {row["id"] for row in site.call("orphans")[1]}


def test_adopting_what_is_not_there_is_refused_or_given_up(site: Site) -> None:
    code, value = site.call("adopt", "nosuch", "i-0123456789abcdef0")
    assert code != 0 and "nosuch" in value["error"]
    assert site.call("adopt", "cloud1", "i-0123456789abcdef0")[0] == 0
    eventually(lambda: "i-0123456789abcdef0" in str(runner.table(site.master.opts(), "history")), 120, "what became of it")
    assert "i-0123456789abcdef0" not in site.known()


def to_mend(site: Site) -> list[str]:
    """Validate; return what is to be mended, one line each."""
    code, value = site.call("validate")
    assert (code != 0) == bool(value["to_mend"]), value
    return list(value["to_mend"])


def test_validate_tells_each_thing_that_is_wrong_and_what_to_do(site: Site) -> None:
    gone = site.master.root / "gone"
    broken = site.pillar.replace("instance_type:", f"userdata_file: {gone}/user-data\n        key_name: nosuch\n        instance_type:")
    broken = broken.replace("auto_mode: True", f"auto_mode: True, post_vm_provision_command: {gone}/hook")
    broken = broken.replace("[all.q]", f"[all.q], qstat_command: {gone}/qstat -xml")
    site.master.pillar("cluster.sls", broken)
    assert site.call("reconcile")[0] == 0
    everyone = "base:\n  '*':\n    - cluster\n"
    before = (site.master.root / "pillar" / "top.sls").read_text()
    accepted = Path(site.master.config["pki_dir"]) / "minions" / "nosy"
    try:
        site.master.pillar("top.sls", everyone)
        accepted.write_text("a key")
        found = "\n".join(to_mend(site))
    finally:
        accepted.unlink()
        site.master.pillar("top.sls", before)
        site.master.pillar("cluster.sls", site.pillar)
        site.call("reconcile")
    for words in (
        "pillar of nosy: holds 'dynamiccluster'",
        "give the file that holds it to 'the_master' only",
        f"{gone}/user-data",
        "key_name nosuch",
        f"{gone}/hook is not there",
        f"{gone}/qstat is not there",
        "Grid Engine answers",
    ):
        assert words in found, found


def test_validate_without_usable_settings_shows_every_fault(site: Site) -> None:
    site.master.pillar("cluster.sls", site.pillar.replace("max: 3", "max: many").replace("type: sge", "type: sgee"))
    try:
        paths = {line.partition(": ")[0] for line in to_mend(site)}
        assert {"dynamiccluster:cluster:type", "dynamiccluster:cloud:cloud1:quantity:max"} <= paths
    finally:
        site.master.pillar("cluster.sls", site.pillar)


def test_waiting_for_nodes_that_serve_already(site: Site) -> None:
    code, value = site.call("wait", "resource=cloud1", "ready=0", "within=5")
    assert code == 0 and value["ready"] == 0
