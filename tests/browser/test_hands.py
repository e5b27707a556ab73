"""The keyboard alone, a phone, the dark, thousands of nodes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, log_in, show
from tests.browser.stage import Stage

VIEWS = ("Overview", "Worker nodes", "Jobs", "Resources", "Graphs", "Activity", "Settings")


def test_the_keyboard_alone(page: Page, stage: Stage) -> None:
    page.keyboard.press("2")
    expect(page.locator("main h1")).to_have_text("Worker nodes")
    grid = page.get_by_role("grid", name="Worker nodes")
    expect(page.locator(".t-body .t-row")).to_have_count(10)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("2")  # goes into the field, not to another view
    expect(page.locator("main h1")).to_have_text("Worker nodes")
    page.get_by_role("searchbox").fill("")
    grid.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator(".chosen")).to_contain_text("1 chosen")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator(".chosen")).to_contain_text("2 chosen")
    page.keyboard.press("Control+a")
    expect(page.locator(".chosen")).to_contain_text("10 chosen")
    page.keyboard.press("Enter")
    expect(page.locator(".panel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".panel")).to_be_hidden()
    expect(grid).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    for number, title in enumerate(VIEWS[1:], 2):
        page.keyboard.press(str(number))
        expect(page.get_by_role("link", name=title)).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(open_page: Callable[..., Page], stage: Stage, scheme: str) -> None:
    page = open_page(viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True)
    log_in(page, stage)
    for view in VIEWS:
        show(page, view)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
        assert page.evaluate("(main => main.scrollWidth <= main.clientWidth)(document.querySelector('main'))"), view
    show(page, "Jobs")
    page.locator(".t-body .t-row").first.tap()
    expect(page.locator(".panel .said")).to_be_visible()
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(part) for part in ground[4:-1].split(",")) < 200) == (scheme == "dark")


def test_five_thousand_nodes_stay_smooth(page: Page, stage: Stage) -> None:
    stage.extra = 5000
    stage.pass_time(5)
    show(page, "Worker nodes")
    expect(page.get_by_text("5,010 in all")).to_be_visible(timeout=60_000)
    assert page.locator(".t-body .t-row").count() < 60
    most_drawn = page.evaluate(
        """async () => {
            const body = document.querySelector(".t-body");
            let most = 0;
            for (let step = 0; step < 60; step += 1) {
                body.scrollTop += 3300;
                body.dispatchEvent(new Event("scroll"));
                most = Math.max(most, body.querySelectorAll(".t-row").length);
                await new Promise(requestAnimationFrame);
            }
            return most;
        }"""
    )
    assert most_drawn < 60  # a frame costs what is in sight, however many nodes there are
    expect(page.locator(".t-row", has_text="many-04")).not_to_have_count(0)
    page.get_by_role("searchbox").fill("many-04999")
    expect(page.locator(".t-body .t-row")).to_have_count(1)


def test_a_view_that_cannot_be_had_just_now_comes_later(page: Page, stage: Stage) -> None:
    page.route("**/js/views/activity.js", lambda route: route.abort())  # the first time; then its address is another
    show(page, "Activity")
    expect(page.locator("main h1")).to_have_text("Activity", timeout=30_000)


def test_the_policy_allows_no_inline_script_or_style(page: Page, stage: Stage) -> None:
    answer = page.request.get(stage.url)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert page.evaluate("document.querySelectorAll('script:not([src]), style').length") == 0
