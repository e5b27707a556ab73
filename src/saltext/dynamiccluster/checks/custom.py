"""Configured: a class of the site says so.

The contract of such a class, given by its dotted name in `config-checker: plugin: {name: my.module.MyCheck, arguments: {...}}`:

- It is importable by Salt's Python, and made once for each reading of the settings: `MyCheck(**arguments)`.
- `check(target)` is called for each node that is being configured, about every five seconds, from several threads at once. `target`
  has `name` (the instance's), `hostname`, `address`, `resource` and `since` (Unix time at which the instance was asked for).
- It returns within 10 seconds: True or "ready" when the node is configured, False, None or "waiting" when it may yet be, or "failed"
  when it never will be. A pair (one of these, text) tells an administrator more, and so does a `CheckResult`.
- An exception counts as "waiting" and is logged. A node that is not configured within max_launch_time is removed in any case.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError, Fault
from ..model import CheckResult, Verdict
from ..ports import Target

_PATH = "dynamiccluster:dynamic-cluster:config-checker:plugin"
_ANSWERS: Mapping[object, Verdict] = {
    True: Verdict.READY,
    False: Verdict.WAITING,
    None: Verdict.WAITING,
    **{verdict.value: verdict for verdict in Verdict},
}


class CustomCheck:
    """Asks a class of the site. Raises ConfigurationError when that cannot be imported or made."""

    def __init__(self, name: str, arguments: Mapping[str, Any] | None = None):
        self._name = name
        self._checker = _make(_find(name), name, dict(arguments or {}))

    def check(self, target: Target) -> CheckResult:
        """Return what the class says. Raises TypeError when that is none of the contract's answers, and what it raises."""
        return read_answer(self._checker.check(target), self._name)


def read_answer(answer: object, name: str) -> CheckResult:
    """Return the result that an answer means. Raises TypeError for one that the contract does not know."""
    if isinstance(answer, CheckResult):
        return answer
    if isinstance(answer, Verdict):
        return CheckResult(answer)
    word, detail = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, "")
    if not isinstance(word, (bool, str, type(None))) or word not in _ANSWERS:
        known = "True, False, 'ready', 'waiting' or 'failed', or a pair of that and a text"
        raise TypeError(f"{name}.check returned {repr(answer)[:80]}: it must be {known}")
    return CheckResult(_ANSWERS[word], str(detail)[:500])


def _find(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a module of the site may raise anything while it is imported
        hint = "it must be importable by the Python that runs the salt-master"
        raise ConfigurationError((Fault(f"{_PATH}:name", f"{name} cannot be imported: {error}", hint),)) from error


def _make(kind: Any, name: str, arguments: dict[str, Any]) -> Any:
    try:
        checker = kind(**arguments)
    except Exception as error:
        hint = "correct the arguments, or the class"
        # the class's own words may repeat an argument, and those may be secret
        raise ConfigurationError((Fault(f"{_PATH}:arguments", f"{name} cannot be made: {type(error).__name__}", hint),)) from None
    if not callable(getattr(checker, "check", None)):
        raise ConfigurationError((Fault(f"{_PATH}:name", f"{name} has no method check(target)", "see the contract in checks/custom.py"),))
    return checker
