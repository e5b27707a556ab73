"""The demo's words for each batch system."""

from __future__ import annotations

import re

import pytest

from lab.demo.burst import Run, Submitted, parse_records, unfinished
from lab.demo.dialects import DIALECTS
from tests.torque_standin import StandIn

TORQUE = DIALECTS["torque"]


@pytest.mark.parametrize(
    ("name", "answer", "job"),
    [("torque", "1795340955.123456\n0.head\n", "0"), ("torque", "1795340955.123456\n14[].head\n", "14"),
     ("gridengine", '1795340955.123456\nYour job 7 ("serial-1") has been submitted\n', "7"),
     ("gridengine", '1795340955.123456\nYour job-array 8.1-6:1 ("array") has been submitted\n', "8")],
)
def test_number_of_a_submitted_job_is_found_behind_the_time(name: str, answer: str, job: str) -> None:
    found = DIALECTS[name].submitted.search(answer)
    assert found is not None and found.group(1) == job


def test_every_wish_is_accepted_where_there_are_placeholders_only() -> None:
    standin = StandIn()
    for name in ("p-1", "p-2"):
        standin.boot(name)
        standin.qmgr(f"create node {name} np=64")
    ids: dict[str, str] = {}
    for wish in TORQUE.wishes(chaos=True):
        after = TORQUE.after.format(job=ids[wish.after]) if wish.after else ""
        line = TORQUE.submit.format(title=wish.title, options=f"{wish.options} {after}", seconds=wish.seconds)
        reply = standin.world.call(line.split(), user="alice", script=TORQUE.script)
        assert reply.status == 0, f"{wish.title}: {reply.err}"
        ids[wish.title] = reply.out.partition(".")[0].rstrip("[]")
    assert "SLEEP=10" in standin.command("qstat -x").out


def test_records_of_the_script_are_those_that_are_waited_for() -> None:
    names = re.findall(r"record=\$HOME/demo/(\S+)", TORQUE.script)
    assert names == ["${job%%[*}.${PBS_ARRAYID:-undefined}"]
    array = next(wish for wish in TORQUE.burst if wish.tasks > 1)
    records = parse_records("".join(f"14.{number}:start 1.0 n1 1\n14.{number}:end 2.0\n" for number in range(1, array.tasks + 1)))
    assert unfinished([Submitted(array, "14", 0.0)], records) == []
    assert unfinished([Submitted(array, "14", 0.0)], {**records, "14.3": Run()}) != []
