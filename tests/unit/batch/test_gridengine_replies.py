from __future__ import annotations

import pytest

from saltext.dynamiccluster.batch.gridengine.replies import check_change, check_read
from saltext.dynamiccluster.errors import (
    BatchRefused,
    BatchUnreachable,
    NameUnresolvable,
)

from .captured import FOLDER, completed

THERE = "already exists"
GONE = r"does not exist in|does not exist$|not found$"


@pytest.mark.parametrize(
    ("name", "status", "harmless"),
    [
        ("err-aattr-hgrp", 0, THERE),
        ("err-aattr-hgrp-again", 0, THERE),
        ("err-dattr-hgrp-notmember", 0, GONE),
        ("err-purge-again", 0, GONE),
        ("err-de-nonexist", 1, GONE),
        ("err-dh-again", 1, GONE),
        ("err-ds-again", 1, GONE),
        ("err-de-with-slots-override", 0, GONE),
        ("err-mattr-exechost-new", 0, "Adding new element"),
        ("qmod-d-star-n2", 0, "already in the specified state"),
        ("qmod-d-star-n2-again", 0, "already in the specified state"),
        ("resched-f-rj-1", 0, ""),
    ],
)
def test_changes_that_were_made_or_were_so_already(name: str, status: int, harmless: str) -> None:
    assert check_change(completed(name, status), name, harmless)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("err-asuser-ah", 0, "must be manager"),  # status 0 all the same
        ("err-asuser-aattr", 1, "must be manager"),
        ("qmod-d-as-user", 1, "no permission"),
        ("err-de-referenced", 1, "still referenced"),
        ("err-aattr-hgrp-nogroup", 1, "does not exist"),
        ("err-rattr-slots-noqueue", 1, "does not exist"),
        ("err-rattr-slots-bad", 1, "error parsing"),
        ("err-aattr-hgrp-cycle", 1, "would create a cycle"),
        ("qmod-d-noqueue", 1, "invalid queue"),
        ("resched-rj-1", 0, "not rerunable"),
        ("resched-rj-3", 0, "not restartable"),
    ],
)
def test_refusals_by_their_text(name: str, status: int, words: str) -> None:
    with pytest.raises(BatchRefused, match=words):
        check_change(completed(name, status), name, THERE)


@pytest.mark.parametrize("name", ["err-aattr-hgrp-unresolvable", "err-ah-unresolvable", "err-aattr-hgrp-two"])
def test_names_that_do_not_resolve(name: str) -> None:
    with pytest.raises(NameUnresolvable):
        check_change(completed(name, 1), name)


SILENT = sorted({path.stem for path in FOLDER.glob("down-*") if "km" not in path.stem} | {path.stem for path in FOLDER.glob("silent-*")} | {"frozen-qconf__sel"})


@pytest.mark.parametrize("name", SILENT)
def test_s9_qmaster_that_is_down_or_unroutable_is_unreachable(name: str) -> None:
    for check in (check_change, check_read):
        with pytest.raises(BatchUnreachable, match="does not answer"):
            check(completed(name, 1), name)


def test_failed_ssh_is_unreachable() -> None:
    from saltext.dynamiccluster.batch.commands import Completed

    with pytest.raises(BatchUnreachable):
        check_read(Completed(255, b"", b"ssh: connect to host head port 22: No route to host"), "qstat")


def test_client_on_a_foreign_host_is_refused() -> None:
    with pytest.raises(BatchRefused, match="neither submit nor admin host"):
        check_read(completed("err-client-unknown-host", 1), "qstat")
