"""A real Chromium (Debian's) without a window, a page that is logged in, and pictures of every page at the end of its test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chromium import PICTURES, chromium
from tests.browser.stage import PASSWORD, USER, Stage

WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 360, "height": 740}
# The browser itself reports refused and failed requests; what a test makes fail is no fault of the page.
EXPECTED = re.compile(r"Failed to load resource|net::ERR_")

expect.set_options(timeout=60_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Return a cluster that is full: 10 nodes busy, jobs waiting."""
    with Stage(tmp_path) as found:
        found.fill()
        yield found


@pytest.fixture
def open_page(browser: Browser, request: pytest.FixtureRequest, stage: Stage) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page of its own; no page may have had an error by the end. The stage outlives the pages."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_one(**options: object) -> Page:
        context = browser.new_context(**{"viewport": WIDE, **options})  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" and not EXPECTED.search(said.text) else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_one
    PICTURES.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", request.node.name).strip("-")
    for number, context in enumerate(contexts):
        for page in context.pages:
            page.screenshot(path=PICTURES / f"{name}-{number}.png", animations="disabled")
        context.close()
    assert not errors


@pytest.fixture
def page(open_page: Callable[..., Page], stage: Stage) -> Page:
    """Return a wide page on which the user may do everything."""
    found = open_page()
    log_in(found, stage)
    return found


def log_in(page: Page, stage: Stage) -> None:
    page.goto(stage.url)
    page.get_by_label("User").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("navigation", name="Views")).to_be_visible()


def show(page: Page, view: str) -> None:
    """Go to a view by its link."""
    page.get_by_role("navigation", name="Views").get_by_role("link", name=view).click()
    expect(page.locator("main h1")).to_be_visible()
