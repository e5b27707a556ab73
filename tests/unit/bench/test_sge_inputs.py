"""What the bench makes of a Grid Engine listing for the next cycle, and that a generated cell is one that real ones are like."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from bench import sge_inputs as inputs
from saltext.dynamiccluster.batch.gridengine.jobs import JobRecord, parse_jobs

Listed = list[JobRecord]


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "NODES", 40)
        patch.setattr(inputs, "QUEUED", 2000)
        path = tmp_path_factory.mktemp("inputs") / "qstat.xml"
        inputs.write_qstat(path)
        return path.read_bytes()


def waiting(document: bytes) -> dict[str, tuple[float, bytes]]:
    """Return the priority and the whole record of each job that waits, by its number, as listed."""
    records = [record for record in inputs._JOB.findall(document) if record.startswith(inputs._PENDING)]
    return {_tag("JB_job_number", one): (float(_tag("JAT_prio", one)), one) for one in records}


def _tag(name: str, record: bytes) -> str:
    found = re.search(rf"<{name}>([^<]*)<".encode(), record)
    assert found
    return found[1].decode()


def _sorts(document: bytes) -> bool:
    priorities = [priority for priority, _ in waiting(document).values()]
    return priorities == sorted(priorities, reverse=True)


def test_jobs_are_listed_by_priority_whatever_changed(listing: bytes) -> None:
    assert _sorts(listing) and _sorts(inputs.change_some(listing, 0.1)) and _sorts(inputs.replace_some_and_all_priorities(listing, 0.1))


def test_some_jobs_are_held_or_stand_elsewhere(listing: bytes) -> None:
    before, after = waiting(listing), waiting(inputs.change_some(listing, 0.1))
    changed = [number for number in before if before[number] != after[number]]
    held = [number for number in changed if b"<state>hqw<" in after[number][1]]
    assert before.keys() == after.keys() and 100 < len(changed) < 300 and 30 < len(held) < len(changed) - 30
    assert {after[number][0] for number in held} == {0.0} and set(list(after)[-len(held) :]) == set(held)


def test_every_priority_ages_and_as_many_differ_as_before(listing: bytes) -> None:
    before, after = waiting(listing), waiting(inputs.replace_some_and_all_priorities(listing, 0.01))
    stayed = [number for number in after if number in before]
    assert all(after[number][0] != before[number][0] for number in stayed)
    assert len({one[0] for one in after.values()}) >= 0.98 * len({one[0] for one in before.values()})
    was = {number: place for place, number in enumerate(before)}
    moved = [abs(was[number] - place) for place, number in enumerate(after) if number in was]
    assert sum(map(bool, moved)) > len(moved) / 2 and max(moved) < len(before) / 20  # many, none far


def test_new_jobs_have_everything_of_their_own(listing: bytes) -> None:
    before, after = waiting(listing), waiting(inputs.replace_some_and_all_priorities(listing, 0.05))
    new = [one for number, (_, one) in after.items() if number not in before]
    assert len(new) == len(before) - len(before.keys() & after.keys()) and 50 < len(new) < 200
    names = {_tag("full_job_name", one) for one in new}
    assert len(names - {_tag("full_job_name", one) for _, one in before.values()}) > 0.9 * len(new)
    assert all(_tag("full_job_name", one).startswith(_tag("JB_name", one)) for one in new)
    assert len({_tag("JB_owner", one) for one in new}) > 10 and len({_tag("slots", one) for one in new}) > 3
    assert min(_tag("JB_submission_time", one) for one in new) > max(_tag("JB_submission_time", one) for _, one in before.values())


@pytest.mark.parametrize("change", [inputs.change_some, inputs.replace_some_and_all_priorities])
@pytest.mark.parametrize("name", ["qstat-xml-r-all", "qstat-xml-r-noone"])
def test_captured_listings_can_be_changed(name: str, change: object) -> None:
    document = (inputs.CAPTURES / f"{name}.out").read_bytes()
    before, after = parse_jobs(document), parse_jobs(change(document, 0.5))  # type: ignore[operator]
    assert Counter(one.state[:1] for one in before if one.state in "rsS") == Counter(one.state[:1] for one in after if one.state in "rsS")
    assert len(before) == len(after)


def test_memory_is_counted_as_it_is_on_sites_that_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.search(r"(?m)^h_vmem +h_vmem +MEMORY +<= +YES +YES +2G +0$", inputs.complexes())
    monkeypatch.setattr(inputs, "NODES", 40)
    inputs.write_qhost(tmp_path / "qhost.xml")
    left = [float(value) for value in re.findall(r"name='h_vmem' dominance='hc'>([0-9.]+)G<", (tmp_path / "qhost.xml").read_text())]
    assert len(left) == 40 and min(left) >= 0 and max(left) == 62.8 and len(set(left)) > 3
    assert inputs.read_host_names(tmp_path / "qhost.xml") == inputs.host_names()
