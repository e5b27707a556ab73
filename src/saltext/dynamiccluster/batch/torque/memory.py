"""What the adapter keeps between two readings: configuration that seldom changes, and Maui's last answers while it is silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import BatchError
from .maui import NodeReservation
from .requests import Translator, World
from .server import Server
from .tools import Tools

SERVER_LIFE = 60.0
MAUI_SETTINGS_LIFE = 600.0
_LONG_AGO = float("-inf")


@dataclass(frozen=True, slots=True)
class MauiReading:
    """What Maui says. `up` False: it did not answer, or not in its words; then no priority is known, and reservations are the last ones."""

    up: bool
    priorities: Mapping[str, float] = field(default_factory=dict)
    reservations: tuple[NodeReservation, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    warning: str = ""


@dataclass
class ServerMemory:
    """The server's configuration and version, and the translator of requests that goes with it."""

    tools: Tools
    _server: Server = field(default_factory=Server)
    _read_at: float = _LONG_AGO
    _version: str | None = None
    _translate: Translator | None = None

    def server(self, now: float) -> Server:
        """Return the configuration, at most SERVER_LIFE seconds old."""
        if now - self._read_at >= SERVER_LIFE:
            self._server = self.tools.server()
            self._read_at = now
        return self._server

    def version(self) -> str:
        """Return the version, asked for once."""
        if self._version is None:
            self._version = self.tools.version()
        return self._version

    def translator(self, world: World) -> Translator:
        """Return a translator for this world. An unchanged world keeps its translator with all that it remembers."""
        if self._translate is None or self._translate.world != world:
            self._translate = Translator(world)
        return self._translate

    def forget(self) -> None:
        """Read anew next time: the server may have been restarted, or replaced by another version."""
        self._read_at = _LONG_AGO
        self._version = None


@dataclass
class MauiMemory:
    """Maui's answers: the last reservations and settings are kept while it is silent."""

    tools: Tools
    _reservations: tuple[NodeReservation, ...] = ()
    _settings: Mapping[str, str] = field(default_factory=dict)
    _settings_at: float = _LONG_AGO

    def read(self, now: float) -> MauiReading:
        """Ask Maui. Never raises: without it demand is known all the same, only its order is not."""
        try:
            priorities = self.tools.priorities()
            self._reservations = self.tools.reservations()
        except BatchError as error:
            return MauiReading(False, {}, self._reservations, self._settings, f"priorities are unknown: {error}")
        self._read_settings(now)
        return MauiReading(True, priorities, self._reservations, self._settings)

    def _read_settings(self, now: float) -> None:
        if now - self._settings_at < MAUI_SETTINGS_LIFE:
            return
        self._settings_at = now
        try:
            self._settings = self.tools.maui_settings()
        except BatchError:  # showconfig may be kept from users, or not be installed: the defaults are assumed
            self._settings = {}
