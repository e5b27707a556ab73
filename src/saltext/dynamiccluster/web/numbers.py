"""Everything that is counted, in a registry of its own: what happens is counted as it happens, what is there is read from the last snapshot."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics
from prometheus_client import Counter as Count
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ..control.core import Core
from ..model import Job, JobState, NodeRecord, NodeState
from ..policy.plan import Fate, Outcome

_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LIFE = (5, 15, 30, 60, 120, 180, 300, 600, 1200, 2400)
_WAITS = (10, 30, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 3 * 24 * 3600)
_UNMET = (Outcome.WAITS, Outcome.IMPOSSIBLE)
_VARIABLE = re.compile(r"'[^']*'|\"[^\"]*\"|\b[\w.@-]*\d[\w.@-]*\b")
_MOST_REASONS = 20
_COUNTED = frozenset({"bugs"})  # of what a snapshot holds, what only grows

Values = Mapping[Any, float]  # by the labels' values
Gauges = dict[str, tuple[str, tuple[str, ...], Values]]


class Numbers:
    """The metrics of one engine. Any thread may call it."""

    def __init__(self, started_at: float):
        self.registry = CollectorRegistry()
        self._started_at = started_at
        self._lock = threading.Lock()
        self._gauges: Gauges = {}
        self._running: frozenset[str] | None = None
        self._seen: dict[str, set[str]] = {}
        self.waiting: float | None = None  # seconds that the longest waiting job waits
        self._make()
        self.registry.register(_Snapshot(self))

    def _make(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nobody asks for
        known: dict[str, Any] = {"namespace": "dynamiccluster", "registry": self.registry}
        self.cloud_calls = Count("cloud_calls", "Calls to a cloud", ("resource", "call", "result"), **known)
        self.cloud_seconds = Histogram(
            "cloud_call_seconds", "How long calls to a cloud take", ("resource", "call", "result"), buckets=_SECONDS, **known
        )
        self.batch_calls = Count("batch_calls", "Calls to the batch system", ("call", "result"), **known)
        self.batch_seconds = Histogram(
            "batch_call_seconds", "How long calls to the batch system take", ("call", "result"), buckets=_SECONDS, **known
        )
        self.launches = Count("launches", "Instances that a cloud launched", ("resource",), **known)
        self.launch_failures = Count("launch_failures", "Launches that failed", ("resource", "kind"), **known)
        self.parts = Histogram("loop_seconds", "How long the parts of the loop take", ("part",), buckets=_SECONDS, **known)
        self.phases = Histogram(
            "node_phase_seconds", "From asking for a node until it is so far", ("resource", "phase"), buckets=_LIFE, **known
        )
        self.waits = Histogram("job_wait_seconds", "How long jobs waited that have started", buckets=_WAITS, **known)
        self.events = Count("events", "Events fired, by kind", ("event",), **known)

    # -- what happens ---------------------------------------------------------------------------------------------------

    def cloud_call(self, resource: str, call: str, result: str, seconds: float) -> None:
        self.cloud_calls.labels(resource, call, result).inc()
        self.cloud_seconds.labels(resource, call, result).observe(seconds)
        if call == "launch" and result == "ok":
            self.launches.labels(resource).inc()
        elif call == "launch":
            self.launch_failures.labels(resource, result).inc()

    def batch_call(self, call: str, result: str, seconds: float) -> None:
        self.batch_calls.labels(call, result).inc()
        self.batch_seconds.labels(call, result).observe(seconds)

    def loop_part(self, part: str, seconds: float) -> None:
        self.parts.labels(part).observe(seconds)

    def event(self, tag: str) -> None:
        """Count an event by its kind and verb, whatever it is about."""
        words = tag.split("/")
        if len(words) >= 4:
            self.events.labels(f"{words[2]}/{words[-1]}"[:60]).inc()

    # -- what is there --------------------------------------------------------------------------------------------------

    def look(self, document: Mapping[str, Any], core: Core) -> None:
        """Take the numbers of a snapshot, and of what has changed since the last one."""
        jobs = core.snapshot.batch.value.jobs if core.snapshot.batch.value else ()
        now = float(document["engine"]["alive_at"])
        created = [job.created for job in jobs if job.state is JobState.PENDING and job.created]
        self.waiting = max(now - min(created), 0.0) if created else 0.0
        self._see_starts(jobs)
        self._see_phases(core.memory.nodes.values())
        gauges = _gauges(document, self.waiting)
        gauges["demand_unmet_jobs"] = _unmet(core.plan.fates.count())
        with self._lock:
            self._gauges = gauges

    def _see_starts(self, jobs: Iterable[Job]) -> None:
        running = {job.id: job for job in jobs if job.state is JobState.RUNNING}
        for id_ in running.keys() - self._running if self._running is not None else ():
            job = running[id_]
            if 0 < job.created <= job.started:
                self.waits.observe(job.started - job.created)
        self._running = frozenset(running)

    def _see_phases(self, records: Iterable[NodeRecord]) -> None:
        """Observe each phase of a node once; not what lies before this engine's start, which another one observed."""
        seen: dict[str, set[str]] = {}
        for record in records:
            known = seen[record.name] = self._seen.get(record.name, set())
            for phase, at in _phases(record):
                if phase not in known and at >= self._started_at and record.asked_at:
                    self.phases.labels(record.resource, phase).observe(max(at - record.asked_at, 0.0))
                if at:
                    known.add(phase)
        self._seen = seen

    def gauges(self) -> Gauges:
        with self._lock:
            return self._gauges


def _phases(record: NodeRecord) -> Iterator[tuple[str, float]]:
    yield "active", record.active_at
    yield "joined", record.joined_at
    yield "configured", record.ready_at
    if record.ready_at and record.shown is NodeState.BUSY:
        yield "first_job", record.shown_at


class _Snapshot:
    """Collector of the gauges."""

    def __init__(self, numbers: Numbers):
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        for name, (meaning, labels, values) in self._numbers.gauges().items():
            kind = CounterMetricFamily if name in _COUNTED else GaugeMetricFamily
            family = kind(f"dynamiccluster_{name}", meaning, labels=labels)
            for key, value in values.items():
                family.add_metric(key, value)
            yield family


def _gauges(document: Mapping[str, Any], waiting: float) -> Gauges:
    engine, resources = document["engine"], document["resources"]
    nodes, cores = _by_state(document["nodes"], [row["name"] for row in resources])
    backoffs = {(row["name"], row["backoff"]["kind"]): row["backoff"]["until"] for row in resources if row["backoff"]}
    offerings = {(row["name"], item["name"]): item["until"] for row in resources for item in row["offerings"]}
    ages = {("batch",): document["cluster"]["read_age"], **{(row["name"],): row["read_age"] for row in resources}}
    sizes = {(row["name"], bound): float(row[f"{bound}_num"]) for row in resources for bound in ("min", "max")}
    flags = {(row["name"], row["flag_name"].lower()): 1.0 for row in resources}
    return {
        "info": ("What runs", ("version", "cluster", "batch_system"), {(engine["version"], document["cluster"]["name"], document["cluster"]["type"]): 1.0}),
        "start_time_seconds": ("When the engine started", (), {(): engine["started_at"]}),
        "decision_timestamp_seconds": ("When the engine decided last", (), {(): document["plan"]["at"]}),
        "auto_mode": ("1 in automatic mode", (), {(): float(engine["auto_mode"])}),
        "problems": ("What an administrator should look at", (), {(): float(len(document["problems"]))}),
        "bugs": ("Failures that must be bugs, since the start", (), {(): float(engine["bugs"])}),
        "nodes": ("Worker nodes", ("resource", "state"), nodes),
        "cores": ("Cores of worker nodes", ("resource", "state"), cores),
        "resource_size_nodes": ("Configured bounds", ("resource", "bound"), sizes),
        "resource_state": ("1 for the state that the resource is in", ("resource", "state"), flags),
        "backoff_until_timestamp_seconds": ("Until when nothing is launched, and why", ("resource", "kind"), backoffs),
        "offering_left_out_until_timestamp_seconds": ("Until when a launch leaves out what had no machine", ("resource", "offering"), offerings),
        "jobs": ("Jobs", ("state",), {(state,): float(count) for state, count in document["totals"]["jobs"].items()}),
        "pending_cores": ("Cores that pending jobs ask for", (), {(): float(document["totals"]["pending_cores"])}),
        "job_waiting_seconds": ("How long the longest waiting job waits", (), {(): waiting}),
        "reading_age_seconds": ("Age of what was last read", ("source",), {key: age for key, age in ages.items() if age is not None}),
        "reading_failures": ("Readings in a row that failed", ("source",), {(key,): float(count) for key, count in engine["failures"].items()}),
    }


def _by_state(rows: Iterable[Mapping[str, Any]], resources: Iterable[str]) -> tuple[Values, Values]:
    """Return nodes and cores by resource and state, zeros included: a series that vanishes looks like one that is lost."""
    states = [state.name.lower() for state in NodeState if state is not NodeState.INEXISTENT]
    empty = {(resource, state): 0.0 for resource in (*resources, "physical") for state in states}
    nodes, cores = dict(empty), dict(empty)
    for row in rows:
        key = (row["resource"] or "physical", row["state_name"].lower())
        nodes[key] = nodes.get(key, 0.0) + 1
        cores[key] = cores.get(key, 0.0) + row["num_proc"]
    return nodes, cores


def _unmet(fates: Mapping[Fate, int]) -> tuple[str, tuple[str, ...], Values]:
    """Return jobs without a node by reason, from how many jobs share each fate; names and numbers in a reason are left out, so that there are few of them."""
    found: Counter[tuple[str, str]] = Counter()
    for fate, count in fates.items():
        if fate.outcome in _UNMET:
            found[fate.outcome.value, _VARIABLE.sub("*", fate.reason)[:120]] += count
    most = found.most_common(_MOST_REASONS)
    other: Counter[tuple[str, ...]] = Counter(dict(most))
    for (outcome, reason), count in found.items():
        if (outcome, reason) not in other:
            other[outcome, "other"] += count
    return "Jobs without a node, by reason", ("outcome", "reason"), {key: float(count) for key, count in other.items()}
