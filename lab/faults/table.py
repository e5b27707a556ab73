"""Which calls fail: rules that can be switched on and off while requests pass."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class Rule:
    """One fault, or several of which one is drawn each time.

    `action` is a pattern for the call's name (see `names.name_of`), `fault` a name of `effects.EFFECTS`, several with commas in between.
    It strikes with `probability`, not before `after` calls have matched, and `count` times at most (None: for ever); `caller`
    is the access key or project of those concerned ("": everybody). `seconds` is how long what takes time takes.
    """

    action: str
    fault: str
    probability: float = 1.0
    count: int | None = None
    after: int = 0
    caller: str = ""
    seconds: float = 30.0

    @property
    def faults(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.fault.split(",") if name.strip())


@dataclass
class _Entry:
    rule: Rule
    number: int
    matched: int = 0
    struck: int = 0
    by_action: Counter[str] = field(default_factory=Counter)


class Table:
    """The rules in force, the oldest first. Any thread may call it; the same seed and the same calls give the same faults."""

    def __init__(self, seed: int = 1) -> None:
        self._dice = random.Random(seed)
        self._entries: list[_Entry] = []
        self._numbers = 0
        self._lock = threading.Lock()
        self._past: Counter[str] = Counter()
        self.changed = threading.Event()  # set by each change: what hangs looks whether it is still to hang

    def add(self, rule: Rule) -> int:
        """Switch a rule on; return its number."""
        with self._lock:
            self._numbers += 1
            self._entries.append(_Entry(rule, self._numbers))
            return self._numbers

    def clear(self, number: int | None = None) -> None:
        """Switch one rule off, or all of them. Calls that hang are let go."""
        with self._lock:
            gone = [entry for entry in self._entries if number in (None, entry.number)]
            self._entries = [entry for entry in self._entries if entry not in gone]
            for entry in gone:
                self._past.update(entry.by_action)
        self.changed.set()
        self.changed = threading.Event()

    def draw(self, action: str, caller: str, applies: Callable[[str], bool]) -> tuple[str, Rule] | None:
        """Return what strikes this call, the fault's name and its rule; None when nothing does. `applies`: whether a fault can strike it at all."""
        with self._lock:
            for entry in self._entries:
                fault = self._strikes(entry, action, caller, applies)
                if fault:
                    entry.struck += 1
                    entry.by_action[f"{action} {fault}"] += 1
                    return fault, entry.rule
        return None

    def struck(self) -> dict[str, int]:
        """Return how often which call was struck by what, as {"RunInstances lost-reply": 2}."""
        with self._lock:
            return dict(sum((entry.by_action for entry in self._entries), Counter(self._past)))

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules in force with their numbers and how often each has struck."""
        with self._lock:
            return [{"number": entry.number, **asdict(entry.rule), "struck": entry.struck} for entry in self._entries]

    def _strikes(self, entry: _Entry, action: str, caller: str, applies: Callable[[str], bool]) -> str:
        rule = entry.rule
        if not fnmatchcase(action, rule.action) or (rule.caller and rule.caller != caller):
            return ""
        possible = [name for name in rule.faults if applies(name)]
        if not possible:
            return ""
        entry.matched += 1
        spent = rule.count is not None and entry.struck >= rule.count
        if spent or entry.matched <= rule.after or self._dice.random() >= rule.probability:
            return ""
        return self._dice.choice(possible)
