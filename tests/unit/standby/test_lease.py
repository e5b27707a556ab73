"""The lease over a shared directory, by a clock of the test's own: who may act when, and who must not any more."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from saltext.dynamiccluster.errors import NotActing
from saltext.dynamiccluster.standby import lease as lease_module
from saltext.dynamiccluster.standby.files import FilePlace
from saltext.dynamiccluster.standby.lease import Lease
from saltext.dynamiccluster.standby.opening import open_place
from saltext.dynamiccluster.standby.place import Claim, PlaceUnreachable, plain_address


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Unlocked(FilePlace):
    """A place whose lock is always somebody else's: that of a frozen process, or of a host that is cut off."""

    def try_lock(self) -> bool:
        return False


class Broken(FilePlace):
    down = False

    def current(self) -> Claim | None:
        if self.down:
            raise PlaceUnreachable("no answer")
        return super().current()


def lease(directory: Path, holder: str, time: Time, kind: type[FilePlace] = FilePlace, **options) -> Lease:
    return Lease(kind(str(directory), "default", holder), holder, 60.0, clock=time, **options)


def hold(directory: Path, holder: str, time: Time, kind: type[FilePlace] = FilePlace, **options) -> Lease:
    """Return a lease that was taken."""
    taken = lease(directory, holder, time, kind, **options)
    assert taken.try_take() is not None
    return taken


def test_the_first_takes_it_at_once_and_the_other_stands_by(tmp_path: Path) -> None:
    time = Time()
    first, second = hold(tmp_path, "a", time), lease(tmp_path, "b", time)
    assert second.try_take() is None
    assert second.acting == "a"
    first.check()


def test_who_renews_in_time_keeps_it(tmp_path: Path) -> None:
    time = Time()
    first, second = hold(tmp_path, "a", time), lease(tmp_path, "b", time, Unlocked)
    for _ in range(50):
        time.now += 10
        first._renew()
        assert second.try_take() is None
    first.check()


def test_a_frozen_engine_is_over_before_the_other_begins(tmp_path: Path) -> None:
    time = Time()
    first, second = hold(tmp_path, "a", time), lease(tmp_path, "b", time, Unlocked)
    assert second.try_take() is None
    time.now += 44
    first.check()
    time.now += 2
    with pytest.raises(NotActing, match="no sign of life"):
        first.check()
    assert second.try_take() is None
    time.now += 15
    taken = second.try_take()
    assert taken is not None and taken.term == 2


def test_revived_it_finds_who_acts_now_and_says_so_once(tmp_path: Path) -> None:
    time, told = Time(), []
    first = hold(tmp_path, "a", time, on_lost=lambda: told.append("lost"))
    second = lease(tmp_path, "b", time, Unlocked)
    second.try_take()
    second._seen_since -= 60  # by its own clock; the first one's stood still
    assert second.try_take() is not None
    for _ in range(2):
        with pytest.raises(NotActing, match="b acts now"):
            first.check()
    with pytest.raises(NotActing):
        first.write({"node/x": "{}"})
    assert told == ["lost"]


def test_silent_for_too_long_it_never_revives_by_itself(tmp_path: Path) -> None:
    time = Time()
    first = hold(tmp_path, "a", time)
    time.now += 46
    with pytest.raises(NotActing):
        first._renew()
    time.now -= 46  # even a clock set back changes nothing
    with pytest.raises(NotActing):
        first.check()


def test_after_a_crash_the_lock_is_free_and_the_other_takes_over_at_once(tmp_path: Path) -> None:
    time = Time()
    first, second = hold(tmp_path, "a", time), lease(tmp_path, "b", time)
    assert second.try_take() is None
    first._place.unlock()  # what the kernel does when a process ends
    assert second.try_take() is not None


def test_a_free_lock_proves_nothing_where_the_one_who_acts_never_had_it(tmp_path: Path) -> None:
    time = Time()
    acting = lease(tmp_path, "b", time, Unlocked)
    acting.try_take()
    time.now += 60
    assert acting.try_take() is not None
    other = lease(tmp_path, "a", time)
    assert other.try_take() is None
    time.now += 59
    assert other.try_take() is None


def test_the_same_master_takes_its_own_term_up_again_at_once(tmp_path: Path) -> None:
    time = Time()
    hold(tmp_path, "a", time)
    again = lease(tmp_path, "a", time, Unlocked).try_take()
    assert again is not None and again.term == 2


def test_a_clean_end_lets_the_other_act_at_once(tmp_path: Path) -> None:
    time = Time()
    first, second = hold(tmp_path, "a", time), lease(tmp_path, "b", time)
    assert second.try_take() is None
    first.close()
    assert second.try_take() is not None


def test_only_one_of_two_takes_a_term(tmp_path: Path) -> None:
    place = FilePlace(str(tmp_path), "default", "a")
    assert [place.claim(Claim(1, "a")), place.claim(Claim(1, "b"))] == [True, False]
    assert place.current() == Claim(1, "a")


def test_what_one_knew_the_other_knows(tmp_path: Path) -> None:
    time = Time()
    first = hold(tmp_path, "a", time)
    first.write({"node/x": "1", "order/x": "2"})
    first.write({"node/x": None, "note/strange name": "3"})
    first.close()
    taken = lease(tmp_path, "b", time).try_take()
    assert taken is not None and taken.rows == {"order/x": "2", "note/strange name": "3"} and not taken.lost


def test_what_is_written_late_is_in_nobodys_way(tmp_path: Path) -> None:
    time = Time()
    first = hold(tmp_path, "a", time)
    first.write({"node/x": "old"})
    second = lease(tmp_path, "b", time, Unlocked)
    second.try_take()
    second._seen_since -= 60
    assert second.try_take() is not None
    second.write({"node/x": "new"})
    first._place.write(first._term, {"node/x": "late"})  # frozen right after it had looked at its clock
    second._place.unlock()
    third = lease(tmp_path, "b", time, Unlocked).try_take()
    assert third is not None and third.rows == {"node/x": "new"}


def test_an_end_in_the_middle_of_taking_over_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time()
    first = hold(tmp_path, "a", time)
    first.write({"node/x": "1"})
    first.close()

    def end(self: FilePlace, term: int, changes: object) -> None:
        raise PlaceUnreachable("killed")

    second = lease(tmp_path, "b", time)
    with monkeypatch.context() as patch:
        patch.setattr(FilePlace, "write", end)
        with pytest.raises(PlaceUnreachable):
            second.try_take()
    again = second.try_take()
    assert again is not None and again.rows == {"node/x": "1"} and again.term == 3


def test_a_place_that_forgot_is_noticed(tmp_path: Path) -> None:
    time = Time()
    told: list[str] = []
    first = hold(tmp_path / "one", "a", time, known_term=7, on_lost=lambda: told.append("lost"))
    assert first._term == 8  # terms never go back
    taken = lease(tmp_path / "two", "b", time, known_term=7).try_take()
    assert taken is not None and taken.lost
    for path in (tmp_path / "one" / "default").glob("term-*"):
        path.unlink()
    with pytest.raises(NotActing, match="forgotten"):
        first.check()
    assert told == ["lost"]


def test_a_place_that_does_not_answer_stops_nothing_until_the_lease_ends(tmp_path: Path) -> None:
    time = Time()
    first = hold(tmp_path, "a", time, Broken)
    first._place.down = True
    first.check()
    time.now += 46
    with pytest.raises(NotActing):
        first.check()
    with pytest.raises(PlaceUnreachable):
        lease(tmp_path, "b", time, _down(tmp_path)).try_take()


def _down(directory: Path) -> type[FilePlace]:
    return type("Down", (Broken,), {"down": True})


@pytest.mark.thorough
def test_the_signs_of_life_come_from_a_thread_of_their_own(tmp_path: Path) -> None:
    place = FilePlace(str(tmp_path), "default", "a")
    kept = Lease(place, "a", 6.0)
    assert kept.try_take() is not None
    before = place.sign(1)
    kept.keep()
    end = lease_module.time.monotonic() + 60
    while place.sign(1) == before and lease_module.time.monotonic() < end:
        lease_module.time.sleep(0.02)
    kept.close()
    assert place.sign(1) != before


def test_old_terms_are_cleared_away(tmp_path: Path) -> None:
    time = Time()
    for _ in range(6):
        current = hold(tmp_path, "a", time)
        current.write({"node/x": "1"})
        current.close()
    left = {path.name for path in (tmp_path / "default").iterdir()}
    assert {"term-6", "rows-6", "beat-6"} <= left and not left & {"term-4", "rows-4", "beat-4"}


def test_only_its_owner_reads_the_place(tmp_path: Path) -> None:
    current = hold(tmp_path, "a", Time())
    current.write({"order/x": "a one-time token"})
    base = tmp_path / "default"
    assert stat.S_IMODE(base.stat().st_mode) == 0o700
    files = [path for path in base.rglob("*") if path.is_file() and not path.is_relative_to(base / "lock")]
    assert files and {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_an_unusable_directory_is_told() -> None:
    with pytest.raises(PlaceUnreachable, match="shared directory"):
        open_place("file:///proc/nowhere", "default", "a", 60)
    with pytest.raises(PlaceUnreachable, match="Redis server"):
        open_place("redis:///nowhere/redis.sock", "default", "a", 60)


def test_an_address_is_shown_without_its_password() -> None:
    assert plain_address("redis://u:secret@h:6380/x?db=1") == "redis://h:6380/x"
    assert plain_address("file:///srv/dc") == "file:///srv/dc"
