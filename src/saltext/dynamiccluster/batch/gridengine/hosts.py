"""Parsing `qhost -F -q -j -xml`: bytes in, one record for each execution host out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar
from xml.etree.ElementTree import Element

from ..numbers import read_finite, read_unix_time, read_whole
from .jobs import JobRecord
from .units import read_memory_mb
from .xml import parse, split, text

Number = TypeVar("Number", int, float)
GLOBAL = "global"
Resources = Mapping[str, tuple[str, str]]
Names = tuple[tuple[str, str], ...]
MOVING = r"(?:np_)?load_\w+|cpu|(?:mem|swap|virtual)_(?:free|used)"  # names of values that change from minute to minute
_is_moving = re.compile(MOVING, re.ASCII).fullmatch
_NAME = re.compile(rb"<host name='([^'<]*)'")


class QueueRecord(NamedTuple):
    """A queue instance. `state` are Grid Engine's letters."""

    name: str
    slots: int = 0
    used: int = 0
    state: str = ""


class HostRecord(NamedTuple):
    """A host. `jobs` are ids (`9.3` for a task of an array), each once however many slots it holds here.

    `started` is the Unix time at which each job started. Grid Engine's values by complex are (dominance, value), where a dominance of `hc` or
    `gc` means what is left of a consumable. Those in which most hosts are alike are `settled`; of those that change from minute to minute `names`
    has (complex, dominance), and `moving` the values in the same order. `broken`: nothing but the name could be read.
    """

    name: str
    queues: tuple[QueueRecord, ...] = ()
    jobs: tuple[str, ...] = ()
    started: Mapping[str, float] = {}
    processors: int | None = None
    memory_mb: int | None = None
    load: float | None = None
    settled: Resources = {}
    names: Names = ()
    moving: tuple[str, ...] = ()
    broken: str = ""

    @property
    def changing(self) -> Resources:
        return {name: (dominance, value) for (name, dominance), value in zip(self.names, self.moving, strict=True)}

    @property
    def resources(self) -> Resources:
        return {**self.settled, **self.changing}

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
    moving = {key: value for key, value in resources.items() if _is_moving(key)}
    return HostRecord(
        name=name,
        queues=tuple(queues),
        jobs=tuple(started),
        started=started,
        processors=read_known(values, "num_proc", read_whole),
        memory_mb=read_known(values, "mem_total", read_memory_mb),
        load=read_known(values, "load_avg", read_finite),
        settled={key: value for key, value in resources.items() if not _is_moving(key)},
        names=tuple((key, dominance) for key, (dominance, _) in moving.items()),
        moving=tuple(value for _, value in moving.values()),
    )


def fill_jobs(host: HostRecord, jobs: Iterable[JobRecord]) -> HostRecord:
    """Return the host with its jobs from qstat where qhost tells of used slots only (a site's own qhost_command without -j)."""
    if host.jobs or not host.used:
        return host
    mine = (job for job in jobs if job.queue.partition("@")[2] == host.name)
    return host._replace(jobs=tuple(f"{job.id}.{job.tasks}" if job.tasks else job.id for job in mine))


def read_known(values: Mapping[str, str], name: str, read: Callable[[str], Number]) -> Number | None:
    """Return a value, None when Grid Engine does not know it. Raises ValueError."""
    value = values.get(name, "-")
    return None if value in ("-", "") else read(value)


def read_queue(name: str, values: dict[str, str]) -> QueueRecord:
    """Return a queue instance. Raises ValueError."""
    slots, used = read_whole(values.get("slots") or "0"), read_whole(values.get("slots_used") or "0")
    return QueueRecord(name, slots, used, values.get("state_string", ""))


def read_job(name: str, values: dict[str, str]) -> tuple[str, float]:
    """Return id and start. A parallel job has one element for each slot: a dictionary makes them one. Raises ValueError."""
    task, start = values.get("taskid", ""), values.get("start_time", "")
    if not name.isdigit() or not (task.isdigit() or not task):
        raise ValueError("it lists a job without a number")
    return f"{name}.{task}" if task else name, read_unix_time(start) if start.isdigit() else 0.0
