"""Numbers over time: kept over a restart, condensed with age, and never anybody's trouble."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from saltext.dynamiccluster.web.series import TIERS, Series, sample

from .house import House

NOW = 1_700_000_100.0


class Now:
    at = NOW

    def __call__(self) -> float:
        return self.at


def fill(series: Series, now: Now, seconds: int, every: int = 10) -> None:
    for _ in range(0, seconds, every):
        now.at += every
        series.add(now.at, {"": {"nodes.total": float(now.at // 60 % 10), "waiting": None}, "burst": {"nodes.total": 1.0}})


def test_what_was_kept_is_read(tmp_path: Path) -> None:
    now = Now()
    series = Series(tmp_path / "s.sqlite", now)
    fill(series, now, 600)
    series.close()
    found = Series(tmp_path / "s.sqlite", now).read(NOW, now.at, "", 300)
    assert found["step"] == 10.0 and len(found["time"]) == len(found["nodes"]["total"]) == len(found["cost"]) == 61
    assert found["nodes"]["total"][1] == float((NOW + 10) // 60 % 10) and found["waiting"] == [None] * 61
    assert (tmp_path / "s.sqlite").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("seconds, points, step", [(3600, 300, 20), (3600, 2000, 10), (86400, 300, 300), (86400, 2000, 60), (30 * 86400, 300, 9000)])
def test_the_step_follows_the_time_and_the_points(seconds: int, points: int, step: int) -> None:
    now = Now()
    series = Series(clock=now)
    found = series.read(now.at - seconds, now.at, "", points)
    assert found["step"] == step and len(found["time"]) <= points + 2


def test_old_numbers_are_means_over_longer_steps(tmp_path: Path) -> None:
    now = Now()
    series = Series(tmp_path / "s.sqlite", now)
    fill(series, now, 3 * 3600)
    with sqlite3.connect(tmp_path / "s.sqlite") as db:
        counts = dict(db.execute("SELECT tier, count(*) FROM samples WHERE resource = '' GROUP BY tier").fetchall())
        assert counts[10] == 1080 and 178 <= counts[60] <= 180 and 11 <= counts[900] <= 12
    now.at += TIERS[0][1]  # by now the shortest step is gone
    assert series.read(NOW, NOW + 3600, "", 2000)["step"] == 60.0
    assert any(series.read(NOW, NOW + 3600, "", 2000)["nodes"]["total"])


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    now = Now()
    series = Series(tmp_path / "s.sqlite", now)
    fill(series, now, 600)
    now.at += 7 * 3600
    fill(series, now, 120)
    with sqlite3.connect(tmp_path / "s.sqlite") as db:
        assert db.execute("SELECT min(at) FROM samples WHERE tier = 10").fetchone()[0] >= now.at - TIERS[0][1] - 60


def test_a_broken_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"this is no database, and it is long enough to be looked at" * 100)
    now = Now()
    series = Series(path, now)
    fill(series, now, 30)
    assert any(series.read(NOW, now.at, "", 300)["nodes"]["total"])


def test_a_file_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    now = Now()
    series = Series(tmp_path / "nosuch" / "s.sqlite", now)
    fill(series, now, 30)
    assert set(series.read(NOW, now.at, "", 300)["nodes"]["total"]) == {None}


def test_numbers_of_a_cluster_at_work(house: House) -> None:
    document = house.document
    found = sample(document, 12.0)
    assert found[""]["nodes.total"] == found[""]["nodes.busy"] == 3.0 and found[""]["cores.busy"] == 12.0
    assert found["burst"]["cost"] == found[""]["cost"] == 0.75 and found["spare"]["cost"] == 0.0
    assert found[""]["jobs.running"] == 3.0 and found[""]["waiting"] == 12.0
    answer = house.get("/series?resource=burst").json
    assert [number for number in answer["nodes"]["busy"] if number is not None][-1] == 3.0 and set(answer["waiting"]) == {None}


@pytest.mark.parametrize("query", ["points=1", "points=9999", "from=abc", "from=-1", "to=1e12", "to=inf", "to=1_000"])
def test_series_that_make_no_sense(shown: House, query: str) -> None:
    assert shown.get(f"/series?{query}").status == 400


def test_nothing_lies_between_now_and_before(shown: House) -> None:
    assert shown.get("/series?from=2&to=1").json["time"] == []
    assert shown.get("/series?resource=nosuch").status == 404
