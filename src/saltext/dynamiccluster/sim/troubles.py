"""What goes wrong in a simulated cloud, and when: a queue of troubles for each operation."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ..errors import CloudError, Refusal


@dataclass(frozen=True, slots=True)
class Trouble:
    """What becomes of one call. `happens`: it takes effect all the same. `certain`: the caller may believe that it did not."""

    kind: Refusal
    certain: bool = True
    happens: bool = False
    setting: str = ""

    def error(self, operation: str, name: str) -> CloudError:
        """Return the error that the caller sees."""
        text = f"resource {name}: could not {operation}: simulated, {self.kind.value}"
        return CloudError(text, self.kind, certain=self.certain, setting=self.setting)


@dataclass
class Troubles:
    """The switches of one resource. Operations are the port's method names."""

    truncate_list: int | None = None  # listings stop after so many machines, without a word
    stale_list: float = 0.0  # listings show the account as it was so many seconds ago
    repeat_list: bool = False  # listings show each machine twice
    deaf: bool = False  # an end is accepted and not carried out
    _next: dict[str, deque[Trouble]] = field(default_factory=dict)
    _always: dict[str, Trouble] = field(default_factory=dict)

    def refuse(self, operation: str, kind: Refusal, *, times: int | None = 1, setting: str = "") -> None:
        """Have the next `times` calls refused, nothing done; None: all calls until `mend`."""
        certain = kind not in (Refusal.UNREACHABLE, Refusal.FAILED)
        self._add(operation, Trouble(kind, certain, setting=setting), times)

    def lose_reply(self, operation: str, *, times: int | None = 1) -> None:
        """Have the next calls take effect while their answers are lost."""
        self._add(operation, Trouble(Refusal.UNREACHABLE, certain=False, happens=True), times)

    def mend(self, operation: str) -> None:
        """End all troubles of an operation."""
        self._next.pop(operation, None)
        self._always.pop(operation, None)

    def take(self, operation: str) -> Trouble | None:
        """Return the trouble of the call that is being made now, and count it as done."""
        waiting = self._next.get(operation)
        return waiting.popleft() if waiting else self._always.get(operation)

    def _add(self, operation: str, trouble: Trouble, times: int | None) -> None:
        if times is None:
            self._always[operation] = trouble
        else:
            self._next.setdefault(operation, deque()).extend([trouble] * times)
