"""The documentation tells the truth: what it links exists, what exists is told, and no file knows the machine it was written on."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = [path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/*.md"), ROOT / "lab" / "README.md") if path.exists()]
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED_FILE = re.compile(r"`((?:docs|examples|tests|lab|dynamiccluster|src|_engines|_runners|_modules|_beacons)/[\w./-]*)`")
# Written in two parts, so that this file is not its own first finding.
MACHINE = re.compile("|".join(("/wo" + r"rk/(?:main|shared)", "/tm" + r"p/(?:dc|v1|v6)\b", r"/root/\." + "pyenv")))


def tracked_files() -> list[Path]:
    """Return the repository's files; without git (a source archive) all but hidden and built ones."""
    try:
        listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True, timeout=30).stdout.decode()
        return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    except (OSError, subprocess.CalledProcessError):
        found = (path for path in ROOT.rglob("*") if path.is_file())
        return [path for path in found if not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)]


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings make."""
    headings = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"^ {4}[^\n]*$|^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    yield from (link for link in LINK.findall(text) if "://" not in link)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = NAMED_FILE.findall(page.read_text(encoding="utf-8"))
    assert not [name for name in named if not (ROOT / name).exists() and not (ROOT / "src/saltext" / name).exists()]


def runner_functions() -> list[str]:
    tree = ast.parse((ROOT / "_runners" / "dynamiccluster.py").read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


def test_the_runner_is_found() -> None:
    assert {"status", "plan", "explain", "add", "reconcile"} <= set(runner_functions())


def test_every_runner_function_is_documented() -> None:
    page = (ROOT / "docs" / "runner.md").read_text(encoding="utf-8")
    assert not [name for name in runner_functions() if not re.search(rf"`(?:salt-run )?(?:dynamiccluster\.)?{name}\b", page)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_runner_function_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"salt-run (?:-d )?dynamiccluster\.([a-z_]+)", page.read_text(encoding="utf-8"))
    assert not set(named) - set(runner_functions())


EVENTS = (
    re.compile(r'["/](plan/decided|command)(?:/\{\w+\}/(new|done))?"'),
    re.compile(r'(engine)_event\(\s*[\w.]+,\s*"(\w+)"'),
    re.compile(r'(instance|node)_event\(\s*[\w.]+,\s*[\w.]+,\s*"(\w+)"'),
)
COMPUTED = {"engine/started", "engine/stopping", "engine/config_error", "instance/requested", "instance/orphaned", "key/refused"}  # no pattern finds these
TABLES = {"node": re.compile(r'NodeState\.\w+: "(\w+)"'), "resource": re.compile(r'ResourceFlag\.\w+: "(\w+)"|yield event\("(\w+)"')}


def events_in_code() -> set[str]:
    """Return `kind/verb` of each event that the library can fire: its tag without the cluster and the name."""
    found = set(COMPUTED)
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= {"/".join(filter(None, hit)) for pattern in EVENTS for hit in pattern.findall(text)}
    found.discard("command")
    announced = (ROOT / "src/saltext/dynamiccluster/control/announce.py").read_text(encoding="utf-8")
    for kind, pattern in TABLES.items():
        found |= {f"{kind}/{hit if isinstance(hit, str) else ''.join(hit)}" for hit in pattern.findall(announced)}
    return found


def test_the_events_are_found() -> None:
    assert events_in_code() >= {
        "plan/decided", "engine/degraded", "instance/active", "node/joined", "node/busy", "resource/frozen", "resource/backoff", "command/done",
    }  # fmt: skip


def test_every_event_is_documented() -> None:
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    pairs = (tag.split("/") for tag in events_in_code())
    assert not [f"{kind}/{verb}" for kind, verb in pairs if not (kind in page and re.search(rf"\b{verb}\b", page))]


def keys_of(mapping: dict) -> Iterator[str]:
    """Yield each key of nested mappings, but for those whose keys belong to Grid Engine."""
    for key, value in mapping.items():
        yield key
        if isinstance(value, dict) and key != "bootstrap":
            yield from keys_of(value)


@pytest.mark.parametrize("part", ["master", "head", "worker"])
def test_every_setting_of_the_formula_is_documented(part: str) -> None:
    defaults = yaml.safe_load((ROOT / "dynamiccluster" / "defaults.yaml").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "formula.md").read_text(encoding="utf-8")
    section = page.partition({"master": "## The master", "head": "## The head", "worker": "## The worker node"}[part])[2].split("\n## ")[0]
    assert not [key for key in keys_of(defaults[part]) if not re.search(rf"(?<!\w){key}(?!\w)", section)]


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    texts = ((path, path.read_text(encoding="utf-8", errors="replace")) for path in tracked_files() if "captures" not in path.parts)
    assert not [str(path.relative_to(ROOT)) for path, text in texts if MACHINE.search(text)]


def test_no_file_is_too_long_to_read() -> None:
    sources = (path for path in tracked_files() if path.suffix in (".py", ".sls", ".jinja") and "captures" not in path.parts)
    assert not {str(path.relative_to(ROOT)): lines for path in sources if (lines := len(path.read_text("utf-8").splitlines())) > 400}


# -- what must never happen again -----------------------------------------------------------------------------------

DEFECTS = ROOT / "tests" / "DEFECTS.md"
ROW = re.compile(r"^\| *([^|]+?) *\| *([^|]+?) *\| *([^|]+?) *\|$", re.MULTILINE)


def defect_rows() -> list[tuple[str, str, str]]:
    rows = [row for row in ROW.findall(DEFECTS.read_text(encoding="utf-8")) if not set(row[0]) <= set("- ") and row[0] != "row"]
    assert len(rows) > 60
    return rows


@functools.cache
def names_of_tests() -> set[str]:
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for text in sources for name in re.findall(r"def (test_\w+)\(", text)}


def test_every_defect_names_tests_that_exist_or_says_why_it_needs_none() -> None:
    bare, dead = [], {}
    for row, what, where in defect_rows():
        named = set(re.findall(r"`(test_\w+)`", where))
        if not named and not where.startswith("by design:"):
            bare.append((row, what))
        if missing := named - names_of_tests():
            dead[row, what] = missing
    assert not bare and not dead


def test_every_numbered_defect_has_a_test_that_bears_its_number() -> None:
    numbered = [(row, where) for row, _, where in defect_rows() if re.fullmatch(r"[A-Z]\d+", row)]
    first = {row: where for row, where in reversed(numbered)}  # a number may come again elsewhere, with what it means there
    assert len(first) > 60
    assert not [row for row, where in first.items() if not re.search(rf"`test_(?:[a-z]\d+_)*{row.lower()}_", where)]
