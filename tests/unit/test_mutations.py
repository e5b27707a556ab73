"""The table of deliberate faults fits the code: `./run mutate` puts each in and sees that its tests catch it."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tests.mutations.__main__ import choose, main, put_in
from tests.mutations.table import FAULTS, Fault

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_fault_can_be_put_in_and_names_tests_that_exist(fault):
    changed = put_in(fault, (ROOT / fault.path).read_text(encoding="utf-8"))
    compile(changed, fault.path, "exec")
    assert fault.tests
    for test in fault.tests:
        path, _, name = test.partition("::")
        assert (ROOT / path).exists()
        assert not name or f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8")


def test_fault_that_no_longer_fits_is_told():
    fault = Fault("nothing", "model.py", "this is written nowhere", "", ("tests/unit",))
    with pytest.raises(ValueError, match="occurs 0 times"):
        put_in(fault, "text")


def test_words_choose_faults_and_none_is_never_all() -> None:
    parser = argparse.ArgumentParser()
    assert choose(parser, []) == list(FAULTS)
    assert FAULTS[0] in choose(parser, FAULTS[0].what.split())
    with pytest.raises(SystemExit) as ended:
        choose(parser, ["no", "such", "fault"])
    assert ended.value.code == 2


def test_help_begins_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "./run mutate" in capsys.readouterr().out
