from __future__ import annotations

import gc
import weakref

import pytest

from saltext.dynamiccluster.calm import undisturbed


class Knot:
    """An object that only the collector of cycles can free."""

    def __init__(self) -> None:
        self.self = self


def test_collector_goes_on_when_the_last_one_is_done() -> None:
    assert gc.isenabled()
    with undisturbed():
        with undisturbed():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_collector_goes_on_after_a_failure() -> None:
    with pytest.raises(ValueError), undisturbed():
        raise ValueError
    assert gc.isenabled()


def test_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with undisturbed():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.thorough
def test_what_was_tied_up_meanwhile_is_freed_later() -> None:
    with undisturbed():
        knot = weakref.ref(Knot())
    assert knot() is not None
    gc.collect()
    assert knot() is None
