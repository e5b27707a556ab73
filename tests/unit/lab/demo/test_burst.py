"""The demo's verdict on jobs, which must not be kinder than the truth."""

from __future__ import annotations

import pytest

from lab.demo.burst import Run, Submitted, Wish, longest_wait, parse_records, ran_unasked, unfinished

SERIAL = Submitted(Wish("serial"), "1", 100.0)
ARRAY = Submitted(Wish("array", tasks=2), "2", 100.0)
HELD = Submitted(Wish("held", can_run=False), "3", 100.0)
AFTER = Submitted(Wish("after", after="serial"), "4", 100.0)
DONE = Run(((110.0, "n1"),), 120.0)


def test_records_are_read_line_by_line():
    text = "1.undefined:start 10.5 n1 1\n1.undefined:end 12.5\n2.1:start 11.0 n2 2\n2.1:start 15.0 n3 2\n"
    assert parse_records(text) == {"1.undefined": Run(((10.5, "n1"),), 12.5), "2.1": Run(((11.0, "n2"), (15.0, "n3")), 0.0)}


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ({}, [SERIAL, ARRAY]),
        ({"1.undefined": Run(((110.0, "n1"),), 0.0)}, [SERIAL, ARRAY]),
        ({"1.undefined": DONE, "2.1": DONE}, [ARRAY]),
        ({"1.undefined": DONE, "2.1": DONE, "2.2": DONE}, []),
    ],
    ids=["nothing ran", "one began", "a task is missing", "all ran"],
)
def test_what_is_not_done(records, expected):
    assert unfinished([SERIAL, ARRAY, HELD], records) == expected


def test_a_held_job_that_ran_is_noticed():
    assert ran_unasked([SERIAL, HELD], {"1.undefined": DONE}) == []
    assert ran_unasked([SERIAL, HELD], {"3.undefined": Run(((1.0, "n1"),))}) == [HELD]


def test_the_longest_wait_counts_first_starts_and_leaves_out_dependent_jobs():
    records = {"1.undefined": Run(((107.0, "n1"), (190.0, "n2")), 200.0), "2.2": DONE, "4.undefined": Run(((500.0, "n1"),))}
    assert longest_wait([SERIAL, ARRAY, AFTER], records) == 10.0
    assert longest_wait([SERIAL], {}) == 0.0
