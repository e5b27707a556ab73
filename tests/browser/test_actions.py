"""Every action of the API from the page, asked for by name where jobs may end."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from saltext.dynamiccluster.model import Shape
from tests.browser.conftest import show
from tests.browser.stage import Stage


def asked(stage: Stage, name: str) -> list[dict]:
    """Return the arguments of the commands of this name that were no rehearsal."""
    return [item["arguments"] for item in stage.asked if item["name"] == name and not item["arguments"].get("test")]


def wait_for_command(page: Page, stage: Stage, name: str, times: int = 1) -> None:
    """Wait until the engine was told: a click is over before its request is."""
    for _ in range(1200):
        if len(asked(stage, name)) >= times:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{name} did not reach the engine")


def choose(page: Page, count: int) -> list[str]:
    rows = page.locator(".t-body .t-row")
    expect(rows).to_have_count(10)
    names = [str(rows.nth(index).get_attribute("data-id")) for index in range(count)]
    for index in range(count):
        rows.nth(index).locator("input").click()
    expect(page.locator(".chosen")).to_contain_text(f"{count} chosen")
    return names


def chosen_button(page: Page, name: str) -> Locator:
    return page.locator(".chosen").get_by_role("button", name=name, exact=True)


def test_hold_and_unhold_several_nodes(page: Page, stage: Stage) -> None:
    show(page, "Worker nodes")
    names = choose(page, 3)
    chosen_button(page, "Hold").click()
    expect(page.locator(".toast")).to_contain_text("Hold: 3 worker nodes")
    stage.pass_time(30)
    assert {stage.state_of(name) for name in names} == {"holding"}
    expect(page.locator(".t-body").get_by_text("Holding")).to_have_count(3)
    expect(chosen_button(page, "Hold")).to_be_disabled()
    chosen_button(page, "Unhold").click()
    expect(page.locator(".toast").last).to_contain_text("Unhold: 3 worker nodes")
    stage.pass_time(30)
    assert {stage.state_of(name) for name in names} == {"busy"}
    page.locator(".chosen").get_by_role("button", name="None").click()
    expect(page.locator(".chosen")).to_be_hidden()


def test_vacate_tells_what_it_ends_and_asks(page: Page, stage: Stage) -> None:
    show(page, "Worker nodes")
    names = choose(page, 2)
    chosen_button(page, "Vacate").click()
    dialog = page.get_by_role("dialog", name="Vacate 2 worker nodes?")
    expect(dialog).to_contain_text("2 jobs will end.")
    expect(dialog.locator("li")).to_have_count(2)
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert asked(stage, "vacate") == []
    chosen_button(page, "Vacate").click()
    dialog.get_by_role("button", name="Vacate").click()
    expect(page.locator(".toast")).to_contain_text("Vacate: 2 worker nodes")
    stage.pass_time(30)
    assert [stage.state_of(name) for name in names] == ["held", "held"]


def test_a_node_with_jobs_is_removed_only_by_force(page: Page, stage: Stage) -> None:
    show(page, "Worker nodes")
    name = str(page.locator(".t-body .t-row").first.get_attribute("data-id"))
    page.locator(".t-body .t-row").first.click()
    panel = page.get_by_role("dialog", name=name)
    panel.get_by_role("button", name="Remove").click()
    dialog = page.get_by_role("dialog", name=f"Remove {name}?")
    expect(dialog).to_contain_text("1 job runs there")
    expect(dialog.locator(".said .bad")).to_contain_text("force")
    dialog.get_by_role("button", name="Remove").click()
    expect(page.locator(".toast.failed")).to_contain_text(f"{name} runs")
    panel.get_by_role("button", name="Remove").click()
    dialog.get_by_label("End the jobs").check()
    dialog.get_by_role("button", name="Remove").click()
    expect(page.locator(".toast.done")).to_contain_text(f"{name} will be removed")
    stage.pass_time(120)
    assert stage.state_of(name) == "gone"
    expect(panel).to_contain_text("This node is gone.")


def test_a_resource_is_frozen_restored_and_drained(page: Page, stage: Stage) -> None:
    show(page, "Resources")
    box = page.locator("[data-resource=spare]")
    box.get_by_role("button", name="Freeze").click()
    wait_for_command(page, stage, "freeze")
    stage.pass_time(5)
    expect(box.locator("summary").first).to_contain_text("Frozen")
    expect(box.get_by_role("button", name="Add")).to_be_disabled()
    box.get_by_role("button", name="Restore").click()
    wait_for_command(page, stage, "restore")
    stage.pass_time(5)
    expect(box.locator("summary").first).to_contain_text("Normal")
    box.get_by_role("button", name="Drain").click()
    dialog = page.get_by_role("dialog", name="Drain spare?")
    expect(dialog.locator("li")).to_have_count(1)
    dialog.get_by_role("button", name="Drain").click()
    wait_for_command(page, stage, "drain")
    stage.pass_time(30)
    expect(box.locator("summary").first).to_contain_text("Draining")
    assert [len(asked(stage, name)) for name in ("freeze", "restore", "drain")] == [1, 1, 1]


def test_nodes_are_added_and_a_refusal_says_why(page: Page, stage: Stage) -> None:
    show(page, "Resources")
    box = page.locator("[data-resource=burst]")
    box.get_by_label("How many nodes to add to burst").fill("3")
    box.get_by_role("button", name="Add").click()
    expect(page.locator(".toast.failed")).to_contain_text("3 more nodes in burst are too many")
    name = next(name for name in stage.nodes() if name.startswith("burst"))
    stage.world.command("remove", node=name, force=True)
    stage.world.command("auto", enabled=False)
    stage.pass_time(120)
    expect(box.locator("summary").first).to_contain_text("7 of 8")
    box.get_by_label("How many nodes to add to burst").fill("1")
    box.get_by_role("button", name="Add").click()
    expect(page.locator(".toast.done")).to_contain_text("1 node being launched in burst")
    stage.pass_time(300)
    expect(box.locator("summary").first).to_contain_text("8 of 8")


def test_several_nodes_of_a_resource_are_held(page: Page, stage: Stage) -> None:
    show(page, "Resources")
    box = page.locator("[data-resource=spare]")
    box.get_by_label("Choose all").check()
    box.locator(".chosen").get_by_role("button", name="Hold", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Hold: 2 worker nodes")
    assert len(asked(stage, "hold")) == 2


def test_adopting_a_machine_rehearses_first(page: Page, stage: Stage) -> None:
    show(page, "Resources")
    page.get_by_label("Id of the machine").fill("i-nobody")
    page.get_by_role("button", name="Adopt").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".said .bad")).to_contain_text("burst has no room for another node")
    assert asked(stage, "adopt") == []
    dialog.get_by_role("button", name="Adopt").click()
    expect(page.locator(".toast.failed")).to_contain_text("burst has no room for another node")
    assert asked(stage, "adopt")[0]["instance"] == "i-nobody"


def test_an_orphan_is_adopted_and_serves(page: Page, stage: Stage) -> None:
    stage.world.command("auto", enabled=False)
    name = next(name for name in stage.nodes() if name.startswith("spare"))
    stage.world.command("remove", node=name, force=True)
    stage.pass_time(120)
    machine = stage.world.account.make({"Name": "by-hand"}, Shape(4, 8192))
    stage.world.minions.keys.add("by-hand")
    show(page, "Resources")
    page.get_by_label("Resource to adopt into").select_option("spare")
    page.get_by_label("Id of the machine").fill(machine.id)
    page.get_by_role("button", name="Adopt").click()
    dialog = page.get_by_role("dialog", name=f"Adopt {machine.id} into spare?")
    expect(dialog.locator(".said")).to_contain_text(f"instance {machine.id} is being adopted into spare")
    assert asked(stage, "adopt") == []
    dialog.get_by_role("button", name="Adopt").click()
    expect(page.locator(".toast.done")).to_contain_text(f"instance {machine.id} is being adopted into spare")
    wait_for_command(page, stage, "adopt")
    stage.pass_time(300)
    (node,) = [node for node in stage.world.core.plan.nodes if node.instance is not None and node.instance.id == machine.id]
    assert node.resource == "spare" and node.state.name in ("IDLE", "BUSY")
    box = page.locator("[data-resource=spare]")
    expect(box.locator("summary").first).to_contain_text("2 of 2")
    expect(box).to_contain_text(node.hostname)


def test_the_automatic_mode_stop_and_looking_again(page: Page, stage: Stage) -> None:
    show(page, "Settings")
    switch = page.get_by_role("switch")
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.press("Space")
    expect(page.locator(".toast").last).to_contain_text("automatic mode is off")
    stage.pass_time(5)
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(switch).to_be_focused()
    switch.click()
    expect(page.locator(".toast").last).to_contain_text("automatic mode is on")
    page.get_by_role("button", name="Look again now").click()
    expect(page.locator(".toast").last).to_contain_text("everything is read anew")
    page.get_by_role("button", name="Stop launches").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop launches").click()
    expect(page.locator(".toast").last).to_contain_text("nothing is launched any more")
    assert len(asked(stage, "stop")) == 1
