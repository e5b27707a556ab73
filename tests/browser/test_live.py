"""The page follows the cluster by itself, falls back to asking, and says when the engine is away."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import log_in, show
from tests.browser.stage import Stage


def test_what_others_do_is_seen_at_once(page: Page, stage: Stage) -> None:
    expect(page.locator(".pulse")).to_have_text("Live")
    show(page, "Worker nodes")
    rows = page.locator(".t-body .t-row")
    expect(rows).to_have_count(10)
    name = stage.nodes()[0]
    stage.world.command("hold", node=name)
    stage.pass_time(30)
    expect(rows.filter(has_text=name)).to_contain_text("Holding", timeout=20_000)


def test_without_events_it_asks(open_page: Callable[..., Page], stage: Stage) -> None:
    page = open_page()
    page.route("**/events*", lambda route: route.abort())
    log_in(page, stage)
    expect(page.locator(".pulse")).to_have_text("Reading every 5 s")
    stage.problems.append("somebody tripped over the cable")
    stage.pass_time(30)
    expect(page.get_by_text("somebody tripped over the cable")).to_be_visible()


def test_an_engine_that_goes_and_comes_back(page: Page, stage: Stage) -> None:
    expect(page.locator(".pulse")).to_have_text("Live")
    expect(page.locator(".recent li").first).to_be_visible()
    stage.go_away()
    expect(page.locator(".banner")).to_contain_text("The engine has not answered for", timeout=60_000)
    expect(page.locator("main h1")).to_contain_text("10 run")  # what was known stays in sight
    expect(page.locator(".recent li").first).to_be_visible()
    stage.come_back()
    expect(page.locator(".banner")).to_be_hidden(timeout=60_000)
    expect(page.locator(".pulse")).to_have_text("Live")
    stage.problems.append("after the restart")
    stage.pass_time(5)
    expect(page.get_by_text("after the restart")).to_be_visible()


def test_what_was_typed_survives_what_happens(page: Page, stage: Stage) -> None:
    show(page, "Resources")
    number = page.get_by_label("How many nodes to add to burst")
    number.fill("7")
    stage.world.command("freeze", resource="spare")
    stage.pass_time(30)
    expect(page.locator("[data-resource=spare] summary").first).to_contain_text("Frozen")
    expect(number).to_have_value("7")
    expect(number).to_be_focused()


def test_an_engine_that_stands_still_is_told(page: Page, stage: Stage) -> None:
    stage.world.clock.advance(600)  # nothing was published for so long
    expect(page.locator(".banner")).to_contain_text("has not looked at the cluster", timeout=60_000)
    stage.pass_time(5)
    expect(page.locator(".banner")).to_be_hidden(timeout=60_000)
