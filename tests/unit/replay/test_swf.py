from __future__ import annotations

import gzip
from collections import Counter

import pytest

from saltext.dynamiccluster.replay.swf import (
    TraceError,
    TraceJob,
    name_left_out,
    read_trace,
    write_trace,
)

ROW = "{number} {submit} -1 {run} {used} -1 -1 {asked} -1 -1 {status} {user} -1 -1 {queue} -1 -1 -1"


def row(number=1, submit=0, run=60, used=4, asked=-1, user=7, queue=2, status=1):
    return ROW.format(number=number, submit=submit, run=run, used=used, asked=asked, user=user, queue=queue, status=status)


def written(tmp_path, *lines, name="a.swf"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_line_is_a_job(tmp_path):
    path = written(tmp_path, "; Computer: a machine", "", row(3, 10, 60, 4))
    assert read_trace(path) == [TraceJob("3", 0.0, 60.0, 4, "7", "2")]


def test_what_was_asked_for_goes_before_what_was_used(tmp_path):
    assert read_trace(written(tmp_path, row(used=3, asked=8)))[0].cores == 8


def test_jobs_come_in_the_order_of_submission_the_first_ones_when_wanted(tmp_path):
    path = written(tmp_path, row(1, 50), row(2, 10), row(3, 90))
    assert [job.id for job in read_trace(path)] == ["2", "1", "3"]
    assert [job.id for job in read_trace(path, 2)] == ["2", "1"]


@pytest.mark.parametrize("line", [row(run=-1), row(run=0, status=5), row(run=0, status=0), row(used=-1), row(used=0, asked=0), row(submit=-1)])
def test_jobs_that_never_ran_are_left_out(tmp_path, line):
    assert [job.id for job in read_trace(written(tmp_path, row(5), line))] == ["5"]


def test_lines_that_are_no_jobs_are_counted_by_their_reason(tmp_path):
    lines = [row(1), row(2, run=0, status=5), row(3, run=-1, status=0), row(4, used=-1), row(5, status=2), row(5, status=3), row(5, run=120)]
    left_out = Counter()
    assert [job.id for job in read_trace(written(tmp_path, *lines), left_out=left_out)] == ["1", "5"]
    assert left_out == {"never ran": 2, "have no processors": 1, "are parts of checkpointed jobs": 2}
    assert name_left_out(left_out) == "2 are parts of checkpointed jobs, 1 have no processors, 2 never ran"


def test_parts_of_a_job_that_has_no_line_of_its_own_are_jobs(tmp_path):
    jobs = read_trace(written(tmp_path, row(5, status=2), row(5, 90, run=30, status=3)))
    assert [(job.id, job.duration) for job in jobs] == [("5", 60.0), ("5-2", 30.0)]


def test_jobs_with_equal_numbers_are_different_jobs(tmp_path):
    assert [job.id for job in read_trace(written(tmp_path, row(1), row(1, 5), row(-1, 6), row(-1, 7)))] == ["1", "1-2", "-1", "-1-2"]


def test_a_job_that_completed_within_half_a_second_ran(tmp_path):
    assert read_trace(written(tmp_path, row(run=0, status=1)))[0].duration == 1.0


def test_a_job_that_was_cancelled_while_it_ran_is_a_job(tmp_path):
    assert read_trace(written(tmp_path, row(run=30, status=5)))[0].duration == 30.0


def test_time_begins_with_the_first_job(tmp_path):
    jobs = read_trace(written(tmp_path, row(2, 800_000_060.5), row(1, 800_000_000)))
    assert [(job.id, job.submitted) for job in jobs] == [("1", 0.0), ("2", 60.5)]


def test_lines_as_they_are_in_the_wild(tmp_path):
    path = tmp_path / "wild.swf"
    head = "\ufeff; Version: 2.2\r\n;   Computer: Universität\r\n; MaxProcs: 128\r\n;\r\n\r\n"
    lines = ["\t" + row(1) + "   \t", row(2) + " 99 more", row(3).replace(" ", "\t"), row(4, 10.5, 60.25) + "  ; why not"]
    path.write_bytes(head.encode("latin-1", "ignore") + "\r\n".join(lines).encode())
    assert [job.id for job in read_trace(path)] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("name", ["a.swf.gz", "a.swf"])
def test_what_a_trace_is_called_does_not_say_whether_it_is_packed(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(row().encode()))
    assert len(read_trace(path)) == 1
    path.write_text(row())
    assert len(read_trace(path)) == 1


def test_an_unknown_user_or_queue_has_no_name(tmp_path):
    job = read_trace(written(tmp_path, row(user=-1, queue=-1)))[0]
    assert (job.user, job.queue) == ("", "")


def test_a_packed_trace_is_read(tmp_path):
    path = tmp_path / "a.swf.gz"
    path.write_bytes(gzip.compress(row().encode()))
    assert len(read_trace(path)) == 1
    path.write_bytes(gzip.compress(row().encode() * 100)[:-12])
    with pytest.raises(TraceError, match="cut short"):
        read_trace(path)
    path.write_bytes(b"\x1f\x8b" + bytes(range(50)))
    with pytest.raises(TraceError, match="damaged"):
        read_trace(path)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["; nothing"], "no job"),
        ([row(), "1 2 3"], "line 2: 3 fields"),
        ([row(run="soon")], "line 1: could not convert"),
        ([row(used="inf")], "line 1: a number is not finite"),
        ([row(run=-1), row(run=0, status=0)], "no job in it that ran .2 never ran"),
    ],
)
def test_what_is_no_trace_is_told_with_its_line(tmp_path, lines, told):
    with pytest.raises(TraceError, match=told):
        read_trace(written(tmp_path, *lines))


def test_what_is_written_is_read_again(tmp_path):
    jobs = [TraceJob("1", 0.0, 60.0, 4), TraceJob("2", 30.0, 5.0, 1)]
    write_trace(tmp_path / "b.swf", jobs, "two jobs\nof ours")
    assert read_trace(tmp_path / "b.swf") == jobs
