"""Parsing `qmgr -c "print server"`: the queues and the server's settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_LINE = re.compile(r"^set (queue (\S+)|server) (\S+) (\+?=) (.*)$", re.MULTILINE)
_CREATE = re.compile(r"^create queue (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Server:
    """Attributes by name, of the server and of each queue. Values that were added with += follow after a comma."""

    queues: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def execution_queues(self) -> frozenset[str]:
        return frozenset(name for name, values in self.queues.items() if not values.get("queue_type", "").startswith("R"))

    def is_stopped(self, queue: str) -> bool:
        """Tell whether a queue starts no job: one that is not there any more is not stopped."""
        return queue in self.queues and self.queues[queue].get("started", "False") != "True"

    def default_nodes(self, queue: str) -> str:
        """Return which property the queue (or the server) adds to each job's nodes, "" when it adds none."""
        name = "resources_default.neednodes"
        return self.queues.get(queue, {}).get(name, "") or self.attributes.get(name, "")

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of a list attribute of the server."""
        return tuple(word.strip() for word in self.attributes.get(name, "").split(",") if word.strip())


def parse_server(text: str) -> Server:
    """Return queues and settings."""
    queues: dict[str, dict[str, str]] = {name: {} for name in _CREATE.findall(text)}
    attributes: dict[str, str] = {}
    for what, queue, name, operator, value in _LINE.findall(text):
        values = attributes if what == "server" else queues.setdefault(queue, {})
        values[name] = f"{values[name]},{value.strip()}" if operator == "+=" and name in values else value.strip()
    return Server(queues, attributes)
