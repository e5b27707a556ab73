"""Debian's Chromium without a window."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
PICTURES = Path(__file__).resolve().parents[2] / ".cache" / "pictures"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it and end it with the context, and Playwright, too: while that is at work, its event loop is in the way of all others.

    One at a time. A machine that has no Chromium fails the test and says what to do.
    """
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium, or ./run test, which does that")
    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*sandbox, "--disable-dev-shm-usage"])
        yield found
        found.close()
