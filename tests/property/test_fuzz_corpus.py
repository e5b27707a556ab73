"""Every saved input of the fuzzer, once more: nothing is raised, nothing hangs, nothing takes much memory."""

from __future__ import annotations

import resource
import signal
import tracemalloc

import pytest

pytest.importorskip("salt")
from tests.fuzz.corpus import everything, saved  # noqa: E402
from tests.fuzz.targets import TARGETS  # noqa: E402

_LONGEST = 20  # seconds of the processor for one input, on any machine
_MOST = 200 * 2**20  # octets


@pytest.fixture(autouse=True)
def in_time():
    used = resource.getrusage(resource.RUSAGE_SELF)
    before = signal.setitimer(signal.ITIMER_PROF, _LONGEST)
    yield used
    signal.setitimer(signal.ITIMER_PROF, *before)


@pytest.mark.parametrize(("target", "path"), everything(), ids=lambda value: getattr(value, "name", value))
def test_saved_input_breaks_nothing(target, path):
    tracemalloc.start()
    try:
        TARGETS[target](path.read_bytes())
        assert tracemalloc.get_traced_memory()[1] < _MOST
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_has_inputs_and_takes_any_bytes(target):
    assert len(saved(target)) >= 2
    for data in (b"", b"\0", b"\xff\xfe", b"<" * 3000, b"[" * 3000, b"{" * 3000, bytes(range(256)) * 20):
        TARGETS[target](data)
