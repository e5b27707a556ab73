"""What a minion's return says of its configuration: every kind that the masters of the three lines were seen to hand on."""

from __future__ import annotations

from typing import Any

import pytest

from saltext.dynamiccluster.salt.returns import Outcome, is_highstate, read_return

FINE = {"test_|-fine_|-fine_|-succeed_without_changes": {"__id__": "fine", "result": True, "comment": "Success!"}}
FAILED = {"pkg_|-tools_|-tools_|-installed": {"__id__": "tools", "result": False, "comment": "no such package\npassword=hunter2"}}
REQUISITE = {"cmd_|-late_|-late_|-run": {"__id__": "late", "result": False, "comment": "One or more requisite failed: one.tools"}}
NO_TOP = {"no_|-states_|-states_|-None": {"result": False, "comment": "No Top file or master_tops data matches found.", "name": "No States"}}
DRY = {"file_|-motd_|-/etc/motd_|-managed": {"__id__": "motd", "result": None, "comment": "would be changed"}}
BUSY = ['The function "state.apply" is running as PID 4711 and was started at 2026']

RETURNS = (
    ("all well", FINE, True, 0, Outcome.OK, ""),
    ("a failed state", {**FINE, **FAILED}, False, 2, Outcome.FAILED, "1 of 2 states failed: tools (pkg): no such package"),
    ("a failed requisite", {**REQUISITE, **FAILED}, False, 2, Outcome.FAILED, "tools (pkg): no such package; late (cmd)"),
    ("no top match", NO_TOP, False, 2, Outcome.FAILED, "No Top file"),
    ("unrenderable", ["Rendering SLS 'base:one' failed: x"], False, 1, Outcome.FAILED, "Rendering SLS"),
    ("already running", BUSY, False, 1, Outcome.BUSY, "running as PID"),
    ("a dry run", DRY, True, 0, Outcome.NOT_ONE, ""),
    ("a dry run that found nothing to change", {**FINE, **DRY}, True, 0, Outcome.NOT_ONE, ""),
    ("no states at all", {}, True, 0, Outcome.FAILED, "no states"),
    ("a text", "ERROR: something", False, 1, Outcome.FAILED, "ERROR"),
    ("nothing", None, True, 0, Outcome.FAILED, "no states"),
    ("well, but its return code", FINE, True, 1, Outcome.FAILED, "return code is 1"),
    ("well, but not a success", FINE, False, 0, Outcome.FAILED, "return code"),
    ("a state that is no mapping", {"a": "b"}, True, 0, Outcome.FAILED, "a: b"),
)


@pytest.mark.parametrize(("name", "result", "success", "retcode", "outcome", "words"), RETURNS, ids=lambda value: value if isinstance(value, str) else "")
def test_read_return(name: str, result: Any, success: bool, retcode: int, outcome: Outcome, words: str) -> None:
    data = {"fun": "state.apply", "fun_args": [], "jid": "20260101000000000000", "return": result, "success": success, "retcode": retcode}
    seen = read_return(data)
    assert seen.outcome is outcome and words in seen.detail
    assert "hunter2" not in seen.detail and "\n" not in seen.detail and len(seen.detail) <= 900


CALLS = (
    ("state.apply", [], True),
    ("state.highstate", [], True),
    ("state.apply", None, True),
    ("state.apply", ["queue=True"], True),
    ("state.apply", [{"queue": True, "__kwarg__": True}], True),
    ("state.apply", ["test=False"], True),
    ("state.apply", ["motd"], False),
    ("state.apply", ["mods=motd"], False),
    ("state.apply", [{"mods": ["motd"], "__kwarg__": True}], False),
    ("state.apply", ["exclude=motd"], False),
    ("state.apply", ["test=True"], False),
    ("state.highstate", [{"test": True, "__kwarg__": True}], False),
    ("state.highstate", [True], False),
    ("state.sls", ["motd"], False),
    ("test.ping", [], False),
    (None, [], False),
)


@pytest.mark.parametrize(("function", "arguments", "wanted"), CALLS)
def test_is_highstate(function: object, arguments: object, wanted: bool) -> None:
    assert is_highstate(function, arguments) is wanted


def test_many_failures_are_told_in_a_line_of_bounded_length() -> None:
    states = {f"cmd_|-s{number}_|-s{number}_|-run": {"__id__": f"s{number}", "result": False, "comment": "x" * 500} for number in range(40)}
    seen = read_return({"fun": "state.highstate", "jid": "1", "return": states, "success": False, "retcode": 2})
    assert seen.detail.startswith("40 of 40 states failed") and "and 35 more" in seen.detail and len(seen.detail) <= 900
