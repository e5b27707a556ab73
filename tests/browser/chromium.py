"""Debian's Chromium without a window."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
PICTURES = Path(__file__).resolve().parents[2] / ".cache" / "pictures"


@cache
def _playwright() -> Playwright:
    """Start Playwright once for the process: while one is at work it refuses a second."""
    started = sync_playwright().start()
    atexit.register(started.stop)
    return started


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it and end it with the context. A machine that has none fails the test and says what to do."""
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium, or ./run test, which does that")
    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
    found = _playwright().chromium.launch(executable_path=str(CHROMIUM), args=[*sandbox, "--disable-dev-shm-usage"])
    yield found
    found.close()
