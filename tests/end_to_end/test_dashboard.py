"""The dashboard over the real engine: a node's whole life from the browser, hostile job names of a real batch system, an engine that is restarted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Locator, Page, expect  # noqa: E402

from lab import admin  # noqa: E402
from tests.browser.chromium import PICTURES, chromium  # noqa: E402

from .conftest import PATIENCE, Site  # noqa: E402

pytestmark = [pytest.mark.root, pytest.mark.integration]

HOSTILE = "<script>alert(1)<&amp;"  # Grid Engine refuses blanks, = and / in a name
PATIENT = PATIENCE * 1000


@pytest.fixture
def page(site: Site, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Return a page that is logged in with the lab's token; it may have no error by the end, but for what is meant to fail."""
    errors: list[str] = []
    with chromium() as browser:
        found = browser.new_page(viewport={"width": 1280, "height": 860})
        found.set_default_timeout(60_000)
        found.on("pageerror", lambda error: errors.append(str(error)))
        found.goto(admin.address(site.lab.state))
        use_token = found.get_by_role("button", name="Use a token instead")
        expect(found.locator("form")).to_be_visible()
        if use_token.is_visible():
            use_token.click()
        found.get_by_label("Token").fill(admin.leave_token(site.lab.state).read_text(encoding="utf-8").strip())
        found.get_by_role("button", name="Log in").click()
        expect(found.get_by_text(admin.USER, exact=True)).to_be_visible()
        yield found
        PICTURES.mkdir(parents=True, exist_ok=True)
        found.screenshot(path=PICTURES / f"lab-{request.node.name}.png", animations="disabled")
    assert not errors


def show(page: Page, view: str) -> None:
    page.get_by_role("navigation", name="Views").get_by_role("link", name=view).click()


def said(page: Page, text: str) -> None:
    expect(page.locator(".toast").filter(has_text=text).last).to_be_visible(timeout=60_000)


def press(place: Locator, name: str) -> None:
    place.get_by_role("button", name=name, exact=True).click()


def launched(site: Site, resource: str) -> bool:
    """Tell whether the cloud has given a machine for each node of a resource, and there is one."""
    rows = site.nodes(resource).values()
    return bool(rows) and all((row["instance"] or {}).get("uuid") for row in rows)


def test_the_whole_life_of_a_node(site: Site, page: Page) -> None:
    show(page, "Resources")
    box = page.locator("[data-resource=large]")
    box.get_by_label("How many nodes to add to large").fill("1")
    press(box, "Add")
    said(page, "1 node being launched in large")
    site.wait(lambda: launched(site, "large"), "the cloud's word that it launched")  # what is frozen launches nothing
    press(box, "Freeze")  # else it goes again as idle
    expect(box.locator("summary").first).to_contain_text("Frozen", timeout=60_000)
    node = site.wait(lambda: site.serving("large"), "the node that was added")[0]

    show(page, "Worker nodes")
    row = page.locator(f".t-row[data-id='{node}']")
    expect(row).to_contain_text("Idle", timeout=PATIENT)
    row.click()
    panel = page.get_by_role("dialog", name=node)
    press(panel, "Hold")
    expect(panel.locator(".lead")).to_contain_text("Held", timeout=PATIENT)
    press(panel, "Unhold")
    expect(panel.locator(".lead")).to_contain_text("Idle", timeout=PATIENT)

    site.submit(f"-r n -q all.q@{node}", seconds=600)
    expect(panel.locator(".lead")).to_contain_text("Busy", timeout=PATIENT)
    press(panel, "Vacate")
    dialog = page.get_by_role("dialog", name=f"Vacate {node}?")
    expect(dialog).to_contain_text("1 job will end.")
    press(dialog, "Vacate")
    expect(panel.locator(".lead")).to_contain_text("Held", timeout=PATIENT)
    press(panel, "Remove")
    press(page.get_by_role("dialog", name=f"Remove {node}?"), "Remove")
    expect(panel).to_contain_text("This node is gone.", timeout=PATIENT)

    show(page, "Resources")
    press(box, "Restore")
    expect(box.locator("summary").first).to_contain_text("Normal", timeout=60_000)
    show(page, "Activity")
    page.get_by_role("searchbox").fill(node)
    expect(page.locator(".t-body .t-row").first).to_contain_text(node)
    site.wait(lambda: node not in site.lab.nodes(), "the end of its machine")


def test_a_job_with_a_hostile_name_tells_why_it_waits(site: Site, page: Page) -> None:
    job = site.submit(f'-pe smp 512 -N "{HOSTILE}"', seconds=1)
    show(page, "Jobs")
    row = page.locator(f".t-row[data-id='{job}']")
    expect(row).to_contain_text(HOSTILE, timeout=PATIENT)
    row.click()
    expect(page.locator(".panel .said")).to_contain_text("512")
    assert page.locator("main script, .panel script").count() == 0
    site.lab.head(f"qdel {job}", user="alice")
    expect(row).to_be_hidden(timeout=PATIENT)


def test_the_page_survives_a_restart_of_the_engine(site: Site, page: Page) -> None:
    expect(page.locator(".pulse")).to_have_text("Live")
    assert site.lab.kill_engine()
    expect(page.locator(".banner")).to_contain_text("The engine has not answered for", timeout=60_000)
    expect(page.locator(".banner")).to_be_hidden(timeout=PATIENT)
    expect(page.locator(".pulse")).to_have_text("Live", timeout=60_000)
    expect(page.get_by_text(admin.USER, exact=True)).to_be_visible()
    for view in ("Worker nodes", "Resources", "Graphs", "Activity", "Settings"):
        show(page, view)
        expect(page.locator("main h1")).to_have_text(view)


def test_modes_and_draining(site: Site, page: Page) -> None:
    def auto() -> bool:
        return bool(site.lab.snapshot()["engine"]["auto_mode"])

    show(page, "Settings")
    switch = page.get_by_role("switch")
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false", timeout=60_000)
    site.wait(lambda: not auto(), "the automatic mode off")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true", timeout=60_000)
    page.get_by_role("button", name="Stop launches").click()
    press(page.get_by_role("dialog"), "Stop launches")
    said(page, "nothing is launched any more")
    expect(switch).to_have_attribute("aria-checked", "false", timeout=60_000)
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true", timeout=60_000)
    page.get_by_role("button", name="Look again now").click()
    expect(page.locator(".toast.done").last).to_be_visible()

    show(page, "Resources")
    box = page.locator("[data-resource=large]")
    press(box, "Drain")
    press(page.get_by_role("dialog", name="Drain large?"), "Drain")
    expect(box.locator("summary").first).to_contain_text("Drained", timeout=60_000)
    press(box, "Restore")
    expect(box.locator("summary").first).to_contain_text("Normal", timeout=60_000)
