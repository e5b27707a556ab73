"""The simulated batch system behaves as a real one does where that matters."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.errors import BatchRefused, BatchUnreachable, HostHasJobs, NameUnresolvable
from saltext.dynamiccluster.model import Chunk, HoldBy, JobState, Place, Request, Reservation, Shape
from saltext.dynamiccluster.ports import Cleared, Joining
from saltext.dynamiccluster.sim.batch import SimBatch
from saltext.dynamiccluster.sim.clock import VirtualClock


@pytest.fixture
def batch() -> SimBatch:
    batch = SimBatch(VirtualClock(), queues=("all.q", "long.q"), reservations=(Reservation(), Reservation(queue="long.q")))
    batch.names = lambda hostname: "" if hostname == "nameless" else "10.0.0.1"
    return batch


def join(batch: SimBatch, name: str = "n1", *, cores: int = 4, released: bool = True, queue: str = "") -> None:
    batch.join(Joining(name, "10.0.0.1", Shape(cores, 1000), Reservation(queue=queue)))
    if released:
        batch.start_daemon(name)
        batch.unhold(name)


def host(batch: SimBatch, name: str = "n1"):
    return next(host for host in batch.observe().hosts if host.name == name)


def test_host_joins_held_and_without_a_daemon(batch):
    join(batch, released=False)
    batch.submit()
    batch.schedule()
    assert (host(batch).hold, host(batch).up, host(batch).cores, host(batch).busy) == (HoldBy.US, None, 4, False)


def test_unresolvable_name_does_not_join(batch):
    with pytest.raises(NameUnresolvable):
        join(batch, "nameless")


def test_daemon_dies_on_a_host_that_is_not_registered(batch):
    assert not batch.start_daemon("n1")


def test_jobs_start_in_order_on_released_hosts_and_end(batch):
    join(batch)
    jobs = [batch.submit(Request(chunks=(Chunk(cores=3),)), 10.0), batch.submit(Request(chunks=(Chunk(cores=2),)), 10.0)]
    batch.schedule()
    assert [bool(job.taken) for job in jobs] == [True, False]
    batch.clock.advance(10)
    batch.schedule()
    assert jobs[0].ended == "done" and jobs[1].taken == {"n1": 2} and jobs[1].waited == 10


@pytest.mark.parametrize(
    ("chunks", "taken"),
    [
        ((Chunk(count=2, cores=4),), {"n1": 4, "n2": 4}),
        ((Chunk(count=2, cores=2),), {"n1": 4}),
        ((Chunk(count=2, cores=2, distinct=True),), {"n1": 2, "n2": 2}),
        ((Chunk(count=6),), {"n1": 4, "n2": 2}),
        ((Chunk(count=3, cores=4),), {}),
    ],
)
def test_job_starts_whole_or_not_at_all(batch, chunks, taken):
    join(batch, "n1")
    join(batch, "n2")
    job = batch.submit(Request(chunks=chunks))
    batch.schedule()
    assert job.taken == taken


def test_queues_and_holds_keep_jobs_off(batch):
    join(batch, "n1")
    join(batch, "n2", queue="long.q")
    wants_long = batch.submit(Request(places=(Place("long.q"),)))
    batch.hold("n2", "test")
    batch.hosts["n1"].queues = ("all.q",)
    batch.schedule()
    assert not wants_long.taken
    batch.unhold("n2")
    batch.schedule()
    assert wants_long.taken == {"n2": 1}


def test_held_job_is_no_demand(batch):
    batch.submit(held=True)
    (job,) = batch.observe().jobs
    assert (job.state, job.tasks, job.reason) == (JobState.HELD, 0, "held by its user")


def test_jobs_of_a_vanished_machine_stay_until_they_are_cleared(batch):
    join(batch)
    again, lost = batch.submit(duration=10.0, rerunnable=True), batch.submit(duration=10.0)
    batch.schedule()
    with pytest.raises(BatchRefused, match="still run"):
        batch.clear("n1")
    batch.power_off("n1")
    batch.clock.advance(100)
    batch.schedule()
    assert set(host(batch).jobs) == {again.id, lost.id} and host(batch).up is False
    with pytest.raises(HostHasJobs):
        batch.remove("n1", gone=True)
    assert batch.clear("n1") == Cleared((again.id,), (lost.id,))
    batch.remove("n1", gone=True)
    assert batch.observe().hosts == () and lost.ended == "lost" and not again.ended


def test_changes_are_idempotent(batch):
    join(batch)
    join(batch, released=False)
    assert host(batch).hold is HoldBy.NOBODY
    batch.hold("n1", "a")
    batch.hold("n1", "b")
    batch.remove("n1")
    batch.remove("n1")


def test_hold_of_an_administrator_stays_his(batch):
    join(batch)
    batch.hosts["n1"].hold = HoldBy.ADMINISTRATOR
    batch.hold("n1", "idle")
    assert host(batch).hold is HoldBy.ADMINISTRATOR


def test_down_and_troubles(batch):
    batch.down = True
    with pytest.raises(BatchUnreachable):
        batch.observe()
    batch.down = False
    batch.troubles["hold"] = [BatchRefused("no")]
    join(batch)
    with pytest.raises(BatchRefused):
        batch.hold("n1", "x")
    batch.hold("n1", "x")


def test_offers_follow_the_reservations(batch):
    offers = batch.observe().offers
    assert offers[Reservation()].queues == {"all.q", "long.q"} and offers[Reservation(queue="long.q")].queues == {"long.q"}
