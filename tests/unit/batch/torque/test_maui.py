from __future__ import annotations

import math

import pytest
from saltext.dynamiccluster.batch.torque.maui import (
    parse_blocked,
    parse_created,
    parse_priorities,
    parse_reservations,
    parse_settings,
    read_duration,
)
from saltext.dynamiccluster.errors import BatchMalformed

from . import captured


def test_priorities_with_a_star_and_of_array_elements():
    found = parse_priorities(captured.text("D09f-user-diagnose-p"))
    assert found["13"] == 2 and found["6"] == 3 and found["14[5]"] == 2 and found["69"] == 1


def test_priorities_may_be_zero_negative_or_have_more_columns():
    text = "diagnosing job priority information (partition: ALL)\n\nJob  PRIORITY*  Cred(User)\n\n88      0   0.0( 0.0)\n9[1]   -12*  5.0(1.0)\n7     1000000500*100.0(  2)\n"
    assert parse_priorities(text) == {"88": 0, "9[1]": -12, "7": 1000000500}


def test_no_idle_jobs_is_an_answer_and_anything_else_is_not():
    assert parse_priorities(captured.text("A09-diagnose-p-nojobs")) == {}
    with pytest.raises(BatchMalformed):
        parse_priorities("")


def test_reservations_have_exact_names():
    rows = parse_reservations(captured.text("E07-showres-n"))
    assert {row.id for row in rows if row.node == "wn2"} == {"short_only.0", "projectx.0", "projectx.1"}
    assert {row.name for row in rows} == {"short", "short_only", "projectx", "tqu1", "nosuch"}


def test_a_reservation_that_was_made():
    assert parse_created(captured.text("E02-setres-a")) == "projectx.0" and parse_created("ERROR") == ""


def test_jobs_that_maui_put_off():
    assert parse_blocked(captured.text("C01-showq")) == ("56", "57", "64", "65")


def test_settings_lose_their_index():
    assert parse_settings("# Maui\nDEFERTIME[0]        1:00:00\nJOBNODEMATCHPOLICY[0]  EXACTNODE\nEMPTY[0]\n") == {
        "DEFERTIME": "1:00:00",
        "JOBNODEMATCHPOLICY": "EXACTNODE",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [("00:58:43", 3523), ("-00:00:18", -18), ("1:00:00:00", 86400), ("INFINITY", math.inf), ("-INFINITY", -math.inf), ("0", 0)],
)
def test_durations(text, expected):
    assert read_duration(text) == expected


@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 30])
def test_a_priority_that_is_far_too_big_is_none(number):
    found = parse_priorities(f"diagnosing job priority information\n13 {number}* 100.0\n14 5* 100.0\n")
    assert found == {"14": 5.0}
