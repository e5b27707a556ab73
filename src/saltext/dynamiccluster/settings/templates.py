"""Command templates: text of the settings with {0}, {1} in it, and the only way in which outside values get into a command.

A value is matched against its slot's strict pattern first, then quoted. A command runs without a shell wherever its text needs none.
"""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from ..errors import DynamicClusterError
from .kinds import read_text
from .section import Wrong
from .words import META, Cut, cut, fill_word, is_assignment

_DIRECTORY = re.compile(r"(?<![\w./-])/(?:[\w.+-]+/)*(?=[\w.+-])")
_REMOTE = frozenset({"ssh"})  # joins its arguments, and has a shell cut them again


class UnsafeValue(DynamicClusterError, ValueError):
    """A value from outside does not look like what its place in a command takes. Nothing was run."""


@dataclass(frozen=True)
class Slot:
    """What may stand in a placeholder. An empty value is refused, dropped together with its word, or kept as ''."""

    what: str
    pattern: str
    empty: Literal["refused", "dropped", "kept"] = "refused"

    def check(self, value: object) -> str:
        """Return the value as text. Raises UnsafeValue when it does not match the pattern."""
        text = str(value)
        if not text and self.empty != "refused":
            return text
        if len(text) > 1000 or not re.fullmatch(self.pattern, text, re.ASCII):
            raise UnsafeValue(f"{text[:80]!r} is not usable in a command as {self.what}")
        return text


@dataclass(frozen=True)
class CommandSpec:
    """What is known of one command setting: its default, the text it had in version 1, what its placeholders take.

    `demands`: each placeholder that may not be empty must occur (a removal that names no host removes nothing).
    """

    default_text: str
    seed: str = ""
    slots: tuple[Slot, ...] = ()
    demands: bool = True

    @property
    def default(self) -> Template:
        return Template(self.default_text, self)

    def read(self, value: Any) -> Template:
        """Return the template. Raises Wrong when it cannot work."""
        text = read_text(value)
        used = cut(text).slots
        beyond = sorted(slot for slot in used if slot >= len(self.slots))
        if beyond:
            raise Wrong(f"{{{beyond[0]}}} has no meaning here", self._known())
        missing = [n for n, slot in enumerate(self.slots) if n not in used and slot.empty == "refused"]
        if self.demands and missing:
            raise Wrong(f"{{{missing[0]}}} is missing: {self.slots[missing[0]].what}", self._known())
        return Template(text, self)

    def _known(self) -> str:
        if not self.slots:
            return "this command takes no placeholders"
        return "known here: " + ", ".join(f"{{{n}}} {slot.what}" for n, slot in enumerate(self.slots))


@dataclass(frozen=True)
class Template:
    """One command of the settings.

    `is_builtin`: it is the text that version 1 shipped (whatever the executable's directory), so that an adapter may do better than
    the text; it then calls `program_argv`. Any other text runs as written: `argv`.
    """

    text: str
    spec: CommandSpec = field(repr=False)

    def __str__(self) -> str:
        return self.text

    @property
    def is_builtin(self) -> bool:
        known = {_without_directories(text) for text in (self.spec.seed, self.spec.default_text) if text}
        return _without_directories(self.text) in known

    @property
    def needs_shell(self) -> bool:
        return self._cut.needs_shell

    @property
    def program(self) -> str:
        """Return the executable, as written: the first word that sets no variable."""
        return next((word for word in self._leading if not is_assignment(word)), self.text.split()[0])

    def argv(self, *values: object) -> tuple[str, ...]:
        """Return what to execute: the words themselves, or /bin/sh and one quoted line where a shell is needed.

        Raises UnsafeValue when a value does not match its slot, or there are more values than slots.
        """
        if self.needs_shell:
            return ("/bin/sh", "-c", self.render(*values))
        checked = self._check(values)
        drop = frozenset(n for n, text in enumerate(checked) if not text and self.spec.slots[n].empty == "dropped")
        filled = (fill_word(word, self._for_word(word, checked), drop) for word in self._cut.words)
        return tuple(word for word in filled if word is not None)

    def render(self, *values: object) -> str:
        """Return one command line for a shell (and for messages). Raises UnsafeValue like `argv`."""
        checked = self._check(values)
        return "".join(
            piece.text if piece.slot is None else self._quote(piece.slot, checked[piece.slot], piece.quoted)
            for piece in self._cut.pieces
        )

    def program_argv(self, *arguments: str) -> tuple[str, ...] | None:
        """Return how to run the same program in the same way (directory, ssh, sudo) with other arguments.

        None when the template does not call the program by its name, being some script of the site.
        Arguments are quoted where a remote shell will cut them again.
        """
        known = (self.spec.seed or self.spec.default_text or self.text).split()[0]
        words = self._leading
        at = next((n for n, word in enumerate(words) if _base(word) == _base(known)), None)
        if at is None:
            return None
        extra = tuple(shlex.quote(text) for text in arguments) if _is_remote(words[:at]) else arguments
        environment = ("env",) if is_assignment(words[0]) else ()
        return environment + words[: at + 1] + extra

    @property
    def _cut(self) -> Cut:
        return cut(self.text)

    @property
    def _leading(self) -> tuple[str, ...]:
        """Return the words before the first one that only a shell understands."""
        return tuple(itertools.takewhile(lambda word: not META.intersection(word), shlex.split(self.text)))

    def _check(self, values: tuple[object, ...]) -> tuple[str, ...]:
        if len(values) > len(self.spec.slots):
            raise UnsafeValue(f"{len(values)} values for a command that takes {len(self.spec.slots)}")
        padded = values + ("",) * (len(self.spec.slots) - len(values))
        return tuple(slot.check(value) for slot, value in zip(self.spec.slots, padded, strict=True))

    def _quote(self, slot: int, value: str, quoted: bool) -> str:
        # inside the template's own quotes more quotes would end them; the patterns leave nothing that is special there
        if quoted or (not value and self.spec.slots[slot].empty == "dropped"):
            return value
        return shlex.quote(value)

    def _for_word(self, word: str, values: tuple[str, ...]) -> tuple[str, ...]:
        if not _is_remote(self._cut.words) or re.search(r"['\"\s]", word):
            return values
        return tuple(shlex.quote(value) for value in values)


def _base(word: str) -> str:
    return PurePosixPath(word).name


def _is_remote(words: tuple[str, ...]) -> bool:
    return any(_base(word) in _REMOTE for word in words)


def _without_directories(text: str) -> str:
    return " ".join(_DIRECTORY.sub("", text).split())
