"""The main job while a fifth of all the engine's calls to its cloud fail, each in another way."""

from __future__ import annotations

from dataclasses import dataclass

from lab.api import Lab
from lab.layout import ACCESS_KEY

SHARE = 0.2
# What passes by itself. Refusals that call for an administrator (rights, quotas, wrong settings) stop a resource for ten minutes, as they should.
_MIX = "throttled,throttling,internal,unavailable,cut,lost-reply,hang,hang-after,slow,truncated,malformed,stale,empty,partial,unknown-yet,not-done"
_SECONDS = 4.0  # that what takes time takes
_LEAST = 0.1  # of the calls must have been struck for the demo to show anything


@dataclass(frozen=True)
class Outcome:
    """How many calls of the engine there were, and how often which fault struck."""

    calls: int
    struck: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.struck.values())

    def describe(self) -> str:
        """Return it in one line, by fault."""
        by_fault: dict[str, int] = {}
        for what, count in self.struck.items():
            fault = what.rpartition(" ")[2]
            by_fault[fault] = by_fault.get(fault, 0) + count
        told = ", ".join(f"{fault} {count}" for fault, count in sorted(by_fault.items(), key=lambda item: (-item[1], item[0])))
        return f"{self.total} of the engine's {self.calls} calls to its cloud were struck ({self.total / max(self.calls, 1):.0%}): {told}"

    def complaints(self) -> list[str]:
        """Return what shows that the trouble did not happen as meant."""
        few = self.total < _LEAST * self.calls or not self.calls
        return [f"only {self.total} of {self.calls} calls were struck"] if few else []


def begin(lab: Lab) -> str:
    """Have the engine's calls fail from now on; return what to tell the viewer."""
    lab.faults("add", action="*", fault=_MIX, probability=SHARE, caller=ACCESS_KEY, seconds=_SECONDS)
    return f"from now on {SHARE:.0%} of the engine's calls to its cloud fail: refused, cut, lost, late, spoilt, out of date"


def end(lab: Lab) -> Outcome:
    """Have no more calls fail; return what happened."""
    struck = lab.faults("show")["struck"]
    lab.faults("clear")
    return Outcome(sum(row["key"] == ACCESS_KEY for row in lab.requests()), struck)
