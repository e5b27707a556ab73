"""Parsing what `qconf -s...` prints: queues, parallel environments, complexes, host groups, execution hosts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ...errors import BatchMalformed
from .units import read_truth

_OVERRIDE = re.compile(r"\[([^=\]\s]+)=([^\]]*)\]")
_CONTINUED = re.compile(r"\s*\\\r?\n\s*")
_NAME = re.compile(r"[^\s,]+")


@dataclass(frozen=True, slots=True)
class Attribute:
    """A queue's attribute: its default, and what differs on hosts and host groups, as written."""

    default: str = ""
    overrides: tuple[tuple[str, str], ...] = ()

    def on(self, host: str, groups: Iterable[str] = ()) -> str:
        """Return the value on a host: its own goes before that of a host group, which goes before the default."""
        if not self.overrides:
            return self.default
        values = dict(self.overrides)
        for key in (host, *groups):
            if key in values:
                return values[key]
        return self.default

    @property
    def values(self) -> tuple[str, ...]:
        return (self.default, *(value for _, value in self.overrides))


@dataclass(frozen=True, slots=True)
class Queue:
    """A cluster queue."""

    name: str
    hosts: tuple[str, ...] = ()  # host names and host groups
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Attribute:
        return self.attributes.get(name, Attribute())

    @property
    def is_batch(self) -> bool:
        """Tell whether it takes jobs without a parallel environment."""
        return any(word in value for value in self["qtype"].values for word in ("BATCH", "INTERACTIVE"))

    def overridden(self, host: str) -> tuple[str, ...]:
        """Return the names of the attributes that have a value of their own on this host."""
        return tuple(name for name, value in self.attributes.items() if host in dict(value.overrides))


@dataclass(frozen=True, slots=True)
class Environment:
    """A parallel environment. `rule`: $pe_slots, $fill_up, $round_robin or a number. `slots` 0: not known."""

    name: str
    rule: str
    slots: int = 0


@dataclass(frozen=True, slots=True)
class Complex:
    """A complex (a resource that jobs may ask for). `consumable`: NO, YES (for each slot), JOB or HOST."""

    name: str
    shortcut: str
    kind: str
    relation: str
    consumable: str
    default: str
    is_forced: bool = False  # each job must ask for it

    @property
    def is_exclusive(self) -> bool:
        return self.relation == "EXCL"

    @property
    def is_consumable(self) -> bool:
        return self.consumable != "NO"


def parse_queues(text: str) -> dict[str, Queue]:
    """Parse `qconf -sq '*'`. Raises BatchMalformed when a queue has no name or no host list."""
    queues = {}
    for block in re.split(r"\n(?=qname\s)", "\n" + _join_lines(text)):
        pairs = dict(_pairs(block))
        if not pairs:
            continue
        if "qname" not in pairs or "hostlist" not in pairs:
            raise BatchMalformed("qconf -sq answered a queue without qname or hostlist")
        name, hosts = pairs.pop("qname"), pairs.pop("hostlist")
        queues[name] = Queue(name, names(hosts), {key: read_attribute(value) for key, value in pairs.items()})
    return queues


def read_attribute(value: str) -> Attribute:
    """Read `0,[n1=4],[@big=8]`: the default and the overrides."""
    default = value.partition("[")[0].strip().rstrip(",").strip()
    return Attribute(default, tuple((found[1], found[2].strip()) for found in _OVERRIDE.finditer(value)))


def parse_environment(name: str, text: str) -> Environment:
    """Parse `qconf -sp NAME`, or the bare allocation rule that a site's own command prints. Raises BatchMalformed."""
    pairs = dict(_pairs(_join_lines(text)))
    rule = pairs.get("allocation_rule", "")
    if not rule and len(text.split()) == 1:
        rule = text.strip()
    if not rule:
        raise BatchMalformed(f"no allocation rule in the definition of parallel environment {name}")
    slots = pairs.get("slots", "")
    return Environment(name, rule, int(slots) if slots.isdigit() else 0)


def parse_complexes(text: str) -> dict[str, Complex]:
    """Parse `qconf -sc`. Raises BatchMalformed when no line is a complex: Grid Engine always has some."""
    complexes = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 8 and not line.startswith("#"):
            name, shortcut, kind, relation, requestable, consumable, default, _urgency = words
            complexes[name] = Complex(name, shortcut, kind, relation, consumable.upper(), default, requestable == "FORCED")
    if not complexes:
        raise BatchMalformed("qconf -sc answered no complex at all")
    return complexes


def parse_group(text: str) -> tuple[str, ...]:
    """Return the members of `qconf -shgrp @G`: hosts and nested groups. Raises BatchMalformed."""
    pairs = dict(_pairs(_join_lines(text)))
    if "hostlist" not in pairs:
        raise BatchMalformed("qconf -shgrp answered no host list")
    return names(pairs["hostlist"])


def parse_exec_host(text: str) -> dict[str, str]:
    """Return the complex values of `qconf -se HOST`. Raises BatchMalformed."""
    pairs = dict(_pairs(_join_lines(text)))
    if "complex_values" not in pairs:
        raise BatchMalformed("qconf -se answered no complex values")
    return read_values(pairs["complex_values"])


def read_values(value: str) -> dict[str, str]:
    """Read `gpu=2,exclusive=true` or NONE."""
    items = (item.partition("=") for item in value.split(",") if "=" in item)
    return {name.strip(): amount.strip() for name, _, amount in items}


def names(value: str) -> tuple[str, ...]:
    """Read a list of names separated by blanks or commas; NONE is an empty one."""
    return tuple(name for name in _NAME.findall(value) if name != "NONE")


def is_rerunnable(queue: Queue | None, host: str, groups: Iterable[str]) -> bool:
    """Tell whether the queue lets jobs be rerun that say nothing about it themselves."""
    return queue is not None and read_truth(queue["rerun"].on(host, groups))


def _join_lines(text: str) -> str:
    """Undo qconf's wrapping at 76 columns, for when SGE_SINGLE_LINE does not reach it (ssh)."""
    return _CONTINUED.sub(" ", text)


def _pairs(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines():
        key, _, value = line.strip().partition(" ")
        if key and not key.startswith("#"):
            yield key, value.strip()
