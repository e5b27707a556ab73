"""The reader for long listings says exactly what parse_jobs says, of everything, and neither what expat does not say of the whole document."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from saltext.dynamiccluster.batch.torque import jobscan
from saltext.dynamiccluster.batch.torque.jobs import parse_jobs, read_record
from saltext.dynamiccluster.batch.torque.jobscan import JobReader
from saltext.dynamiccluster.errors import BatchMalformed
from tests.examples import examples
from tests.unit.batch.pieces import in_pieces
from tests.unit.batch.whole import TORQUE_JOBS, hold_against_expat

FOLDER = Path(__file__).parents[3] / "captures" / "torque-4.2.10-maui-3.3.1"
LISTINGS = sorted(path.name for path in FOLDER.glob("*.out") if path.read_bytes().startswith(b"<Data><Job>"))
ODD = (b"\x01", b"&", b"&lt;", b"<", b">", b"]]>", b"\xe9", b"\xc3\xa9", b"<!--", b" ", b"\n", b"x", b"", b"</Job>", b"<Job>", b"Q", b"0")


def said(reader: object, document: bytes) -> object:
    """Return what a reader makes of a document: records, or that it is malformed."""
    try:
        return reader(document)  # type: ignore[operator]
    except BatchMalformed:
        return BatchMalformed


@pytest.mark.parametrize("name", LISTINGS)
def test_every_captured_listing(name: str) -> None:
    document, reader = (FOLDER / name).read_bytes(), in_pieces(JobReader().start)
    assert said(reader, document) == said(parse_jobs, document) == said(reader, document)


wounds = st.tuples(st.floats(0, 1), st.sampled_from([0, 1, 1, 7, 40, 900]), st.sampled_from(ODD))


@settings(max_examples=examples(200), deadline=None)
@given(st.sampled_from(LISTINGS), st.lists(wounds, min_size=1, max_size=4))
@pytest.mark.thorough
def test_spoiled_listings(name: str, spots: list[tuple[float, int, bytes]]) -> None:
    document = good = (FOLDER / name).read_bytes()
    for share, length, new in spots:
        at = int(share * len(document))
        document = document[:at] + new + document[at + length :]
    hold_against_expat(TORQUE_JOBS, document, good, (2000,))


def test_queued_jobs_as_usual_never_need_the_slow_way(monkeypatch: pytest.MonkeyPatch) -> None:
    slow: list[bytes] = []
    monkeypatch.setattr(jobscan, "read_record", lambda raw: slow.append(raw) or read_record(raw))
    found = in_pieces(JobReader().start)((FOLDER / "B01-qstat-x-t-kinds.out").read_bytes())
    assert sum(record.state == "Q" for record in found) > 25
    # those that do not wait, an array as a whole, a name with entities; and the first one, which stands behind the document's head
    assert len(slow) <= 2 + sum(record.state != "Q" or "[]" in record.id or "<" in record.name for record in found)


def test_unchanged_records_are_the_same_objects() -> None:
    document, reader = (FOLDER / "B01-qstat-x-t-kinds.out").read_bytes(), in_pieces(JobReader().start)
    first, again = reader(document), reader(document)
    assert any(one is other for one, other in zip(first, again, strict=True))


@pytest.mark.parametrize("nothing", [b"", b"\n", b" " * 5000])
def test_zero_bytes_are_no_jobs(nothing: bytes) -> None:
    assert in_pieces(JobReader().start)(nothing) == parse_jobs(nothing) == ()


@pytest.mark.parametrize("cut", range(10, 19_000, 977))
def test_truncated_listing_never_passes_for_a_shorter_one(cut: int) -> None:
    document, reader = (FOLDER / "B01-qstat-x-t-kinds.out").read_bytes(), in_pieces(JobReader().start)
    reader(document)
    with pytest.raises(BatchMalformed):
        reader(document[:cut])
