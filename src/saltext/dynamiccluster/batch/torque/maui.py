"""Parsing what Maui's commands print: plain text in columns, the same on success and on many a failure. All pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...errors import BatchMalformed
from ..numbers import read_finite

# 13                            2*  100.0(  2.3): the star means a priority that an administrator set
_PRIORITY = re.compile(r"^(\d+(?:\[\d+\])?)\s+(-?\d{1,15}(?:\.\d+)?)(?:\*|\s|$)", re.MULTILINE)
_NOTHING_IDLE = "no idle jobs in queue"
_PRIORITIES = "diagnosing job priority information"
_ROW = re.compile(r"^\s*(\S+)\s+User\s+(\S+)\s+\S+\s+\d+\s+(\S+)", re.MULTILINE)
_CREATED = re.compile(r"reservation '([^']+)' created")
_STATE = re.compile(r"^State:\s+(\S+)", re.MULTILINE)
_BLOCKED = re.compile(r"^(\d+(?:\[\d+\])?)\s+\S+\s+(?:Deferred|BatchHold)\s", re.MULTILINE)
_SETTING = re.compile(r"^([A-Z][A-Z0-9]*)(?:\[[^\]\n]*\])?[ \t]+(\S.*?)[ \t]*$", re.MULTILINE)


class NodeReservation(NamedTuple):
    """A reservation on one node. `id` is unique (`short.0`), `starts_in` are seconds from now, negative once it began."""

    node: str
    id: str
    starts_in: float = 0.0

    @property
    def name(self) -> str:
        """Return what it was made for: the queue or the account, unless it was named otherwise."""
        return self.id.rpartition(".")[0] or self.id


def parse_priorities(text: str) -> dict[str, float]:
    """Return priorities by job number (`14[2]`). Raises BatchMalformed when this is no answer of `diagnose -p`."""
    found = {match[1]: float(match[2]) for match in _PRIORITY.finditer(text)}
    if not found and _NOTHING_IDLE not in text and _PRIORITIES not in text:
        raise BatchMalformed("diagnose -p answered something else than priorities")
    return found


def parse_reservations(text: str) -> tuple[NodeReservation, ...]:
    """Return what `showres -n` lists besides the reservations of jobs; the title lines may be missing."""
    return tuple(NodeReservation(match[1], match[2], _read_offset(match[3])) for match in _ROW.finditer(text))


def parse_created(text: str) -> str:
    """Return the id of the reservation that setres says it made, "" when it does not say so."""
    found = _CREATED.search(text)
    return found[1] if found else ""


def parse_node_state(text: str) -> str:
    """Return the state that checknode prints, "" when it prints none."""
    found = _STATE.search(text)
    return found[1] if found else ""


def parse_blocked(text: str) -> tuple[str, ...]:
    """Return the numbers of the jobs that showq lists as deferred or in batch hold."""
    return tuple(match[1] for match in _BLOCKED.finditer(text))


def parse_settings(text: str) -> dict[str, str]:
    """Return Maui's settings from showconfig, without the partition's index behind their names."""
    return {match[1]: match[2] for match in _SETTING.finditer(text)}


def read_duration(value: str) -> float:
    """Return seconds of `00:58:43`, `-2:00:00:00`, `INFINITY`. Raises ValueError."""
    if value.lstrip("-").startswith("INFINIT"):
        return float("-inf") if value.startswith("-") else float("inf")
    seconds = 0.0
    parts = value.lstrip("-").split(":")
    for weight, part in zip((1, 60, 3600, 86400), reversed(parts), strict=False):
        seconds += weight * read_finite(part)
    return -seconds if value.startswith("-") else seconds


def _read_offset(value: str) -> float:
    try:
        return read_duration(value)
    except ValueError:
        return 0.0
