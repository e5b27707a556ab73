"""One line for people, from the same decision."""

from __future__ import annotations

from saltext.dynamiccluster.model import JobState, Phase
from saltext.dynamiccluster.policy.explain import explain_job, explain_node
from saltext.dynamiccluster.policy.placement import allocate
from saltext.dynamiccluster.policy.plan import Act, Action, Plan
from saltext.dynamiccluster.policy.scale_in import scale_in
from tests.worlds import NOW, host, idle, job, record, smp, world


def explained(seen, actions=()):
    allocation = allocate(seen)
    plan = Plan(seen.memory, actions, allocation.fates, seen.nodes, scale_in(seen, allocation).stays, allocation.blocked)
    return lambda subject: (explain_job(plan, seen, subject), explain_node(plan, seen, subject))


SEEN = world(
    jobs=(
        job(1),
        job(2, smp(99)),
        job(3, state=JobState.HELD, reason="held by its owner"),
        job(4, state=JobState.RUNNING, hosts=("n1", "n1")),
        job("17.head", smp(8)),
        job("20", smp(8)),
    ),
    hosts=(host("n1", used=1), host("n2"), host("metal", used=8)),
    records=(record("n1"), idle("n2", 60, cause="for job 12"), record("n3", Phase.BOOTING, cause="for job 20")),
)


def test_each_job_has_one_line():
    tell = explained(SEEN)
    assert tell("1")[0] == "job 1 waits: n1 has room for it now: its start is up to the scheduler"
    assert tell("2")[0] == "job 2 can never run: it asks for 99 cores on one node; nodes of a have 8"
    assert tell("3")[0] == "job 3 is not waiting for a node: held by its owner"
    assert tell("4")[0] == "job 4 runs on n1"
    assert tell("17")[0].startswith("job 17.head waits: ")
    assert tell("99")[0] == "job 99 is not known: it has ended, or was never submitted"


def test_job_that_the_scheduler_does_not_start_is_told_where_to_ask():
    seen = world(jobs=(job(1, created=NOW - 9000),), hosts=(host("n1"),), records=(idle("n1", 2000),))
    assert "room has been there for 2000 s, so ask the batch system" in explained(seen)("1")[0]


def test_each_node_says_why_it_exists_and_when_it_may_go():
    tell = explained(SEEN, (Action(Act.LAUNCH, "a", "n3", "for job 20"),))
    assert tell("n2")[1] == "n2 of a is idle; it was launched for job 12; stays: idle 60 s of 600 s; job 20 counts on it"
    assert tell("n3")[1].startswith("n3 of a is starting; it was launched for job 20; next: launch (for job 20); stays: it is on its way")
    assert tell("metal")[1] == "metal is busy; it belongs to no resource: shown, never touched"
    assert tell("nix")[1] == "there is no worker node nix"


def test_node_that_goes_says_so():
    seen = world(hosts=(host("n1"),), records=(idle("n1", 900, cause="asked for by an administrator"),))
    words = "n1 of a is idle; asked for by an administrator; goes: it is not needed any more"
    assert explained(seen)("n1")[1] == words


def test_stale_reading_is_said():
    seen = world(jobs=(job(1), job(4, state=JobState.RUNNING, hosts=("n1",))), batch_error="timed out")
    assert explained(seen)("1")[0] == "job 1 waits: nothing is launched now: the batch system could not be read: timed out"
    assert explained(seen)("4")[0] == "job 4 runs on n1 (as last read; the batch system could not be read: timed out)"
