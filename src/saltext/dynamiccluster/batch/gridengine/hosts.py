"""Parsing `qhost -F -q -j -xml`: bytes in, one record for each execution host out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from xml.etree.ElementTree import Element

from .jobs import JobRecord
from .units import read_memory_mb
from .xml import parse, split, text

Number = TypeVar("Number", int, float)
GLOBAL = "global"
_NAME = re.compile(rb"<host name='([^'<]*)'")


@dataclass(frozen=True, slots=True)
class QueueRecord:
    """A queue instance. `state` are Grid Engine's letters."""

    name: str
    slots: int = 0
    used: int = 0
    state: str = ""


@dataclass(frozen=True, slots=True)
class HostRecord:
    """A host. `jobs` are ids (`9.3` for a task of an array), each once however many slots it holds here.

    `started` is the Unix time at which each job started. `resources` are Grid Engine's values by complex: (dominance, value), where a
    dominance of `hc` or `gc` means what is left of a consumable. `broken`: nothing but the name could be read.
    """

    name: str
    queues: tuple[QueueRecord, ...] = ()
    jobs: tuple[str, ...] = ()
    started: Mapping[str, float] = field(default_factory=dict)
    processors: int | None = None
    memory_mb: int | None = None
    load: float | None = None
    resources: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    broken: str = ""

    @property
    def used(self) -> int:
        return sum(queue.used for queue in self.queues)


def parse_hosts(document: bytes) -> tuple[HostRecord, ...]:
    """Parse the answer of qhost, the pseudo host `global` included. Raises BatchMalformed when it is truncated or foreign."""
    return tuple(map(read_host, split(document, "qhost", "host")))


def read_host(raw: bytes) -> HostRecord:
    """Return the record; one that cannot be read keeps its name at least, so that the host is known to exist."""
    element = parse(raw)
    if element is not None:
        try:
            return _build(element)
        except ValueError as error:
            reason = f"qhost's record of this host cannot be read: {error}"
    else:
        reason = "qhost's record of this host is not well-formed XML"
    found = _NAME.search(raw)
    return HostRecord(found[1].decode("utf-8") if found else "", broken=reason)


def _build(element: Element) -> HostRecord:
    return build_host(
        element.get("name", ""),
        _values(element, "hostvalue"),
        {
            child.get("name", ""): (child.get("dominance", ""), text(child.text))
            for child in element.iterfind("resourcevalue")
        },
        [read_queue(child.get("name", ""), _values(child, "queuevalue")) for child in element.iterfind("queue")],
        dict(read_job(child.get("name", ""), _values(child, "jobvalue")) for child in element.iterfind("job")),
    )  # fmt: skip


def _values(element: Element, tag: str) -> dict[str, str]:
    return {child.get("name", ""): text(child.text) for child in element.iterfind(tag)}


def build_host(
    name: str, values: dict[str, str], resources: dict[str, tuple[str, str]], queues: list[QueueRecord], started: dict[str, float]
) -> HostRecord:
    """Return the record of these values. Raises ValueError."""
    return HostRecord(
        name=name,
        queues=tuple(queues),
        jobs=tuple(started),
        started=started,
        processors=_known(values, "num_proc", int),
        memory_mb=_known(values, "mem_total", read_memory_mb),
        load=_known(values, "load_avg", float),
        resources=resources,
    )


def fill_jobs(host: HostRecord, jobs: Iterable[JobRecord]) -> HostRecord:
    """Return the host with its jobs from qstat where qhost tells of used slots only (a site's own qhost_command without -j)."""
    if host.jobs or not host.used:
        return host
    mine = (job for job in jobs if job.queue.partition("@")[2] == host.name)
    return replace(host, jobs=tuple(f"{job.id}.{job.tasks}" if job.tasks else job.id for job in mine))


def _known(values: dict[str, str], name: str, read: Callable[[str], Number]) -> Number | None:
    value = values.get(name, "-")
    return None if value in ("-", "") else read(value)


def read_queue(name: str, values: dict[str, str]) -> QueueRecord:
    """Return a queue instance. Raises ValueError."""
    slots, used = int(values.get("slots") or 0), int(values.get("slots_used") or 0)
    return QueueRecord(name, slots, used, values.get("state_string", ""))


def read_job(name: str, values: dict[str, str]) -> tuple[str, float]:
    """Return id and start. A parallel job has one element for each slot: a dictionary makes them one. Raises ValueError."""
    task, start = values.get("taskid", ""), values.get("start_time", "")
    if not name.isdigit() or not (task.isdigit() or not task):
        raise ValueError("it lists a job without a number")
    return f"{name}.{task}" if task else name, float(start) if start.isdigit() else 0.0
