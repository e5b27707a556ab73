from __future__ import annotations

import json

import pytest

from saltext.dynamiccluster.replay.__main__ import main
from saltext.dynamiccluster.replay.simulate import (
    read_boot,
    read_cores,
    read_settings,
    simulate_trace,
)
from saltext.dynamiccluster.replay.swf import TraceError, TraceJob, write_trace

PILLAR = """
dynamiccluster:
  cluster: {type: sge, config: {}}
  cloud:
    "near<b>":
      type: aws
      quantity: {min: 0, max: 2}
      config: {region_name: us-east-1, image_id: ami-12345678, instance_type: c5.4xlarge, instance_name_prefix: near-}
"""


@pytest.fixture
def pillar(tmp_path):
    path = tmp_path / "pillar.sls"
    path.write_text(PILLAR.replace("near<b>", "near"))
    return path


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "a<b>.swf"
    write_trace(path, [TraceJob("1", 0.0, 600.0, 4), TraceJob("2", 60.0, 600.0, 40)])
    return path


def test_files_become_figures_and_a_page(pillar, trace, tmp_path):
    page = tmp_path / "page.html"
    found = simulate_trace(trace, read_settings(pillar), page=page)
    assert (found["jobs"], found["left_out"]) == (1, 1)
    assert found["policies"][0]["policy"] == "dynamic cluster"
    text = page.read_text()
    assert text.count("<svg") == 4 and "Waiting time" in text and "a&lt;b&gt;.swf" in text and "<b>" not in text and "<script" not in text


@pytest.mark.parametrize("written", [PILLAR, PILLAR.replace("dynamiccluster:\n", "").replace("\n  ", "\n")])
def test_sections_may_stand_alone(tmp_path, written):
    path = tmp_path / "p.sls"
    path.write_text(written.replace("near<b>", "near"))
    assert list(read_settings(path).cloud) == ["near"]


@pytest.mark.parametrize(("written", "told"), [("a: [", "no YAML"), ("- 1", "a mapping"), ("cluster: {type: sge, config: {}}", "no resource")])
def test_files_that_are_no_settings(tmp_path, written, told):
    path = tmp_path / "p.sls"
    path.write_text(written)
    with pytest.raises(TraceError, match=told):
        read_settings(path)


def test_cores_for_all_or_by_resource(pillar):
    settings = read_settings(pillar)
    assert read_cores(8, settings) == read_cores("near=8", settings) == {"near": 8}


@pytest.mark.parametrize("value", ["", "many", "0", "far=8", "near=0", "near"])
def test_cores_that_are_none(pillar, value):
    with pytest.raises(TraceError, match="cores="):
        read_cores(value, read_settings(pillar))


def test_boot_times():
    assert (read_boot("90", 0).median, read_boot("90", 0).p95, read_boot("90,100", "0.5").failing) == (90, 90, 0.5)


@pytest.mark.parametrize(("value", "failing"), [("soon", 0), ("0", 0), ("90,80", 0), ("90", 1), ("90", -1), ("nan", 0), ("inf", 0), ("90", "nan")])
def test_boot_times_that_are_none(value, failing):
    with pytest.raises(TraceError, match="boot="):
        read_boot(value, failing)


def test_the_command_prints_a_table(pillar, trace, capsys):
    assert main([str(trace), "--settings", str(pillar)]) == 0
    out, err = capsys.readouterr()
    assert "dynamic cluster" in out and "node-hours" in out
    assert "1 jobs of a<b>.swf are larger" in err


def test_the_command_sums_up_seeds_and_writes_what_it_generated(tmp_path, capsys):
    words = ["--workload", "mixed", "--days", "0.1", "--seeds", "2", "--json", "--write", str(tmp_path / "w.swf"), "--page", str(tmp_path / "p.html")]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert [item["trace"] for item in found] == ["mixed"] * 4
    assert found[0]["node_hours_spread"] > 0
    assert {path.name for path in tmp_path.iterdir()} == {"w-mixed-1.swf", "w-mixed-2.swf", "p.html"}


def test_the_command_fails_in_one_sentence(tmp_path, capsys):
    assert main([str(tmp_path / "none.swf")]) == 1
    assert capsys.readouterr().err == f"simulate: {tmp_path / 'none.swf'}: no such file or directory\n"
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"simulate: {tmp_path}: is a directory\n"


def test_the_command_tells_which_lines_are_no_jobs_in_one_line(pillar, tmp_path, capsys):
    path = tmp_path / "b.swf"
    path.write_text("1 0 -1 60 4 -1 -1 4 -1 -1 1 1 1 -1 1 -1 -1 -1\n" + "2 9 -1 0 4 -1 -1 4 -1 -1 5 1 1 -1 1 -1 -1 -1\n" * 3)
    assert main([str(path), "--settings", str(pillar)]) == 0
    assert capsys.readouterr().err == "simulate: 3 lines of b.swf are no jobs to run: 3 never ran\n"
    assert simulate_trace(path, read_settings(pillar))["not_run"] == {"never ran": 3}


def test_machines_that_do_not_suffice_are_told(pillar, tmp_path, capsys):
    path = tmp_path / "over.swf"
    write_trace(path, [TraceJob("1", number * 7200.0, 7200.0, 32) for number in range(13)] + [TraceJob("2", 9000.0, 36000.0, 16)])
    assert main([str(path), "--settings", str(pillar)]) == 0
    assert "the jobs ask for 992 core-hours, 119% of what all 32 cores could give" in capsys.readouterr().err
    assert "51 cores would be in use for 75%" in simulate_trace(path, read_settings(pillar))["overloaded"]


def test_the_figures_of_a_trace_computed_by_hand(pillar, tmp_path):
    """Two machines of 16 cores that boot in 100 s: two jobs at once, a third that waits for the shorter one."""
    path = tmp_path / "hand.swf"
    write_trace(path, [TraceJob("1", 0.0, 3600.0, 16), TraceJob("2", 0.0, 1800.0, 16), TraceJob("3", 0.0, 1800.0, 8)])
    found = {item["policy"]: item for item in simulate_trace(path, read_settings(pillar), boot="100", failing=0)["policies"]}
    always, bound, ours = found["all nodes always on"], found["bound"], found["dynamic cluster"]
    assert (always["mean_wait"], always["p95_wait"], always["longest_wait"]) == (600.0, 1800.0, 1800.0)
    assert always["node_hours"] == pytest.approx(2.0) and always["utilisation"] == pytest.approx((16 + 8 + 4) / 32)
    assert bound["node_hours"] == pytest.approx(28 / 16 + 2 * 100 / 3600) and bound["launches"] == 2
    # seen at 0 s, ordered once the queue is quiet, 100 s of boot, in service at the next poll; 600 s idle at the end
    started = ours["longest_wait"] - 1800.0
    assert 110 <= started <= 130 and ours["mean_wait"] == pytest.approx(started + 600.0)
    # and the way out: held, seen empty twice, removed
    assert ours["launches"] == 2 and 2 * (100 + 3600 + 600) <= ours["node_hours"] * 3600 <= 2 * (100 + 3600 + 700)
