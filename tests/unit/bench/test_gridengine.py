"""The rows of Grid Engine, on little: that jobs are served, and that a cell may name its hosts as it likes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench import gridengine, sge_inputs
from bench.__main__ import judge, take_in
from bench.cases import Case, Sample


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sge_inputs, "NODES", 40)
    monkeypatch.setattr(sge_inputs, "QUEUED", 400)
    folder = tmp_path / "small"
    folder.mkdir()
    gridengine._prepare(folder)
    return folder


@pytest.mark.parametrize("case", gridengine.CASES, ids=lambda case: case.name)
def test_all_jobs_are_served_and_their_nodes_ordered(small: Path, case: Case) -> None:
    sample = case.run(small)  # ends itself when not
    assert sample.cpu > 0 and not sample.judged and judge(case, sample)["met"] is None


@pytest.mark.parametrize("case", gridengine.CASES, ids=lambda case: case.name)
def test_a_row_fails_where_a_maximum_binds(small: Path, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.worlds.UNBOUND", 50)
    with pytest.raises(SystemExit, match="of .* jobs are served"):
        case.run(small)


def test_given_hosts_have_the_names_that_they_have(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, folder = tmp_path / "given", tmp_path / "folder"
    given.mkdir()
    folder.mkdir()
    for name in (gridengine.QSTAT, gridengine.QHOST):
        (given / name).write_bytes((small / name).read_bytes().replace(b"dc-a0", b"node.x-"))
    take_in(given, folder)
    gridengine._prepare(folder)
    bench = _decided(folder, gridengine._Bench)
    assert bench.engine.plan is not None and {node.hostname for node in bench.engine.plan.nodes} == {f"node.x-{n:04x}" for n in range(40)}
    assert all(node.host is not None and node.record is not None and node.steady for node in bench.engine.plan.nodes)
    for case in gridengine.CASES:
        case.run(folder)
    told = capsys.readouterr().err
    assert "ordered" in told and "impossible" not in told and "waits" not in told


def _decided(folder: Path, make: Callable[..., gridengine._Bench]) -> gridengine._Bench:
    bench = make(folder, restless=60.0)
    bench.observe()
    bench.look()
    bench.decide()
    return bench


def test_captured_listings_may_be_given(tmp_path: Path) -> None:
    for name, captured in ((gridengine.QSTAT, "qstat-xml-r-all.out"), (gridengine.QHOST, "qhost-F-xml.out")):
        (tmp_path / name).symlink_to((sge_inputs.CAPTURES / captured).resolve())
    gridengine._prepare(tmp_path)
    for case in gridengine.CASES:
        assert not case.run(tmp_path).judged


@pytest.mark.parametrize(("judged", "cpu", "met"), [(True, 1.0, True), (True, 3.0, False), (False, 3.0, None), (False, 1.0, None)])
def test_what_is_too_little_is_not_judged(judged: bool, cpu: float, met: bool | None) -> None:
    case = gridengine.CASES[0]
    assert judge(case, Sample(cpu, 1.0, 50.0, judged))["met"] is met
