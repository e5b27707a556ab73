"""Each view shows what is so."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from saltext.dynamiccluster.errors import ConfigurationError, Fault
from saltext.dynamiccluster.salt.front import tell_faults
from saltext.dynamiccluster.settings.general import AdminServer
from tests.browser.conftest import show
from tests.browser.stage import HOSTILE, Stage
from tests.unit.web.house import SECRET


def test_overview(page: Page, stage: Stage) -> None:
    expect(page.locator("main h1")).to_have_text("4 jobs wait, 10 run on 10 nodes.")
    expect(page.get_by_text("Nothing is wrong.")).to_be_visible()
    expect(page.get_by_label("8 of 8 nodes of burst")).to_be_visible()
    expect(page.locator(".recent li").first).to_be_visible()
    stage.problems.append("batch: nobody answers")
    stage.pass_time(5)
    expect(page.get_by_label("What is wrong")).to_contain_text("batch: nobody answers")


def test_worker_nodes_are_found_and_explained(page: Page, stage: Stage) -> None:
    show(page, "Worker nodes")
    rows = page.locator(".t-body .t-row")
    expect(rows).to_have_count(10)
    page.get_by_label("Resource", exact=True).select_option("spare")
    expect(rows).to_have_count(2)
    page.get_by_role("searchbox").fill("no such node")
    expect(page.get_by_text("No worker node is like this.")).to_be_visible()
    page.get_by_role("searchbox").fill("spare-")
    name = rows.first.get_attribute("data-id")
    rows.first.click()
    panel = page.get_by_role("dialog", name=name)
    expect(panel.get_by_text("In the cloud")).to_be_visible()
    expect(panel).to_contain_text(f"{name} of spare is busy")
    assert "resource=spare" in page.url and "text=spare-" in page.url


def test_a_job_tells_why_it_waits(page: Page, stage: Stage) -> None:
    show(page, "Jobs")
    rows = page.locator(".t-body .t-row")
    expect(rows).to_have_count(4)
    impossible = rows.filter(has_text="impossible")
    impossible.click()
    panel = page.locator(".panel")
    expect(panel.locator(".said")).to_contain_text("400 cores")
    panel.get_by_role("button", name="Close details").click()
    page.get_by_role("button", name="Running").click()
    expect(rows).to_have_count(10)
    rows.first.click()
    panel.get_by_role("link", name="burst-").or_(panel.get_by_role("link", name="spare-")).first.click()
    expect(page.locator("main h1")).to_have_text("Worker nodes")
    expect(page.locator(".panel")).to_contain_text("In the batch system")


def test_a_hostile_job_name_stays_text(page: Page, stage: Stage) -> None:
    show(page, "Jobs")
    page.get_by_role("button", name="All").click()
    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    page.locator(".t-row", has_text="<img").first.click()
    expect(page.locator(".panel").get_by_text(HOSTILE)).to_be_visible()
    assert page.title() == "Jobs · Dynamic Cluster"
    assert page.locator("main img, .panel img, main script").count() == 0


def test_resources(page: Page, stage: Stage) -> None:
    show(page, "Resources")
    box = page.locator("[data-resource=burst]")
    expect(box).to_contain_text("8 of 8")
    expect(box).to_contain_text("4 cores, 8 GiB")
    expect(box).to_contain_text("0.25 an hour")
    expect(box.locator(".t-body .t-row")).to_have_count(8)
    expect(page.get_by_text("Every machine with our tags belongs to a worker node.")).to_be_visible()
    box.get_by_text("Its configuration").click()
    expect(box.get_by_text("ami-12345678")).to_be_visible()


def test_graphs_zoom_by_dragging_and_by_keys(page: Page, stage: Stage) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/series" in request.url else None)
    show(page, "Graphs")
    plot = page.locator(".chart .u-over").first
    expect(plot).to_be_visible()
    expect(page.locator(".chart").filter(has_text="Worker nodes").locator(".chart-legend")).to_contain_text("busy10")
    expect(page.locator(".chart", has_text="Jobs").locator(".chart-legend")).to_contain_text("running10")
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60, steps=5)
    page.mouse.up()
    expect(page.get_by_text("part of the past")).to_be_visible()
    assert _length(asked[-1]) == pytest.approx(3600 * 0.4, rel=0.1)
    page.get_by_role("button", name="Zoom out").press("Enter")
    expect(page.get_by_text("part of the past")).to_be_visible()
    page.wait_for_function("() => !document.querySelector('[data-act=reset]').disabled")
    page.get_by_role("button", name="Back to now").click()
    expect(page.get_by_text("up to now")).to_be_visible()
    page.get_by_label("Resource", exact=True).select_option("spare")
    expect(page.locator(".chart").first.locator(".chart-legend")).to_contain_text("busy2")
    page.get_by_label("Time range").select_option("86400")
    expect(page.get_by_text("a point is 4 min")).to_be_visible()


def _length(url: str) -> float:
    query = parse_qs(urlsplit(url).query)
    return float(query["to"][0]) - float(query["from"][0])


def test_activity_is_filtered(page: Page, stage: Stage) -> None:
    show(page, "Activity")
    rows = page.locator(".t-body .t-row")
    expect(rows.first).to_be_visible()
    page.get_by_label("Resource", exact=True).select_option("spare")
    page.get_by_role("searchbox").fill("order")
    expect(rows).to_have_count(2)
    rows.first.click()
    expect(page.locator(".panel")).to_contain_text("spare")


def test_settings_show_faults_with_their_path_and_no_secret(page: Page, stage: Stage) -> None:
    faults = (Fault("dynamiccluster:cloud:burst:quantity:max", "must be a number", "say 8; or 9"), Fault("dynamiccluster:cluster:type", "unknown"))
    stage.status.config_error, stage.status.config_faults = str(ConfigurationError(faults)), faults
    stage.pass_time(5)
    show(page, "Settings")
    expect(page.locator(".faults code")).to_have_text(["dynamiccluster:cloud:burst:quantity:max", "dynamiccluster:cluster:type"])
    expect(page.locator(".faults li").first).to_contain_text("must be a number")
    expect(page.locator(".faults li").first).to_contain_text("say 8; or 9")
    expect(page.get_by_text("sge answers")).to_be_visible()
    expect(page.get_by_text("********").first).to_be_visible()
    assert SECRET not in page.content()


def test_an_engine_without_usable_settings_tells_why_in_every_view(page: Page, stage: Stage) -> None:
    faults = (Fault("dynamiccluster:cluster:type", "'sgee' is not known", "did you mean sge?"),)
    document = tell_faults({}, "lab", str(ConfigurationError(faults)), faults, stage.world.clock.now())
    stage.desk.show(document, {}, AdminServer(port=stage.port))
    expect(page.get_by_label("What is wrong")).to_contain_text("nothing is done until they are")
    page.reload()
    expect(page.locator(".pulse")).to_have_text("Settings unusable")
    expect(page.locator(".banner")).to_contain_text("Settings shows each fault and where it is")
    for view in ("Worker nodes", "Jobs", "Resources", "Graphs", "Activity", "Settings"):
        show(page, view)
        expect(page.locator("main h1")).to_have_text(view)
    expect(page.locator("main .card h2").first).to_have_text("Faults")
    expect(page.locator(".faults code")).to_have_text(["dynamiccluster:cluster:type"])
    expect(page.locator(".faults li").first).to_contain_text("did you mean sge?")
    expect(page.get_by_text("Nothing is decided until the settings are usable.")).to_be_visible()
    expect(page.get_by_text("the settings are not usable; /status tells their faults")).to_be_visible()


def test_an_unknown_address_shows_the_overview(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}#/no/such/view?x=<b>")
    expect(page.locator("main h1")).to_contain_text("10 run")
