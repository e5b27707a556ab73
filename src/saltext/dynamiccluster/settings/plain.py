"""First look at what the pillar holds: only mappings, lists, texts, numbers and truth values go on to the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from ..errors import Fault
from .section import is_empty

ROOT = "dynamiccluster"
_DEEPEST = 12
_MOST_ITEMS = 10_000
_LONGEST_TEXT = 65_536
_QUOTE = "put it in quotes if it is meant as text"


class Plain:
    """Copies the pillar's data, so that nobody changes it later, and collects what can be no setting at all."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._items = 0

    def copy(self, value: Any, path: str = ROOT, depth: int = 0) -> Any:
        """Return a copy of plain types. What cannot be copied becomes None, with a fault for its path."""
        self._items += 1
        if depth > _DEEPEST:
            return self._refuse(path, "nested too deeply", "check the YAML for an anchor that contains itself")
        if self._items > _MOST_ITEMS:
            return self._refuse_rest(path)
        if isinstance(value, Mapping):
            return {key: self.copy(item, join(path, key), depth + 1) for key, item in self._usable(value, path)}
        if isinstance(value, (list, tuple)):
            return [self.copy(item, join(path, number), depth + 1) for number, item in enumerate(value)]
        if isinstance(value, str):
            return self._copy_text(value, path)
        if value is None or isinstance(value, (bool, int, float, SecretStr)):
            return value
        return self._refuse(path, f"a {type(value).__name__} cannot be a setting", _QUOTE)

    def _usable(self, mapping: Mapping[Any, Any], path: str) -> list[tuple[str, Any]]:
        items = []
        for key, item in mapping.items():
            if isinstance(key, str) and _is_clean(key) and not is_empty(key):
                items.append((str(key), item))
            else:
                self._refuse(path, f"the name {str(key)[:40]!r} is not text", "put it in quotes")
        return items

    def _copy_text(self, value: str, path: str) -> Any:
        if _is_clean(value) and len(value) <= _LONGEST_TEXT:
            return str(value)
        return self._refuse(path, "text with characters that cannot be used", "retype it, and check the file's encoding")

    def _refuse_rest(self, path: str) -> None:
        if self._items == _MOST_ITEMS + 1:  # tell once
            self._refuse(path, f"more than {_MOST_ITEMS} values", "check the YAML for anchors that repeat themselves")

    def _refuse(self, path: str, problem: str, hint: str) -> None:
        self.faults.append(Fault(path, problem, hint))


def join(path: str, *keys: object) -> str:
    """Return the pillar path of something below a path, as Salt writes it."""
    return ":".join([path, *(_show(key) for key in keys)])


def _show(key: object) -> str:
    """Return a key as a message may hold it: short, on one line."""
    text = str(key).encode("ascii", "backslashreplace").decode() if isinstance(key, str) and not _is_clean(key) else str(key)
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= 80 else text[:77] + "..."


def _is_clean(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
