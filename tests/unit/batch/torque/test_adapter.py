from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.commands import Completed
from saltext.dynamiccluster.errors import BatchMalformed, BatchRefused, BatchUnreachable
from saltext.dynamiccluster.model import JobState, Reservation

from . import captured
from .fake_torque import FakeJob
from .world import World


def test_a_whole_reading():
    world = World(Reservation(), Reservation(queue="short"), Reservation(property="cloud"), Reservation(queue="nosuch"))
    world.fake.add("wn1")
    world.fake.run_job("wn1", "7")
    world.fake.jobs["8"] = FakeJob("8")
    world.fake.priorities = {"8": "5"}
    view = world.batch.observe()
    assert view.health == {"torque": True, "maui": True} and view.warnings == ()
    assert {job.id: job.state for job in view.jobs} == {"7.tqm.tq.test": JobState.RUNNING, "8.tqm.tq.test": JobState.PENDING}
    assert view.jobs[1].priority == 5 and view.hosts[0].jobs == ("7.tqm.tq.test",)
    offers = view.offers
    assert offers[Reservation(queue="short")].queues == {"short"} and offers[Reservation(property="cloud")].properties == {"cloud"}
    assert "does not exist" in offers[Reservation(queue="nosuch")].problem and not offers[Reservation()].problem


def test_no_process_for_each_node():
    world = World()
    for number in range(30):
        world.fake.add(f"wn{number}")
    world.batch.observe()
    world.fake.calls.clear()
    world.batch.observe()
    assert [call[0] for call in world.fake.calls] == ["qstat", "pbsnodes", "diagnose", "showres"]


def test_t4_one_node_without_a_state_does_not_cost_the_others():
    world = World()
    two = b"<Data><Node><name>wn1</name></Node><Node><name>wn2</name><state>free</state><np>2</np><status>ncpus=2</status></Node></Data>"
    world.fake.overrides["pbsnodes"] = Completed(0, two)
    view = world.batch.observe()
    assert [host.name for host in view.hosts] == ["wn1", "wn2"] and view.hosts[1].up is True
    assert view.health == {"torque": True, "maui": True} and "node wn1" in view.warnings[0]


def test_t5_the_number_of_jobs_to_show_limits_no_demand():
    world = World(queued_job_number_to_display=2)
    world.fake.jobs = {str(number): FakeJob(str(number)) for number in range(1, 8)}
    world.fake.priorities = {str(number): str(number) for number in range(1, 8)}
    jobs = world.jobs()
    assert len(jobs) == 7 and max(jobs.values(), key=lambda job: job.priority).id.startswith("7.")


def test_t6_scale_from_zero_without_any_node_and_without_any_priority():
    world = World()
    world.fake.jobs["8"] = FakeJob("8")
    view = world.batch.observe()
    assert view.hosts == () and view.jobs[0].state is JobState.PENDING and view.jobs[0].tasks == 1


@pytest.mark.parametrize("empty", [None, []])
def test_t7_an_empty_queue_to_monitor_means_all(empty):
    world = World(queue_to_monitor=empty)
    world.fake.jobs["8"] = FakeJob("8", queue="short")
    assert world.jobs()["8"].tasks == 1


def test_maui_down_alone_leaves_the_demand_known():
    world = World(Reservation(account="projectx"))
    world.fake.add("wn1")
    world.fake.reservations = [("projectx.0", "wn1")]
    world.fake.jobs["8"] = FakeJob("8")
    world.batch.observe()
    world.fake.maui_down = True
    view = world.batch.observe()
    assert view.health == {"torque": True, "maui": False} and view.jobs[0].tasks == 1 and view.jobs[0].priority == 0
    assert "Maui does not answer" in view.warnings[0]
    assert view.hosts[0].reservation.account == "projectx"  # as it was last seen


def test_a_maui_that_talks_nonsense_is_not_believed():
    world = World()
    world.fake.overrides["diagnose"] = Completed(0, b"")
    view = world.batch.observe()
    assert view.health["maui"] is False and view.warnings


@pytest.mark.parametrize(
    "done",
    [
        captured.completed("M-serverstopped-qstat_-x_-t"),
        captured.completed("M4-trqauthd-stopped-qstat"),
        captured.completed("M3-unroutable"),
        captured.completed("M3-qstat-wrongserver"),
        Completed(255, b"", b"ssh: connect to host head port 22: Connection timed out\n"),
    ],
)
def test_s9_a_server_that_is_down_is_unknown_and_not_empty(done):
    world = World()
    world.fake.overrides["qstat -x"] = done
    with pytest.raises(BatchUnreachable):
        world.batch.observe()


def test_s9_a_server_that_hangs():
    world = World()
    world.fake.frozen = True
    with pytest.raises(BatchUnreachable):
        world.batch.observe()


@pytest.mark.parametrize(
    "done",
    [
        Completed(0, b"", b"pbs_iff: error returned: 15031\n"),
        Completed(0, b"<Data><Job>"),
        Completed(0, b"<html/>"),
        Completed(1, b"", b"odd"),
    ],
)
def test_an_odd_answer_is_no_empty_cluster(done):
    world = World()
    world.fake.overrides["qstat -x"] = done
    with pytest.raises((BatchUnreachable, BatchMalformed, BatchRefused)):
        world.batch.observe()


def test_no_nodes_is_what_torque_says_in_words():
    world = World()
    assert world.batch.observe().hosts == ()
    world.fake.overrides["pbsnodes"] = Completed(0)
    with pytest.raises(BatchMalformed):
        world.batch.observe()


def test_a_program_that_is_not_there():
    world = World()

    def missing(argv, *, timeout):
        raise FileNotFoundError(2, "No such file or directory")

    world.batch._tools._run = missing
    with pytest.raises(BatchUnreachable, match="cannot be run"):
        world.batch.observe()


def test_one_users_broken_job_is_told_and_costs_only_itself():
    world = World()
    world.fake.jobs = {"7": FakeJob("7", more="<x>&bad;</x>"), "8": FakeJob("8")}
    view = world.batch.observe()
    assert {job.id.partition(".")[0]: job.state for job in view.jobs} == {"7": JobState.UNKNOWN, "8": JobState.PENDING}
    assert "7.tqm.tq.test" in view.warnings[0]


def test_details_of_a_job_hold_no_secrets():
    world = World()
    world.fake.jobs["7"] = FakeJob("7")
    details = world.batch.job("7")
    assert details["Job_Id"] == "7.tqm.tq.test" and details["Resource_List.walltime"] == "01:00:00"
    assert "SECRET" not in str(details)
    assert world.batch.job("7.tqm.tq.test") == details and world.batch.job("9") == {}


def test_an_arrays_own_id_lists_every_job():
    world = World()
    world.fake.overrides["qstat -x 14[]"] = captured.completed("B06-qstat-x-array")
    assert world.batch.job("14[]")["Job_Id"] == "14[].tqm.tq.test"


@pytest.mark.parametrize("job_id", ["", "all", "7;reboot", "-x", "7 8"])
def test_what_is_no_job_id(job_id):
    world = World()
    with pytest.raises(BatchRefused):
        world.batch.job(job_id)
    assert not world.fake.calls


def test_a_reservation_of_a_deleted_node_that_maui_still_shows_is_ignored():
    world = World(Reservation(account="projectx"))
    world.fake.add("wn1")
    world.fake.reservations = [("projectx.0", "wn7")]
    hosts = world.hosts()
    assert set(hosts) == {"wn1"} and hosts["wn1"].reservation == Reservation()


def test_commands_through_ssh_stay_there():
    world = World(
        qstat_command="ssh head /opt/torque/bin/qstat -x -t",
        diagnose_p_command="ssh head /opt/maui/bin/diagnose -p",
        add_node_command="ssh head qmgr -c 'create node {0}'",
    )
    tools = world.batch._tools
    assert tools.sibling(tools.settings.diagnose_p_command, "releasehold", "-a", "1|2") == (
        "ssh",
        "head",
        "/opt/maui/bin/releasehold",
        "-a",
        "'1|2'",
    )
    assert tools.beside(tools.settings.add_node_command, "getent", "ahosts", "wn1") == ("ssh", "head", "getent", "ahosts", "wn1")


@pytest.mark.parametrize(
    ("key", "text", "plain"),
    [
        ("setres_command", "/usr/local/maui/bin/setres {0} {1} {2}", True),
        ("setres_command", "ssh -o BatchMode=yes head /opt/maui/bin/setres {0} {1} {2}", True),
        ("setres_command", "/usr/bin/setres -n x {0} {1} {2}", False),
        ("setres_command", "/usr/local/sbin/reserve {0} {1} {2}", False),
        ("delete_job_command", "sudo /usr/bin/qdel -p {0}", True),
        ("delete_job_command", "/usr/bin/qdel -p {0} >> /var/log/qdel", False),
    ],
)
def test_a_built_in_command_through_ssh_or_sudo_is_still_known(key, text, plain):
    tools = World(**{key: text}).batch._tools
    assert tools.is_plain(getattr(tools.settings, key)) is plain
