"""What the virt driver notes and the hypervisor reads."""

from __future__ import annotations

import base64

from lab.cloud import Instance
from lab.nova.machines import Machines, Register


def test_machines_are_listed_while_they_run(tmp_path):
    (tmp_path / "machines").mkdir()
    register = Register(tmp_path)
    register.add("id-1", "std-aaaaaa", "10.78.16.5", base64.b64encode("#!/bin/sh\nécho\n".encode()).decode())
    register.add("id-2", "std-bbbbbb", "10.78.16.6", "")
    machines = Machines(tmp_path)
    assert sorted(machines.running(), key=lambda one: one.identity) == [
        Instance("id-1", "10.78.16.5", "std-aaaaaa"), Instance("id-2", "10.78.16.6", "std-bbbbbb")]
    assert machines.user_data("id-1") == "#!/bin/sh\nécho\n" and machines.user_data("id-2") == ""
    register.remove("id-1")
    register.remove("id-1")
    assert [one.identity for one in machines.running()] == ["id-2"]


def test_a_half_written_note_is_no_machine(tmp_path):
    (tmp_path / "machines").mkdir()
    (tmp_path / "machines" / ".id-1").write_text("{")
    assert Machines(tmp_path).running() == []


def test_without_the_directory_nothing_is_noted(tmp_path):
    Register(tmp_path).add("id-1", "std-aaaaaa", "10.78.16.5", "")
    Register(tmp_path).remove("id-1")
    assert list(tmp_path.iterdir()) == []
