"""The section `logging`: a file of its own, rotated; and log lines without secrets and without floods."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("salt")

from saltext.dynamiccluster.salt.logs import NAME, Decency, Logs  # noqa: E402
from saltext.dynamiccluster.settings.logs import LoggingSettings  # noqa: E402

SECRET = "very-secret-access-key"
log = logging.getLogger(f"{NAME}.control.test")


@pytest.fixture
def logs() -> Iterator[Logs]:
    made = Logs(lambda: (SECRET,))
    yield made
    made.close()


def settings(path: Path | None, **more: Any) -> LoggingSettings:
    return LoggingSettings.model_validate({"log_location": str(path) if path else None, **more})


def test_a_file_of_its_own(logs: Logs, tmp_path: Path) -> None:
    path = tmp_path / "dc.log"
    logs.use(settings(path, log_level=2, log_format="%(levelname)s - %(message)s"))
    log.info("launch %s", "n1")
    log.debug("not this")
    logging.getLogger("salt.master").error("nor this")
    assert path.read_text() == "INFO - launch n1\n"
    logs.use(settings(path, log_level=0, log_format="%(message)s"))
    log.warning("nor this")
    log.error("this")
    assert path.read_text().splitlines() == ["INFO - launch n1", "this"]


def test_without_the_section_salts_logging_is_all(logs: Logs, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logs.use(settings(tmp_path / "dc.log"))
    logs.use(None)
    log.warning("into Salt's log")
    assert "into Salt's log" in caplog.text and (tmp_path / "dc.log").read_text() == ""


def test_three_old_files_are_kept(logs: Logs, tmp_path: Path) -> None:
    logs.use(settings(tmp_path / "dc.log", log_max_size=1024))
    for number in range(200):
        log.info("line %d of some length, so that files fill up", number)
    assert {path.name for path in tmp_path.iterdir()} == {"dc.log", "dc.log.1", "dc.log.2", "dc.log.3"}
    assert all(path.stat().st_size <= 1024 for path in tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_a_problem(logs: Logs, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logs.use(settings(tmp_path / "nosuch" / "dc.log"))
    assert "dynamiccluster:logging:log_location" in logs.problem
    log.warning("still told")
    assert "still told" in caplog.text
    (tmp_path / "nosuch").mkdir()
    logs.use(settings(tmp_path / "nosuch" / "dc.log"))
    assert logs.problem == ""


def test_no_line_holds_a_secret(logs: Logs, tmp_path: Path) -> None:
    path = tmp_path / "dc.log"
    logs.use(settings(path))
    log.error("calling with %s failed", {"key": SECRET})
    try:
        raise RuntimeError(f"denied for {SECRET}")
    except RuntimeError:
        log.exception("it failed")
    text = path.read_text()
    assert SECRET not in text and text.count("**********") == 2 and "Traceback" in text


def record(message: str, level: int = logging.WARNING, name: str = f"{NAME}.x") -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, message, None, None)


def test_what_stays_broken_is_no_flood() -> None:
    now = [0.0]
    decency = Decency(tuple, lambda: now[0])
    assert [decency.filter(record("the cloud is away")) for _ in range(100)] == [True] + [False] * 99
    assert decency.filter(record("another trouble"))
    assert [decency.filter(record("launch n1", logging.INFO)) for _ in range(3)] == [True] * 3
    assert [decency.filter(record("the cloud is away", name="salt.master")) for _ in range(3)] == [True] * 3
    now[0] = 601.0
    assert decency.filter(record("the cloud is away"))
    for number in range(2000):
        decency.filter(record(f"trouble {number}"))
    assert len(decency._said) <= 500


def test_two_handlers_agree_on_one_record() -> None:
    decency = Decency(tuple)
    one = record("the cloud is away")
    assert decency.filter(one) and decency.filter(one)
