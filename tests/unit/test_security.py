"""No value from outside becomes a command, and the threat model names the tests that hold that and the rest."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from saltext.dynamiccluster.settings import sge, slots, torque
from saltext.dynamiccluster.settings.templates import CommandSpec, UnsafeValue

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*sorted((ROOT / "src").rglob("*.py")), *sorted(ROOT.glob("_*/*.py"))]
# Where a shell may be: the administrator's own templates (quoted, tested below), and fixed texts that take values as arguments.
SHELLS = {"settings/templates.py", "control/hooks.py", "batch/gridengine/debian.py"}
FORBIDDEN = {"eval", "exec", "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "yaml.load", "yaml.unsafe_load",
             "yaml.full_load", "pickle.load", "pickle.loads", "marshal.loads", "tempfile.mktemp"}  # fmt: skip
HOSTILE = ("$(touch X)", "`touch X`", "; touch X", "| touch X", "&& touch X", "a\ntouch X", "-exec=X", "--help", "' ; touch X '", '" ; touch X "',
           "a b", "> X", "*", "~root", "../../X", "a\0b", "\u202ecba", "", "x" * 5000)  # fmt: skip


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call in a file with its dotted name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_nothing_runs_through_a_shell_or_is_evaluated() -> None:
    assert len(SOURCES) > 100
    found = [
        f"{path.name}:{call.lineno} {name}"
        for path in SOURCES
        for name, call in calls(path)
        if name in FORBIDDEN or any(word.arg == "shell" for word in call.keywords)
    ]
    assert not found


def test_shells_are_where_the_threat_model_says() -> None:
    library = ROOT / "src" / "saltext" / "dynamiccluster"
    using = {str(path.relative_to(library)) for path in library.rglob("*.py") if re.search(r"\"/bin/sh\"|'/bin/sh'", path.read_text(encoding="utf-8"))}
    assert using <= SHELLS


TEMPLATES: dict[str, CommandSpec] = {
    **{f"sge {name}": spec for name, spec in sge.COMMANDS.items()},
    **{f"torque {name}": spec for name, spec in torque.COMMANDS.items()},
    "hook": slots.HOOK,
    "hostname": slots.HOSTNAME,
}
SITE = {
    "hook": ("/site/hook.sh {0} {1} {2} {3}", "/site/hook.sh {0} '{1}' \"{2}\" {3} | logger; echo {0} >>/site/log"),
    "hostname": ("/site/name {0} {1} {2}", "nslookup {0} | awk '{{print $4}}'"),
}
SAFE = ("wn1", "10.0.0.7", "17", "4", "all.q", "@group", "slots", "=", "-h", "KILL", "o", "ALL")


def fitting(spec: CommandSpec) -> list[str]:
    """Return a value for each slot that it takes."""
    return [next(value for value in (*SAFE, *slot.pattern.split("|")) if re.fullmatch(slot.pattern, value)) for slot in spec.slots]


def texts_of(name: str, spec: CommandSpec) -> list[str]:
    return [text for text in dict.fromkeys((spec.default_text, spec.seed, *SITE.get(name, ()))) if text]


def shape(line: str) -> list[str]:
    """Return how a shell cuts a line: its operators as they are, every word as `word`."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return [token if set(token) <= set("();<>|&") else "word" for token in lexer]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_hostile_value_stays_one_word_of_every_command_or_runs_nothing(name: str) -> None:
    spec = TEMPLATES[name]
    for text in texts_of(name, spec):
        template, good = spec.read(text), fitting(spec)
        expected = shape(template.render(*good))
        for place in range(len(spec.slots)):
            for value in HOSTILE:
                values = [*good[:place], value, *good[place + 1 :]]
                try:
                    line, words = template.render(*values), template.argv(*values)
                except UnsafeValue:
                    continue
                assert not value or value in line and re.fullmatch(spec.slots[place].pattern, value), (text, value)
                assert len(shape(line)) <= len(expected), (text, value)
                assert words[0] == template.argv(*good)[0]


def test_there_are_hostile_values_for_every_kind_of_slot() -> None:
    kinds = {slot.what for spec in TEMPLATES.values() for slot in spec.slots}
    refused = {slot.what for spec in TEMPLATES.values() for slot in spec.slots if any(not re.fullmatch(slot.pattern, value) for value in HOSTILE[:9])}
    assert kinds == refused and len(kinds) > 8


# -- the document -----------------------------------------------------------------------------------------------------

THREATS = ROOT / "docs" / "threat-model.md"
ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
PROMISES = ROOT / "docs" / "reliability.md"


def names_of_tests() -> set[str]:
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for text in sources for name in re.findall(r"def (test_\w+)\(", text)}


def threats() -> list[tuple[str, str, str]]:
    rows = ROW.findall(THREATS.read_text(encoding="utf-8"))
    return [row for row in rows if row[0] != "threat" and not set(row[0]) <= set("- ")]


def test_every_threat_has_a_test_that_exists() -> None:
    assert len(threats()) > 30
    bare = [threat for threat, _, tests in threats() if not re.findall(r"`test_\w+`", tests)]
    assert not bare


@pytest.mark.parametrize("page", [THREATS, PROMISES], ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8")))
    assert len(named) > 20
    assert not sorted(named - names_of_tests())


def test_every_part_that_talks_to_the_outside_is_in_the_threat_model() -> None:
    text = THREATS.read_text(encoding="utf-8")
    assert [section for section in ("Users of the batch system", "Worker nodes", "Users of the REST API", "The cloud", "The machine of the master", "The stand-by") if f"## {section}" not in text] == []
