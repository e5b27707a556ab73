from __future__ import annotations

import pytest

from saltext.dynamiccluster.batch.gridengine.hosts import (
    HostRecord,
    QueueRecord,
    fill_jobs,
    parse_hosts,
)
from saltext.dynamiccluster.batch.gridengine.hostview import Patience, view_host
from saltext.dynamiccluster.model import HoldBy, Host, Shape

from .captured import cell, read

NOW = 1000.0


def view(record: HostRecord, held: tuple[str, ...] = (), silent_for: float = 0.0, values: dict[str, str] | None = None) -> Host:
    patience = Patience()
    patience.update([record], NOW - silent_for)
    return view_host(record, cell(), held, values, patience, NOW)


def captured(name: str) -> dict[str, HostRecord]:
    return {record.name: record for record in parse_hosts(read(name))}


def host(state: str, *, used: int = 0, load: float | None = 0.5) -> HostRecord:
    return HostRecord("n1", (QueueRecord("all.q", 4, used, state),), processors=4, memory_mb=8000, load=load)


def test_defect_one_job_element_for_each_slot() -> None:
    hosts = captured("qhost-q-j-xml")
    assert hosts["n3"].jobs == ("3", "4", "5")
    assert hosts["n5"].jobs == ("8", "9.1", "9.3")
    assert hosts["n1"].started == {"1": 1795327250.0, "3": 1795327251.0}


def test_resources() -> None:
    hosts = captured("qhost-F-xml")
    assert hosts["n1"].resources["exclusive"] == ("hc", "1.000000")
    assert hosts["global"].resources == {"license": ("gc", "10.000000")}
    assert captured("zero-qhost").keys() == {"global"}


@pytest.mark.parametrize(
    ("letters", "up", "usable", "error"),
    [
        ("", True, True, ""),
        ("a", True, True, ""),  # alarmed: up, and it passes
        ("s", True, False, ""),
        ("S", True, False, ""),
        ("A", True, False, ""),
        ("C", True, False, ""),
        ("D", True, False, ""),
        ("d", True, False, ""),
        ("c", True, False, "queue all.q has conflicting configurations"),
        ("o", True, False, "queue all.q no longer contains this host"),
        ("E", True, False, "queue all.q is in error state there"),
    ],
)
def test_g11_queue_states(letters: str, up: bool, usable: bool, error: str) -> None:
    found = view(host(letters))
    assert (found.up, found.queues[0].usable) == (up, usable)
    assert found.error.startswith(error) and bool(found.error) == bool(error)


def test_g11_alarmed_and_suspended_hosts_are_busy_and_not_inexistent() -> None:
    found = {name: view(record) for name, record in captured("qhost-q-j-xml").items() if name != "global"}
    assert found["n4"].up is True and found["n4"].busy and found["n4"].queues[0].state == "s"
    assert {name for name, shown in found.items() if shown.up is None} == {"x001"}


def test_alarm_that_lasts_makes_a_queue_unusable() -> None:
    patience = Patience()
    patience.update([host("a")], NOW)
    patience.update([host("a")], NOW + Patience.ALARM)
    assert not view_host(host("a"), cell(), (), None, patience, NOW + Patience.ALARM).queues[0].usable


def test_g12_two_queues_on_a_host_and_a_host_in_no_queue() -> None:
    two = HostRecord("n1", (QueueRecord("all.q", 4, 1), QueueRecord("long.q", 2, 0, "E")), processors=4, load=0.1)
    found = view(two)
    assert [(queue.name, queue.slots, queue.used, queue.usable) for queue in found.queues] == [("all.q", 4, 1, True), ("long.q", 2, 0, False)]
    assert not found.error  # one queue in error does not stop the other
    assert found.cores == 4  # the queues share them
    assert view(HostRecord("n1", processors=4, load=0.1)).error == "it is in no queue"


def test_g16_host_that_lacks_a_field_leaves_the_others() -> None:
    document = read("qhost-q-j-xml").replace(b"<queuevalue qname='all.q' name='slots'>4</queuevalue>", b"<queuevalue qname='all.q' name='slots'>x</queuevalue>", 1)
    records = parse_hosts(document)
    assert [record.name for record in records if record.broken] == ["n1"]
    assert len(records) == 8
    found = view(records[1])
    assert found.up is None and "cannot be read" in found.error


def test_silent_host_is_unknown_before_it_is_down() -> None:
    assert view(host("au", load=None)).up is None
    assert view(host("au", load=None), silent_for=Patience.SILENCE).up is False


def test_hosts_after_a_restart_of_the_qmaster_are_not_dead() -> None:
    patience, records = Patience(), captured("restart-qhost-8s").values()
    patience.update(records, NOW - 1000)  # silent for long, as far as was seen
    patience.forget()  # then the qmaster did not answer
    patience.update(records, NOW)
    found = [view_host(record, cell(), (), None, patience, NOW) for record in records if record.name != "global"]
    assert len(found) == 5 and all(shown.up is None for shown in found)
    assert found[0].jobs == ("10", "11")


def test_host_that_was_never_contacted_stays_unknown() -> None:
    never = HostRecord("x001", (QueueRecord("all.q", 4, 0, "au"),))
    found = view(never, silent_for=9999)
    assert found.up is None and found.reported is None


@pytest.mark.parametrize(
    ("letters", "held", "hold"),
    [
        (("d", "d"), ("n1",), HoldBy.US),
        (("d", "adu"), (), HoldBy.ADMINISTRATOR),
        (("d", ""), ("n1",), HoldBy.NOBODY),
        (("", ""), ("n1",), HoldBy.NOBODY),
    ],
)
def test_s18_whose_hold_it_is(letters: tuple[str, str], held: tuple[str, ...], hold: HoldBy) -> None:
    queues = tuple(QueueRecord(f"{n}.q", 4, 0, state) for n, state in enumerate(letters))
    assert view(HostRecord("n1", queues, processors=4, load=0.1), held).hold is hold


def test_shape_memory_and_features() -> None:
    found = view(captured("qhost-F-xml")["n3"], values={"gpu": "2", "exclusive": "true"})
    assert found.reported == Shape(2, 24064, 2)
    assert found.free_memory_mb and 22000 < found.free_memory_mb < 24064
    assert found.features["gpu"] == "2" and found.features["arch"] == "lx-amd64" and found.features["exclusive"] == "true"


def test_features_before_the_configured_values_are_known() -> None:
    assert view(captured("qhost-F-xml")["n3"]).features["gpu"] in ("0", "1", "2")


def test_exclusive_job_takes_the_host() -> None:
    free = captured("qhost-F-xml")["n1"]
    assert not view(free).exclusive
    assert view(free._replace(settled={"exclusive": ("hc", "0.000000")})).exclusive


def test_groups_are_followed_upwards() -> None:
    from saltext.dynamiccluster.batch.gridengine.cell import Cell

    nested = Cell(groups={"@all": ("@big",), "@big": ("n1",), "@dynamiccluster_held": ("n1",)})
    assert view_host(host(""), nested, (), None, Patience(), NOW).groups == {"@all", "@big"}


def test_jobs_of_a_host_where_qhost_tells_only_used_slots() -> None:
    from saltext.dynamiccluster.batch.gridengine.jobs import JobRecord

    jobs = [JobRecord("7", "r", queue="all.q@n1"), JobRecord("8", "r", queue="all.q@n1", tasks="3"), JobRecord("9", "r", queue="all.q@n10")]
    assert fill_jobs(host("", used=2), jobs).jobs == ("7", "8.3")
    assert fill_jobs(host(""), jobs).jobs == ()
