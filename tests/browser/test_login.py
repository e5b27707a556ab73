"""Logging in and out, and what somebody sees who may only read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import show
from tests.browser.stage import PASSWORD, READER, USER, Stage


def test_a_wrong_password_is_told_and_the_right_one_opens(open_page: Callable[..., Page], stage: Stage) -> None:
    page = open_page()
    page.goto(stage.url)
    page.get_by_label("User").fill(USER)
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("main h1")).to_contain_text("10 run on 10 nodes")
    expect(page.get_by_text(USER, exact=True)).to_be_visible()


def test_a_session_survives_a_reload_and_ends_with_logging_out(page: Page, stage: Stage) -> None:
    page.reload()
    expect(page.locator("main h1")).to_be_visible()
    assert page.evaluate("document.cookie") == ""  # out of a script's reach
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_session_that_ends_elsewhere_leads_to_logging_in(page: Page, stage: Stage) -> None:
    stage.register.tokens.clear()
    stage.server.context.identities._known.clear()
    expect(page.get_by_label("Password")).to_be_visible(timeout=90_000)


def test_who_may_only_read_is_shown_everything_and_can_press_nothing(open_page: Callable[..., Page], stage: Stage) -> None:
    page = open_page()
    page.goto(stage.url)
    page.get_by_role("button", name="Use a token instead").click()
    page.get_by_label("Token").fill(READER)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("rita", exact=True)).to_be_visible()
    show(page, "Resources")
    for name in ("Add", "Freeze", "Drain"):
        expect(page.get_by_role("button", name=name, exact=True).first).to_be_disabled()
    show(page, "Settings")
    expect(page.get_by_role("switch")).to_be_disabled()
    show(page, "Worker nodes")
    page.locator(".t-body .t-row").first.click()
    expect(page.locator(".panel").get_by_role("button", name="Hold", exact=True)).to_be_disabled()


def test_anonymous_reading_needs_no_login(open_page: Callable[..., Page], tmp_path_factory: pytest.TempPathFactory) -> None:
    with Stage(tmp_path_factory.mktemp("open"), anonymous_read=True) as stage:
        page = open_page()
        page.goto(stage.url)
        expect(page.locator("main h1")).to_contain_text("No jobs on 0 nodes")
        page.get_by_role("button", name="Log in").click()
        page.get_by_label("User").fill(USER)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
