"""Parsing `pbsnodes -x`: bytes in, one record for each node out."""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ...errors import BatchMalformed
from ..numbers import read_finite, read_whole
from .units import read_memory_mb, read_number
from .xml import parse, records

_NAME = re.compile(rb"<name>\s*([A-Za-z0-9_.-]+)\s*</name>")
_STATUS = re.compile(r"(?:^|,)(ncpus|physmem|loadave)=([^,]*)")


class NodeRecord(NamedTuple):
    """One `<Node>`. `flags` are the parts of its state; `heard`: its daemon has told something since the server started.

    `jobs` are ids, each once, `used` the number of its slots that they have. `broken`: nothing but the name could be read.
    """

    name: str
    flags: frozenset[str] = frozenset()
    np: int = 0
    properties: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    used: int = 0
    note: str = ""
    gpus: int = 0
    heard: bool = False
    ncpus: int = 0
    memory_mb: int = 0
    load: float | None = None
    broken: str = ""

    @property
    def offline(self) -> bool:
        return "offline" in self.flags

    @property
    def down(self) -> bool:
        return "down" in self.flags


def parse_nodes(document: bytes) -> tuple[NodeRecord, ...]:
    """Parse the answer of pbsnodes. Raises BatchMalformed, also for zero bytes: without nodes Torque says so in words."""
    if not document.strip():
        raise BatchMalformed("pbsnodes -x answered nothing at all")
    return tuple([_read_record(raw) for raw in records(document, "Node")])


def read_jobs(text: str) -> tuple[tuple[str, ...], int]:
    """Return ids, each once, and slots of `0/2.srv,1/2.srv` (with or without blanks) or, version 6, `0-1,3/2.srv`. Raises ValueError."""
    jobs: dict[str, None] = {}
    slots, waiting = 0, 0
    for part in text.replace(" ", "").split(","):
        slot, slash, job_id = part.partition("/")
        if not slot:
            continue
        first, _, last = slot.partition("-")
        waiting += read_whole(last or first) - read_whole(first) + 1
        if slash:  # slots without a job before this one are its own too
            jobs[job_id] = None
            slots, waiting = slots + waiting, 0
    return tuple(jobs), slots


def _read_record(raw: bytes) -> NodeRecord:
    element = parse(raw)
    if element is not None:
        try:
            return _build(element)
        except ValueError as error:
            reason = f"pbsnodes' record of this node cannot be read: {error}"
    else:
        reason = "pbsnodes' record of this node is not well-formed XML"
    found = _NAME.search(raw)
    return NodeRecord(found[1].decode() if found else "", broken=reason)


def _build(element: Element) -> NodeRecord:
    values = {child.tag: (child.text or "").strip() for child in element}
    name, status = values.get("name", ""), values.get("status", "")
    if not name or not values.get("state"):
        raise ValueError("it has no name or no state")
    told = dict(_STATUS.findall(status))
    jobs, used = read_jobs(values.get("jobs", ""))
    return NodeRecord(
        name=name,
        flags=frozenset(flag.strip() for flag in values["state"].split(",")),
        np=read_number(values.get("np")),
        properties=tuple(dict.fromkeys(word for word in values.get("properties", "").split(",") if word)),
        jobs=jobs,
        used=used,
        note=values.get("note", ""),
        gpus=read_number(values.get("gpus")),
        heard=bool(status),
        ncpus=read_number(told.get("ncpus")),
        memory_mb=read_memory_mb(told["physmem"]) if told.get("physmem") else 0,
        load=read_finite(told["loadave"]) if told.get("loadave") else None,
    )
