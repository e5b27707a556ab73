from __future__ import annotations

import gzip

import pytest

from saltext.dynamiccluster.replay.swf import (
    TraceError,
    TraceJob,
    read_trace,
    write_trace,
)

ROW = "{number} {submit} -1 {run} {used} -1 -1 {asked} -1 -1 1 {user} -1 -1 {queue} -1 -1 -1"


def row(number=1, submit=0, run=60, used=4, asked=-1, user=7, queue=2):
    return ROW.format(number=number, submit=submit, run=run, used=used, asked=asked, user=user, queue=queue)


def written(tmp_path, *lines, name="a.swf"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_line_is_a_job(tmp_path):
    path = written(tmp_path, "; Computer: a machine", "", row(3, 10, 60, 4))
    assert read_trace(path) == [TraceJob("3", 10.0, 60.0, 4, "7", "2")]


def test_what_was_asked_for_goes_before_what_was_used(tmp_path):
    assert read_trace(written(tmp_path, row(used=3, asked=8)))[0].cores == 8


def test_jobs_come_in_the_order_of_submission_the_first_ones_when_wanted(tmp_path):
    path = written(tmp_path, row(1, 50), row(2, 10), row(3, 90))
    assert [job.id for job in read_trace(path)] == ["2", "1", "3"]
    assert [job.id for job in read_trace(path, 2)] == ["2", "1"]


@pytest.mark.parametrize("line", [row(run=-1), row(run=0), row(used=-1), row(submit=-1)])
def test_jobs_that_never_ran_are_left_out(tmp_path, line):
    assert [job.id for job in read_trace(written(tmp_path, row(5), line))] == ["5"]


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


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["; nothing"], "no job"),
        ([row(), "1 2 3"], "line 2: 3 fields"),
        ([row(run="soon")], "line 1: could not convert"),
        ([row(used="inf")], "line 1: cannot convert"),
    ],
)
def test_what_is_no_trace_is_told_with_its_line(tmp_path, lines, told):
    with pytest.raises(TraceError, match=told):
        read_trace(written(tmp_path, *lines))


def test_what_is_written_is_read_again(tmp_path):
    jobs = [TraceJob("1", 0.0, 60.0, 4), TraceJob("2", 30.0, 5.0, 1)]
    write_trace(tmp_path / "b.swf", jobs, "two jobs\nof ours")
    assert read_trace(tmp_path / "b.swf") == jobs
