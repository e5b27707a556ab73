from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.torque import checks
from saltext.dynamiccluster.model import Reservation

from .world import World


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    monkeypatch.setattr(checks.shutil, "which", lambda program: program)


def findings(world: World) -> dict[str, object]:
    found = {finding.what: finding for finding in world.batch.check()}
    changing = {"create", "set", "delete"}
    assert not [call for call in world.fake.calls if call[0] in ("setres", "releaseres", "releasehold", "qdel", "service")]
    assert not [call for call in world.fake.called("qmgr", "-c") if call[2].split()[0] in changing]
    return found


def failing(world: World) -> str:
    return "\n".join(f"{finding.what}: {finding.detail}; {finding.remedy}" for finding in findings(world).values() if not finding.ok)


def sound(**settings) -> World:
    world = World(restart_server_command="service pbs_server restart", **settings)
    world.fake.server["resources_available.nodect"] = "1000"
    world.fake.maui_settings["DEFERTIME[0]"] = "00:00:00"
    return world


def test_a_sound_server():
    world = sound()
    world.fake.add("wn1")
    assert failing(world) == ""


def test_t6_deferral_is_found():
    world = sound()
    world.fake.maui_settings["DEFERTIME[0]"] = "1:00:00"
    assert "set DEFERTIME 0 in maui.cfg" in failing(world)


def test_jobs_that_qsub_would_reject():
    world = sound()
    world.fake.add("wn1")
    del world.fake.server["resources_available.nodect"]
    assert "resources_available.nodect = 1000" in failing(world) and "placeholder" in failing(world)
    placeholder = world.fake.add("placeholder")
    placeholder.offline, placeholder.heard, placeholder.alive = True, False, False
    assert failing(world) == ""


def test_jobs_over_several_nodes():
    world = World()
    world.fake.server["resources_available.nodect"] = "1"
    assert "restart_server_command" in failing(world)
    world.fake.version = "6.1.3"
    assert "several nodes" not in failing(world)


def test_a_user_without_rights():
    world = sound()
    world.fake.user = "salt"
    world.fake.server["query_other_jobs"] = "False"
    assert "managers += salt" in failing(world) and "query_other_jobs = True" in failing(world)


def test_a_reservation_that_cannot_be():
    world = World(Reservation(queue="nosuch"))
    assert "queue nosuch does not exist" in failing(world)


def test_server_and_scheduler_that_do_not_answer():
    world = sound()
    world.fake.maui_down = True
    assert failing(world).startswith("Maui answers")
    world.fake.down = True
    assert failing(world).startswith("Torque answers")


def test_programs_that_are_not_there(monkeypatch):
    monkeypatch.setattr(checks.shutil, "which", lambda program: None if program.endswith("setres") else program)
    assert "setres_command exists" in failing(sound())


def test_a_listing_without_the_elements_of_arrays():
    assert "add -t" in failing(sound(qstat_command="/usr/bin/qstat -x"))
