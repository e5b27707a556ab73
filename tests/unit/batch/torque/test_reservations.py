from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.commands import Completed
from saltext.dynamiccluster.errors import BatchRefused, BatchUnreachable
from saltext.dynamiccluster.model import Reservation

from .world import World

QUEUE, ACCOUNT = Reservation(queue="short"), Reservation(account="projectx")


def joined(reservation: Reservation, *others: str, name: str = "node1") -> World:
    world = World(reservation)
    for other in (*others, name):
        world.fake.seen[other] = "Idle"
    world.join(name, reservation)
    return world


@pytest.mark.parametrize(("reservation", "kept"), [(QUEUE, ("short.0", "node1")), (ACCOUNT, ("projectx.0", "node1"))])
def test_a_node_is_reserved_and_released_with_it(reservation, kept):
    world = joined(reservation)
    assert world.fake.reservations == [kept]
    assert world.hosts()["node1"].reservation == reservation
    world.batch.remove("node1")
    assert world.fake.reservations == [] and "node1" not in world.fake.nodes


def test_s32_only_this_node_is_reserved_and_only_its_reservation_released():
    world = joined(ACCOUNT, "node10", "node11")
    assert world.fake.reservations == [("projectx.0", "node1")]
    world.fake.reservations += [("projectx.1", "node10"), ("projectx.2", "node11")]
    world.batch.remove("node1")
    assert world.fake.reservations == [("projectx.1", "node10"), ("projectx.2", "node11")]


def test_a_reservation_that_holds_other_nodes_too_stays():
    world = joined(ACCOUNT)
    world.fake.reservations.append(("projectx.0", "node10"))
    world.batch.remove("node1")
    assert ("projectx.0", "node10") in world.fake.reservations


def test_a_reservation_of_the_wrong_node_is_ended_again():
    world = World(ACCOUNT)
    world.fake.seen |= {"node1": "Idle", "node10": "Idle"}
    # an anchored pattern that this Maui does not take, so that the plain name is tried, which is found in both
    world.fake.overrides["setres -a projectx ^"] = Completed(1, b"", b"ERROR:    no matches found for node expression\n")
    with pytest.raises(BatchRefused, match="node10"):
        world.join("node1", ACCOUNT)
    assert world.fake.reservations == []


def test_setting_it_again_makes_no_second_one():
    world = joined(QUEUE)
    world.join("node1", QUEUE)
    assert world.fake.reservations == [("short.0", "node1")]


def test_what_a_former_machine_of_this_name_left_behind_is_ended():
    world = World(QUEUE, ACCOUNT)
    world.fake.seen["node1"] = "Down"
    world.fake.reservations = [("projectx.4", "node1"), ("system.1", "node1")]
    world.join("node1", QUEUE)
    assert world.fake.reservations == [("system.1", "node1"), ("short.0", "node1")]


def test_a_node_that_maui_has_not_seen_yet_is_asked_for_later():
    world = World(QUEUE)
    with pytest.raises(BatchRefused, match="does not know node1 yet"):
        world.join("node1", QUEUE)
    assert world.fake.nodes["node1"].offline and world.fake.reservations == []
    world.fake.poll()
    world.join("node1", QUEUE)
    assert world.fake.reservations == [("short.0", "node1")]


def test_a_success_that_reserved_nothing_is_found_out():
    world = World(QUEUE)
    world.fake.seen["node1"] = "Idle"
    world.fake.overrides["setres"] = Completed(
        0, b"\nreservation created\n\n\nreservation 'short.7' created on 1 node (2 tasks)\nnode1:1\n"
    )
    with pytest.raises(BatchRefused, match="without a reservation"):
        world.join("node1", QUEUE)


def test_a_release_that_is_refused_with_status_0_keeps_the_node():
    world = joined(QUEUE)
    world.fake.overrides["releaseres"] = Completed(0, b"\n\nERROR:     user alice is not authorized to release reservation 'short.0'\n\n")
    with pytest.raises(BatchRefused, match="not authorized"):
        world.batch.remove("node1")
    assert "node1" in world.fake.nodes


def test_maui_down_leaves_a_reserved_node_where_it_is():
    world = joined(QUEUE)
    world.fake.maui_down = True
    with pytest.raises(BatchUnreachable):
        world.batch.remove("node1")
    assert "node1" in world.fake.nodes


def test_without_reservations_maui_is_not_needed_to_join_or_leave():
    world = World()
    world.fake.maui_down = True
    world.join("node1")
    world.batch.remove("node1")
    assert not world.fake.nodes


def test_commands_of_the_site_run_as_written():
    world = World(
        QUEUE,
        setres_command="/usr/bin/setres {0} {1} {2} ",
        releaseres_command="/usr/local/sbin/unreserve {0} {1}",
    )
    world.fake.seen["node1"] = "Idle"
    world.join("node1", QUEUE)
    world.fake.overrides["unreserve"] = Completed(0)
    with pytest.raises(BatchRefused, match="still there"):
        world.batch.remove("node1")
    assert world.fake.called("unreserve") == [("unreserve", "node1", "short")]


def test_a_queue_and_an_account_make_two():
    both = Reservation(queue="short", account="projectx")
    world = joined(both)
    assert world.fake.reservations == [("short.0", "node1"), ("projectx.0", "node1")]
    assert world.hosts()["node1"].reservation == both
    world.batch.remove("node1")
    assert world.fake.reservations == []


def test_s32_through_ssh_as_well():
    world = World(ACCOUNT, setres_command="sudo /usr/bin/setres {0} {1} {2}", releaseres_command="sudo releaseres {0} {1}")
    run = world.fake

    def through_sudo(argv, *, timeout):
        return run(argv[1:] if argv[0] == "sudo" else argv, timeout=timeout)

    world.batch._tools._run = through_sudo
    world.fake.seen = {"node1": "Idle", "node10": "Idle"}
    world.join("node1", ACCOUNT)
    assert world.fake.reservations == [("projectx.0", "node1")]
    world.fake.reservations.append(("projectx.1", "node10"))
    world.batch.remove("node1")
    assert world.fake.reservations == [("projectx.1", "node10")]


def test_a_script_of_the_site_shows_the_reservations_of_one_node():
    world = World(ACCOUNT, showres_command="/usr/local/sbin/reserved {0}")
    world.fake.seen = {"node1": "Idle"}
    world.fake.overrides["reserved node1"] = Completed(
        0, b"   node1       User      projectx.0        N/A    1   -00:00:18    INFINITE  Sun Nov 22 06:27:15\n"
    )
    world.join("node1", ACCOUNT)
    assert not world.fake.called("setres")
    assert world.batch.observe().health["maui"] is True
