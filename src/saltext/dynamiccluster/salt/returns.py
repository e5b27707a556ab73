"""Read what a minion returned: is it a highstate, and did it succeed? Pure, so that every case stands in a table of the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

_MOST_FAILURES = 5
_LONGEST_LINE = 160
_LONGEST_DETAIL = 900
_BUSY = "is running as PID"
# Arguments with which a state.apply is still the whole highstate.
_HARMLESS = frozenset({"queue", "concurrent", "saltenv", "pillarenv", "pillar", "pillar_enc", "state_events", "sync_mods", "soft_kill", "test"})


class Outcome(Enum):
    """What one returned job says of a minion's configuration."""

    NOT_ONE = "not a highstate"
    BUSY = "already running"
    FAILED = "failed"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Return:
    """One returned highstate. `detail` tells the failures, short and on one line."""

    outcome: Outcome
    jid: str = ""
    detail: str = ""


def read_return(data: Mapping[str, Any]) -> Return:
    """Judge the payload of a `salt/job/<jid>/ret/<id>` event."""
    jid = str(data.get("jid", ""))
    if not is_highstate(data.get("fun"), data.get("fun_args")):
        return Return(Outcome.NOT_ONE, jid)
    result = data.get("return")
    if isinstance(result, list):
        text = " ".join(str(line) for line in result)
        outcome = Outcome.BUSY if _BUSY in text else Outcome.FAILED
        return Return(outcome, jid, _shorten(text, _LONGEST_DETAIL))
    if not isinstance(result, Mapping) or not result:
        return Return(Outcome.FAILED, jid, f"it returned no states but {_shorten(str(result), _LONGEST_LINE)!r}")
    return _read_states(data, result, jid)


def _read_states(data: Mapping[str, Any], result: Mapping[str, Any], jid: str) -> Return:
    failed = {key: state for key, state in result.items() if not isinstance(state, Mapping) or state.get("result") is False}
    if failed:
        return Return(Outcome.FAILED, jid, describe_failures(failed, len(result)))
    if any(state.get("result") is not True for state in result.values()):
        return Return(Outcome.NOT_ONE, jid, "it ran as a test")  # the minion's own `test: True` has the same mark
    if not data.get("success") or data.get("retcode") != 0:
        return Return(Outcome.FAILED, jid, f"all states are well, yet its return code is {data.get('retcode')!r}")
    return Return(Outcome.OK, jid)


def is_highstate(function: object, arguments: object) -> bool:
    """Tell whether a call applies the whole highstate: state.highstate or state.apply, no named states, no test, nothing excluded."""
    if function not in ("state.highstate", "state.apply"):
        return False
    for argument in arguments if isinstance(arguments, (list, tuple)) else ():
        pairs = _keywords(argument)
        if pairs is None:
            return False  # positional: names of states (state.apply), or test (state.highstate)
        if not set(pairs) <= _HARMLESS or _truth(pairs.get("test")):
            return False
    return True


def _keywords(argument: object) -> dict[str, object] | None:
    """Return an argument's keywords as the bus shows them (a mapping, or "key=value" from the command line), None when it is positional."""
    if isinstance(argument, Mapping):
        return {str(key): value for key, value in argument.items() if key != "__kwarg__"}
    if isinstance(argument, str) and "=" in argument:
        key, _, value = argument.partition("=")
        return {key: value} if key.isidentifier() else None
    return None


def _truth(value: object) -> bool:
    return str(value).lower() in ("true", "1", "yes")


def describe_failures(failed: Mapping[str, Any], total: int) -> str:
    """Name the failed states, those that failed by themselves before those that only miss a requisite."""
    lines = sorted((_describe(key, state) for key, state in failed.items()), key=lambda line: "requisite" in line.lower())
    more = f"; and {len(lines) - _MOST_FAILURES} more" if len(lines) > _MOST_FAILURES else ""
    return _shorten(f"{len(failed)} of {total} states failed: " + "; ".join(lines[:_MOST_FAILURES]) + more, _LONGEST_DETAIL)


def _describe(key: str, state: Any) -> str:
    module, identity, *_ = [*key.split("_|-"), ""]
    if not isinstance(state, Mapping):
        return _shorten(f"{key}: {state}", _LONGEST_LINE)
    name = f"{state.get('__id__') or identity} ({module})" if "_|-" in key else key
    # Only the first line: what follows may be a command's output or a file's difference, with a secret in it.
    first = next((line.strip() for line in str(state.get("comment", "")).splitlines() if line.strip()), "no comment")
    return _shorten(f"{name}: {first}", _LONGEST_LINE)


def _shorten(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 3] + "..."
