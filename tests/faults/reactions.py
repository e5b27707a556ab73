"""The written reactions: what each fault of a launch leads to, and what must hold at the end whatever happened."""

from __future__ import annotations

from dataclasses import dataclass

from lab.faults import Rule

from .cluster import HANG, MOST, START, Cluster

STARTED = START + 90.0  # when the job of the resource without trouble starts: as without any fault
ALPHA, BETA = "ALPHA", "BETA"


@dataclass(frozen=True)
class Reaction:
    """What a launch that fails leads to: the back-off's kind, its wait in seconds, whether the intent is kept, the setting that is named."""

    kind: str
    least: float
    most: float
    kept: bool = False
    names: str = ""


_UNANSWERED = Reaction("unreachable", 10, 12.5, kept=True)
_QUOTA = Reaction("quota", 600, 600)
LAUNCH: dict[str, Reaction] = {
    "throttled": Reaction("throttled", 5, 60, kept=True),
    "throttling": Reaction("throttled", 5, 60, kept=True),
    "no-capacity": Reaction("no capacity", 300, 375),
    "vcpu-quota": Reaction("quota", 600, 600, names="vCPU"),
    "instance-quota": _QUOTA,
    "address-quota": _QUOTA,
    "unauthorised": Reaction("unauthorised", 600, 750),
    "wrong-keys": Reaction("unauthorised", 600, 750, names="secret_access_key"),
    "bad-parameter": Reaction("bad request", 600, 750, names="image_id"),
    "internal": Reaction("failed", 10, 12.5, kept=True),
    "unavailable": Reaction("failed", 10, 12.5, kept=True),
    "cut": _UNANSWERED,
    "lost-reply": _UNANSWERED,
    "hang": _UNANSWERED,
    "hang-after": _UNANSWERED,
    "truncated": _UNANSWERED,
    "malformed": _UNANSWERED,
}
# What an answer of EC2 cannot be taken for: nothing is known then, and nothing may be decided on it.
UNREADABLE = ("throttled", "unauthorised", "internal", "unavailable", "cut", "hang", "truncated", "malformed")


def strike(cluster: Cluster, action: str, fault: str, **more: object) -> None:
    """Have calls of the resource `alpha` fail."""
    known: dict[str, object] = {"caller": ALPHA, "seconds": HANG, "count": 1}
    cluster.account.table.add(Rule(action, fault, **{**known, **more}))  # type: ignore[arg-type]


def has_struck(cluster: Cluster) -> bool:
    return bool(cluster.account.table.struck())


def check_always(cluster: Cluster) -> None:
    """Check what must hold at every moment: the maximum, one machine for an intent, no machine that nobody remembers, no job ended."""
    assert cluster.most["alpha"] <= MOST and cluster.most["beta"] <= MOST, cluster.describe()
    assert cluster.account.launched_twice() == [], cluster.describe()
    assert cluster.orphans() == [] and cluster.harmed == [], cluster.describe()


def check_end(cluster: Cluster, within: float = 3000.0) -> None:
    """Let it come to its end: every job was done once, nothing is left, and the other resource was served as if nothing had happened."""

    def settled() -> bool:
        check_always(cluster)
        return cluster.settled()

    assert cluster.run(within, settled), cluster.describe()
    assert {(job.ended, job.runs) for job in cluster.batch.jobs.values()} == {("done", 1)}
    others = [job for job in cluster.batch.jobs.values() if next(iter(job.request.places)).queue == "beta.q"]  # type: ignore[arg-type]
    assert [job.started for job in others] == [STARTED], cluster.describe()
