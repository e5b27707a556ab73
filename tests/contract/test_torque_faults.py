"""The Torque adapter while the stand-in misbehaves as the real thing does."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.batch.torque import Torque
from saltext.dynamiccluster.errors import BatchRefused, BatchUnreachable, HostHasJobs
from saltext.dynamiccluster.model import HoldBy, Host, Job, JobState, Reservation, Shape
from saltext.dynamiccluster.ports import Joining
from saltext.dynamiccluster.settings.torque import TorqueSettings
from tests.torque_standin import StandIn

SHORT, PROJECT, BIG = Reservation(queue="short"), Reservation(account="projectx"), Reservation(property="bigmem")


class Cluster:
    """A stand-in with the adapter on it, and what an engine does with a node."""

    def __init__(self, version: str = "4.2.10", **settings: str) -> None:
        self.standin = StandIn(version)
        self.standin.qmgr("create queue short queue_type=Execution,enabled=True,started=True")
        self.standin.qmgr("set server resources_available.nodect = 1000")
        self.torque = Torque(TorqueSettings(**settings), [Reservation(), SHORT, PROJECT, BIG], run=self.standin, clock=self.standin.clock.now)

    def join(self, name: str, cores: int = 2, reservation: Reservation = Reservation()) -> None:  # noqa: B008
        self.standin.boot(name)
        self.torque.join(Joining(name, self.standin.addresses[name], Shape(cores), reservation))

    def grow(self, *names: str, cores: int = 2, reservation: Reservation = Reservation()) -> None:  # noqa: B008
        """Have nodes join, start their moms, let them in."""
        for name in names:
            self.join(name, cores, reservation)
            self.standin.start_mom(name)
            self.torque.unhold(name)

    def watch(self, seconds: float, every: float = 5) -> None:
        """Observe again and again for so long."""
        for _ in range(int(seconds / every)):
            self.standin.wait(every)
            self.torque.observe()

    def job(self, job_id: str) -> Job:
        return next(job for job in self.torque.observe().jobs if job.id == job_id)

    def host(self, name: str) -> Host | None:
        return next((host for host in self.torque.observe().hosts if host.name == name), None)

    def reserved(self) -> list[tuple[str, str]]:
        """Return (node, reservation) of what setres made."""
        return [(line.split()[0], line.split()[2]) for line in self.standin.command("showres -n").out.splitlines() if " User " in line]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_t6_jobs_that_maui_deferred_are_demand_and_run_once_nodes_have_come(cluster: Cluster) -> None:
    small, big = cluster.standin.submit("", "sleep 500"), cluster.standin.submit("-l nodes=2", "sleep 500")
    cluster.standin.poll()
    assert "Deferred" in cluster.standin.command("showq").out and "no idle jobs" in cluster.standin.command("diagnose -p").out
    assert {cluster.job(small).state, cluster.job(big).state} == {JobState.PENDING}
    cluster.grow("n1", cores=4)
    cluster.watch(200)
    assert {cluster.job(small).state, cluster.job(big).state} == {JobState.RUNNING}


@pytest.mark.parametrize("part", ["server", "trqauthd", "unroutable"])
def test_nothing_is_taken_for_absent_while_torque_does_not_answer(cluster: Cluster, part: str) -> None:
    cluster.grow("n1")
    cluster.standin.world.stop(part)
    for call in (cluster.torque.observe, lambda: cluster.torque.hold("n1", ""), lambda: cluster.torque.remove("n1"),
                 lambda: cluster.torque.vacate("n1"), lambda: cluster.torque.job("0"), lambda: cluster.join("n2")):
        with pytest.raises(BatchUnreachable):
            call()
    cluster.standin.world.start(part)
    assert cluster.host("n1") is not None and cluster.host("n2") is None


def test_without_maui_demand_is_known_and_health_says_so(cluster: Cluster) -> None:
    job = cluster.standin.submit()
    cluster.standin.world.stop("maui")
    view = cluster.torque.observe()
    assert view.health == {"torque": True, "maui": False} and any("priorities" in text for text in view.warnings)
    assert [one.id for one in view.jobs] == [job]


def test_reserved_node_does_not_join_without_maui_and_does_later(cluster: Cluster) -> None:
    cluster.standin.world.stop("maui")
    with pytest.raises((BatchUnreachable, BatchRefused)):
        cluster.join("n1", reservation=SHORT)
    found = cluster.host("n1")
    assert found is None or found.hold is HoldBy.US
    cluster.standin.world.start("maui")
    cluster.standin.poll()
    cluster.join("n1", reservation=SHORT)
    assert cluster.reserved() == [("n1", "short.0")]


@pytest.mark.parametrize(("reservation", "name"), [(SHORT, "short.0"), (PROJECT, "projectx.0")])
def test_reservation_waits_for_maui_to_see_the_node_and_leaves_with_it(cluster: Cluster, reservation: Reservation, name: str) -> None:
    cluster.standin.poll()
    with pytest.raises(BatchRefused):  # Maui has not polled since
        cluster.join("node1", reservation=reservation)
    cluster.standin.poll()
    cluster.join("node1", reservation=reservation)
    cluster.join("node1", reservation=reservation)
    assert cluster.reserved() == [("node1", name)]
    cluster.torque.remove("node1")
    assert cluster.reserved() == []


def test_reservation_of_node10_outlives_node1(cluster: Cluster) -> None:
    for name in ("node1", "node10"):
        cluster.standin.boot(name)
        cluster.standin.qmgr(f"create node {name} np=2")
    cluster.standin.poll()
    for name in ("node1", "node10"):
        cluster.join(name, reservation=SHORT)
    cluster.torque.remove("node1")
    assert [node for node, _ in cluster.reserved()] == ["node10"]


def test_node_made_again_does_not_inherit_what_maui_remembers(cluster: Cluster) -> None:
    cluster.standin.add_node("n1")
    cluster.standin.command("setres -a other n1")
    cluster.standin.qmgr("delete node n1")
    cluster.standin.poll()
    cluster.join("n1", reservation=PROJECT)
    assert "projectx.0" in dict((name, node) for node, name in cluster.reserved())


def test_property_is_given_once(cluster: Cluster) -> None:
    cluster.join("n1", reservation=BIG)
    cluster.join("n1", reservation=BIG)
    assert "<properties>bigmem</properties>" in cluster.standin.command("pbsnodes -x n1").out


def test_new_node_of_6_joins_held_as_soon_as_it_can_be_marked() -> None:
    cluster = Cluster("6.1.3")
    with pytest.raises(BatchRefused):
        cluster.join("n1")
    found = cluster.host("n1")
    assert found is not None and not any(queue.usable for queue in found.queues)
    cluster.standin.wait(11)
    cluster.join("n1")
    found = cluster.host("n1")
    assert found is not None and found.hold is HoldBy.US and found.cores == 2


def test_multi_node_jobs_of_4_are_warned_of_when_nobody_may_restart_the_server(cluster: Cluster) -> None:
    cluster.grow("n1", "n2")
    cluster.standin.poll()
    job = cluster.standin.submit("-l nodes=2:ppn=2", "sleep 30")
    cluster.watch(300)
    assert cluster.job(job).state is JobState.RUNNING
    assert any("restart_server_command" in text for text in cluster.torque.observe().warnings)


def test_server_is_restarted_for_multi_node_jobs_only_when_no_other_job_runs() -> None:
    cluster = Cluster(restart_server_command="/usr/bin/torque-standin restart server")
    cluster.grow("n1", "n2", "n3")
    cluster.standin.poll()
    other = cluster.standin.submit("-l nodes=1:ppn=2", "sleep 400")
    cluster.standin.poll()
    job = cluster.standin.submit("-l nodes=2:ppn=2", "sleep 30")
    cluster.watch(200)
    assert not _restarts(cluster) and cluster.job(other).state is JobState.RUNNING
    cluster.watch(600)
    assert _restarts(cluster) == 1
    assert job not in {one.id for one in cluster.torque.observe().jobs} or cluster.job(job).state is JobState.COMPLETED


def test_restart_is_not_spent_before_there_are_nodes_enough() -> None:
    cluster = Cluster(restart_server_command="/usr/bin/torque-standin restart server")
    cluster.standin.boot("placeholder")
    cluster.standin.qmgr("create node placeholder np=2")
    cluster.grow("n1")
    job = cluster.standin.submit("-l nodes=2:ppn=2", "sleep 30")
    cluster.watch(120)
    assert not _restarts(cluster)
    cluster.grow("n2")
    cluster.watch(90)
    assert _restarts(cluster) == 1
    cluster.watch(120)
    assert job not in {one.id for one in cluster.torque.observe().jobs} or cluster.job(job).state is JobState.COMPLETED


def _restarts(cluster: Cluster) -> int:
    return sum(call[0].endswith("torque-standin") for call in cluster.standin.calls)


def test_node_that_an_administrator_took_offline_is_his(cluster: Cluster) -> None:
    cluster.grow("n1")
    cluster.standin.world.call(["pbsnodes", "-o", "-N", "disk swap", "n1"])
    with pytest.raises(BatchRefused):
        cluster.torque.remove("n1")
    found = cluster.host("n1")
    assert found is not None and found.hold is HoldBy.ADMINISTRATOR


@pytest.mark.parametrize("version", ["4.2.10", "6.1.3"])
def test_busy_node_is_not_removed_although_torque_would(version: str) -> None:
    cluster = Cluster(version)
    cluster.standin.world.server.timing.unlisted = 0
    cluster.grow("n1")
    cluster.standin.poll()
    job = cluster.standin.submit()
    cluster.standin.poll()
    with pytest.raises(HostHasJobs):
        cluster.torque.remove("n1")
    assert cluster.job(job).state is JobState.RUNNING and cluster.host("n1") is not None


def test_jobs_left_on_a_node_that_somebody_deleted_are_cleared(cluster: Cluster) -> None:
    cluster.grow("n1")
    cluster.standin.poll()
    again, lost = cluster.standin.submit(), cluster.standin.submit("-r n")
    cluster.standin.poll()
    cluster.standin.qmgr("delete node n1")
    assert cluster.job(lost).state is JobState.RUNNING
    cleared = cluster.torque.clear("n1")
    assert (cleared.requeued, cleared.lost) == ((again,), (lost,))


def test_vacate_ends_jobs_whose_mom_is_lost(cluster: Cluster) -> None:
    cluster.grow("n1")
    cluster.standin.poll()
    job = cluster.standin.submit()
    cluster.standin.poll()
    cluster.standin.power_off("n1")
    assert cluster.torque.vacate("n1") == (job,)
    found = cluster.host("n1")
    assert found is not None and not found.jobs


def test_slot_limit_and_dependency_are_no_demand(cluster: Cluster) -> None:
    first = cluster.standin.submit("-t 1-4%1")
    cluster.standin.submit(f"-W depend=afterok:{first.replace('[]', '[1]')}")
    states = [job.state for job in cluster.torque.observe().jobs]
    assert sorted(state.value for state in states).count("pending") == 1
    assert JobState.WAITING in states and JobState.DEPENDENT in states
