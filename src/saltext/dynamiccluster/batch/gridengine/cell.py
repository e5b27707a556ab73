"""The static side of a Grid Engine cell: what is configured, and the questions that are asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property

from .config import Complex, Environment, Queue, names

HELD_GROUP = "@dynamiccluster_held"


@dataclass(frozen=True)
class Cell:
    """Queues, parallel environments, complexes and host groups by name, and what the whole cell offers once (`global`)."""

    queues: Mapping[str, Queue] = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)
    complexes: Mapping[str, Complex] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    globals: Mapping[str, str] = field(default_factory=dict)

    def complex(self, name: str) -> Complex | None:
        """Return a complex by its name or its shortcut."""
        return self.complexes.get(name) or self._by_shortcut.get(name)

    def groups_above(self, member: str) -> frozenset[str]:
        """Return the host groups that hold a host or a group, directly or through other groups."""
        return self._above.get(member, frozenset())

    def queues_of_group(self, group: str) -> frozenset[str]:
        """Return the queues that a host gets into by joining this host group."""
        reach = self.groups_above(group) | {group}
        return frozenset(queue.name for queue in self.queues.values() if reach.intersection(queue.hosts))

    def matching_environments(self, pattern: str) -> tuple[Environment, ...]:
        return tuple(found for name, found in sorted(self.environments.items()) if fnmatchcase(name, pattern))

    def queues_with(self, environment: str) -> Iterator[tuple[Queue, str]]:
        """Yield each queue that offers a parallel environment, with where: "" everywhere, else a host or a host group."""
        for queue in self.queues.values():
            offered = queue["pe_list"]
            if environment in names(offered.default):
                yield queue, ""
                continue
            yield from ((queue, where) for where, value in offered.overrides if environment in names(value))

    @cached_property
    def offered(self) -> dict[str, Complex]:
        """Return the complexes that a host may offer (more of a load is no offer), by name and by shortcut."""
        found = {**self._by_shortcut, **self.complexes}
        return {name: complex_ for name, complex_ in found.items() if complex_.relation in ("==", "<=", "EXCL")}

    @cached_property
    def exclusives(self) -> tuple[str, ...]:
        """Return the names and shortcuts of the complexes that a job may have for itself."""
        return tuple(name for name, found in self.offered.items() if found.is_exclusive)

    @cached_property
    def _by_shortcut(self) -> dict[str, Complex]:
        return {found.shortcut: found for found in self.complexes.values()}

    @cached_property
    def _above(self) -> dict[str, frozenset[str]]:
        """Return for each host and group all groups above it. Grid Engine itself refuses circles."""
        above: dict[str, set[str]] = {}
        for group in self.groups:
            for member in self._below(group, frozenset()):
                above.setdefault(member, set()).add(group)
        return {member: frozenset(groups) for member, groups in above.items()}

    def _below(self, group: str, seen: frozenset[str]) -> Iterator[str]:
        for member in self.groups.get(group, ()):
            yield member
            if member.startswith("@") and member not in seen:
                yield from self._below(member, seen | {member})
