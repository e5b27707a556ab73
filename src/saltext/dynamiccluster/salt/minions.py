"""Keys and highstates together: the configuration system's side of a node (ports.Minions)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .highstate import Highstate
from .keys import Keys

_STATE_FUNCTIONS = ("state.apply", "state.highstate")


class SaltMinions:
    """A ports.Minions, and what listens to Salt's own events for it."""

    def __init__(self, keys: Keys, highstate: Highstate):
        self.keys = keys
        self.highstate = highstate

    def expect(self, name: str, token: str, resource: str) -> None:
        self.highstate.expect(name)
        self.keys.expect(name, token, resource)

    def configure(self, names: Iterable[str]) -> None:
        self.highstate.configure(names)

    def forget(self, name: str) -> None:
        self.highstate.forget(name)
        self.keys.forget(name)

    def wants(self, tag: str) -> bool:
        """Tell whether an event's tag is of interest here."""
        return self._handler(tag) is not None

    def hear(self, tag: str, data: Mapping[str, Any]) -> None:
        """Take in one of Salt's events; returns at once."""
        if handler := self._handler(tag):
            handler(tag, data)

    def _handler(self, tag: str) -> Callable[[str, Mapping[str, Any]], None] | None:
        parts = tag.split("/")
        match parts:
            case ["salt", "auth"]:
                return lambda _tag, data: self.keys.on_auth(data)
            case ["salt", "key"]:
                return lambda _tag, data: self.keys.on_key(data)
            case ["salt", "minion", _, "start"]:
                return lambda tag, _data: self.highstate.on_start(tag.split("/")[2])
            case ["salt", "job", _, "ret", _]:
                return self._hear_return
        return None

    def _hear_return(self, tag: str, data: Mapping[str, Any]) -> None:
        # The id in the tag and in the payload are the master's; a minion's own event could make them differ.
        if data.get("fun") in _STATE_FUNCTIONS and data.get("id") == tag.split("/")[4]:
            self.highstate.on_return(data)
