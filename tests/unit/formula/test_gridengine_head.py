"""The head's preparation, against a program that answers like qconf: what its text says counts, never its exit status alone."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

# A small qconf over a JSON file. Like the real one it exits 0 when it refuses, and 1 for an empty list.
QCONF = r'''#!{python} -IS
import json, os, sys
path, words = {state!r}, sys.argv[1:]
cell = json.load(open(path))
if cell.get("down"):
    sys.exit("error: commlib error: got select error (Connection refused)\nunable to send message to qmaster")
def pairs(mapping):
    for item in mapping.items():
        print("%-20s %s" % item)
def values(file):
    return dict(line.split(None, 1) for line in open(file).read().splitlines() if line.strip())
verb = words[0]
if verb in ("-sm", "-sh", "-ss", "-shgrpl", "-sql"):
    names = {{"-sm": cell["managers"], "-sh": cell["admin"], "-ss": cell["submit"], "-shgrpl": list(cell["groups"]), "-sql": list(cell["queues"])}}[verb]
    if not names:
        sys.exit("no submit host defined")
    print("\n".join(names))
elif verb in ("-am", "-ah", "-as"):
    if cell.get("denied"):
        print('denied: "nobody" must be manager for this operation')
        sys.exit(0)
    cell[{{"-am": "managers", "-ah": "admin", "-as": "submit"}}[verb]].append(words[1])
elif verb == "-Ahgrp":
    cell["groups"][values(words[1])["group_name"]] = []
elif verb == "-shgrp_resolved":
    if words[1] not in cell["groups"]:
        sys.exit('Host group "%s" does not exist' % words[1])
    print(" ".join(cell["groups"][words[1]]))
elif verb == "-aattr":
    if words[3] in cell.get("unresolvable", []):
        sys.exit('unable to resolve host "%s"' % words[3])
    cell["groups"][words[4]].append(words[3])
elif verb == "-rattr":
    queue, _, host = words[4].partition("@")
    cell["queues"][queue]["slots"] += ",[%s=%s]" % (host, words[3])
elif verb == "-sq":
    pairs(cell["queues"][words[1]])
elif verb in ("-ssconf", "-sconf"):
    pairs(cell[verb])
elif verb in ("-Msconf", "-Mconf"):
    given = values(words[1])
    if "bad" in given.values():
        print("error: attribute is not a time value")
        sys.exit(1)
    if verb == "-Mconf" and os.path.basename(words[1]) != "global":
        sys.exit("wrong file name")
    cell["-ssconf" if verb == "-Msconf" else "-sconf"] = given
json.dump(cell, open(path, "w"))
'''
CELL = {
    "managers": ["root"], "admin": ["head"], "submit": [], "groups": {"@allhosts": []},
    "queues": {"all.q": {"hostlist": "@allhosts", "slots": "1"}, "old.q": {"hostlist": "NONE", "slots": "1"}},
    "-ssconf": {"schedule_interval": "0:0:15", "flush_submit_sec": "0", "algorithm": "default"},
    "-sconf": {"max_unheard": "00:05:00", "mailer": "/bin/mail"},
}  # fmt: skip


class Cell:
    def __init__(self, module: ModuleType, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.module, self.path, self.capsys = module, path, capsys

    @property
    def content(self) -> dict:
        return json.loads(self.path.read_text())

    def update(self, **values: object) -> None:
        self.path.write_text(json.dumps({**self.content, **values}))

    def run(self, *words: str) -> tuple[int, bool, str]:
        status = self.module.main(list(words))
        answer = json.loads(self.capsys.readouterr().out.splitlines()[-1])
        return status, answer["changed"], answer["comment"]


@pytest.fixture
def cell(gridengine_head: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cell:
    state = tmp_path / "cell.json"
    state.write_text(json.dumps(CELL))
    program = tmp_path / "qconf"
    program.write_text(QCONF.format(python=sys.executable, state=str(state)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return Cell(gridengine_head, state, capsys)


CHANGES = [
    (["manager", "salt"], lambda cell: "salt" in cell["managers"]),
    (["admin-host", "engine.example.org"], lambda cell: "engine.example.org" in cell["admin"]),
    (["submit-host", "head"], lambda cell: cell["submit"] == ["head"]),
    (["host-group", "@dynamiccluster_held"], lambda cell: "@dynamiccluster_held" in cell["groups"]),
    (["placeholder", "nobody", "@gpu"], lambda cell: cell["groups"]["@gpu"] == cell["groups"]["@allhosts"] == ["nobody"]
        and cell["queues"]["all.q"]["slots"] == "1,[nobody=0]" and cell["queues"]["old.q"] == CELL["queues"]["old.q"]),
    (["scheduler", "schedule_interval=00:00:02"], lambda cell: cell["-ssconf"] == {
        **CELL["-ssconf"], "schedule_interval": "00:00:02"}),
    (["configuration", "max_unheard=00:01:00"], lambda cell: cell["-sconf"]["mailer"] == "/bin/mail"),
]  # fmt: skip


def some(cases: list) -> list:
    """Return the cases, all but two as thorough ones: each starts a dozen processes."""
    return [pytest.param(*case, marks=() if case[0][0] in ("manager", "scheduler") else pytest.mark.thorough, id=case[0][0]) for case in cases]


@pytest.mark.parametrize(("words", "holds"), some(CHANGES))
def test_each_command_is_announced_done_and_then_nothing(cell: Cell, words: list[str], holds: object) -> None:
    before = cell.content
    status, changed, _ = cell.run("--check", *words)
    assert (status, changed) == (0, True) and cell.content == before
    assert cell.run(*words)[:2] == (0, True)
    assert holds(cell.content)  # type: ignore[operator]
    assert cell.run(*words) == (0, False, "as it should be")


def test_a_refusal_with_exit_status_0_is_a_failure(cell: Cell) -> None:
    cell.update(denied=True)
    status, changed, comment = cell.run("manager", "salt")
    assert (status, changed) == (1, False)
    assert "must be manager" in comment


@pytest.mark.parametrize("words", some([(words,) for words, _ in CHANGES]))
def test_a_qmaster_that_is_down_is_never_an_empty_list(cell: Cell, words: list[str]) -> None:
    cell.update(down=True)
    for arguments in (words, ["--check", *words]):
        status, changed, comment = cell.run(*arguments)
        assert (status, changed) == (1, False)
        assert "unable to send message to qmaster" in comment


def test_an_unresolvable_placeholder_is_said(cell: Cell) -> None:
    cell.update(unresolvable=["nobody"])
    assert "unable to resolve" in cell.run("placeholder", "nobody")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["scheduler", "nosuch=1"], "no setting called nosuch"),
        (["scheduler", "schedule_interval=bad"], "not a time value"),
        (["scheduler", "schedule_interval"], "is not KEY=VALUE"),
        (["configuration", "max_unheard=1\nqmaster_params x"], "is not KEY=VALUE"),
        (["manager", "a b"], "needs valid names"),
        (["manager", "--help"], "needs valid names"),
        (["manager"], "needs valid names"),
        (["dance", "x"], "unknown command"),
        ([], "no command"),
    ],
)
def test_what_is_wrong_is_refused(cell: Cell, words: list[str], said: str) -> None:
    before = cell.content
    status, changed, comment = cell.run(*words)
    assert (status, changed) == (1, False) and said in comment
    assert cell.content == before


def test_a_frozen_qmaster_costs_its_timeout_only(cell: Cell, tmp_path: Path) -> None:
    (tmp_path / "qconf").write_text("#!/bin/sh\nexec sleep 60\n")
    cell.module.TIMEOUT = 0.2
    assert "no answer within 0.2 s" in cell.run("manager", "salt")[2]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("head", "HEAD", True), ("head", "head.example.org", True), ("a.x.org", "a.y.org", False), ("head", "head2", False)],
)
def test_hosts_are_compared_as_grid_engine_names_them(gridengine_head: ModuleType, one: str, other: str, same: bool) -> None:
    assert gridengine_head.same_host(one, other) is same
