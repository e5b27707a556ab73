from __future__ import annotations

import pytest

from saltext.dynamiccluster.batch.commands import Completed
from saltext.dynamiccluster.batch.gridengine import GridEngine
from saltext.dynamiccluster.model import Reservation
from saltext.dynamiccluster.settings.sge import SgeSettings

from .fake_gridengine import FakeGridEngine, FakeHost


@pytest.fixture
def cell() -> FakeGridEngine:
    found = FakeGridEngine()
    found.machines["placeholder"] = FakeHost("10.0.0.2", known=True)
    found.groups["@allhosts"].append("placeholder")
    return found


def faults(cell: FakeGridEngine, *reservations: Reservation, **settings: str) -> dict[str, tuple[str, str]]:
    engine = GridEngine(SgeSettings(**settings), reservations or (Reservation(),), run=cell)
    return {finding.what: (finding.detail, finding.remedy) for finding in engine.check() if not finding.ok}


def without_programs(found: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    return {what: fault for what, fault in found.items() if not what.endswith("_command exists")}


def test_good_cell_has_no_fault(cell: FakeGridEngine) -> None:
    assert without_programs(faults(cell)) == {}


def test_missing_programs_are_named(cell: FakeGridEngine) -> None:
    found = faults(cell, qmod_command="/opt/sge/nosuch/qmod {0} *@{1}", qdel_command="/bin/true {0}")
    assert found["qmod_command exists"] == ("/opt/sge/nosuch/qmod is not there or not executable", "set cluster: config: qmod_command")
    assert "qdel_command exists" not in found


def test_rights(cell: FakeGridEngine) -> None:
    cell.user = "salt"
    cell.overrides["qconf -sh"] = (0, "other\n", "")
    cell.overrides["qconf -ss"] = (1, "", "no submit host defined\n")
    assert without_programs(faults(cell)) == {
        "salt is a Grid Engine manager": ("", "qconf -am salt"),
        "head is an admin host": ("", "qconf -ah head"),
        "head is a submit host": ("", "qconf -as head"),
    }


def test_sudo_is_for_qconf_only(cell: FakeGridEngine) -> None:
    def run(argv: tuple[str, ...], *, timeout: float) -> Completed:
        if argv[0] != "sudo":
            return cell(argv, timeout=timeout)
        assert argv[3].endswith("/qconf")
        return cell(argv[3:], timeout=timeout)

    engine = GridEngine(SgeSettings(qconf_spl_command="sudo -u sgeadmin /usr/bin/qconf -spl"), (Reservation(),), run=run)
    assert engine.resolve("placeholder") == "10.0.0.2"
    remedies = {finding.remedy for finding in engine.check() if not finding.ok and not finding.what.endswith("_command exists")}
    assert remedies == {"qconf -am sgeadmin"}


def test_qmaster_that_is_down_is_one_finding(cell: FakeGridEngine) -> None:
    cell.down = True
    found = without_programs(faults(cell))
    assert list(found) == ["Grid Engine answers"] and "does not answer" in found["Grid Engine answers"][0]


def test_reservations_that_cannot_be_served(cell: FakeGridEngine) -> None:
    found = without_programs(faults(cell, Reservation(queue="nosuch.q"), Reservation(account="big")))
    assert found == {
        "nodes of queue nosuch.q can join": ("queue nosuch.q does not exist", "create it (qconf -aq nosuch.q)"),
        "nodes of account big can join": ("host group @big does not exist", "create it (qconf -ahgrp @big)"),
    }


def test_queue_without_a_host_wants_a_placeholder(cell: FakeGridEngine) -> None:
    cell.groups["@allhosts"].clear()
    cell.machines["placeholder"].known = False
    found = without_programs(faults(cell))
    assert set(found) == {"jobs can be submitted to all.q", "jobs can be submitted to long.q"}
    assert "qconf -aattr hostgroup hostlist HOST @allhosts && qconf -rattr queue slots 0 all.q@HOST" in found["jobs can be submitted to all.q"][1]


def test_listing_of_one_users_jobs_is_warned_of(cell: FakeGridEngine) -> None:
    assert "qstat_command shows all jobs" in faults(cell, qstat_command="qstat -xml -r -s prs")
    assert "qstat_command shows all jobs" not in faults(cell, qstat_command="qstat -xml -r -u '*' -s prs")


def test_checks_change_nothing(cell: FakeGridEngine) -> None:
    faults(cell)
    changing = ("-aattr", "-dattr", "-rattr", "-mattr", "-purge", "-de", "-ke", "-ahgrp", "-d", "-e")
    assert not [call for call in cell.calls if call[0] in ("qmod", "qdel") or call[1:2] and call[1] in changing]
