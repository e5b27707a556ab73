from __future__ import annotations

import pytest
from saltext.dynamiccluster.batch.commands import Completed
from saltext.dynamiccluster.errors import BatchRefused, BatchUnreachable, HostHasJobs, NameUnresolvable
from saltext.dynamiccluster.model import HoldBy, Reservation

from .world import World

NOTHING_SAID = Completed(0)


def test_a_node_joins_offline_with_our_note_slots_and_property():
    world = World()
    world.join("wn1", Reservation(property="cloud"))
    node = world.fake.nodes["wn1"]
    assert (node.np, node.properties, node.offline) == (4, ["cloud"], True)
    assert node.note.startswith("dynamiccluster: held")
    assert world.hosts()["wn1"].hold is HoldBy.US


def test_joining_again_sets_nothing_twice():
    world = World()
    world.join("wn1", Reservation(property="cloud"))
    before = len(world.fake.called("qmgr"))
    world.join("wn1", Reservation(property="cloud"))
    assert world.fake.nodes["wn1"].properties == ["cloud"] and len(world.fake.called("qmgr")) == before


def test_a_join_that_was_cut_short_is_completed():
    world = World()
    world.fake.boot("wn1")
    world.fake(("qmgr", "-c", "create node wn1"), timeout=1)
    world.join("wn1")
    assert world.hosts()["wn1"].hold is HoldBy.US and world.fake.nodes["wn1"].np == 4


def test_a_name_that_the_head_does_not_resolve():
    world = World()
    world.fake.overrides["getent"] = Completed(2)
    with pytest.raises(NameUnresolvable):
        world.join("wn1")
    assert not world.fake.called("qmgr", "-c", "create node wn1")


def test_a_name_that_pbs_server_does_not_resolve():
    world = World()
    world.fake.overrides["qmgr -c create"] = Completed(2, b"", b"qmgr obj=wn1 svr=default: Unknown node \n")
    with pytest.raises(NameUnresolvable):
        world.join("wn1")


def test_s24_create_that_is_refused_five_times_is_an_error_each_time_and_then_works():
    world = World()
    world.fake.overrides["qmgr -c create"] = Completed(2, b"", b"qmgr obj=wn1 svr=default: Unauthorized Request\n")
    for _ in range(5):
        with pytest.raises(BatchRefused, match="Unauthorized"):
            world.join("wn1")
    world.fake.overrides.clear()
    world.join("wn1")


@pytest.mark.parametrize("command", ["qmgr -c set node wn1 np", "qmgr -c set node wn1 properties", "pbsnodes -o"])
def test_a_change_that_exits_0_and_does_nothing_is_found_out(command):
    world = World()
    world.fake.overrides[command] = NOTHING_SAID
    with pytest.raises(BatchRefused):
        world.join("wn1", Reservation(property="cloud"))


def test_gpus_are_set_where_torque_knows_them():
    world = World()
    world.join("wn1", gpus=2)
    assert world.fake.called("qmgr", "-c", "set node wn1 gpus = 2")


def test_a_queue_that_does_not_exist_is_told_before_anything_is_made():
    world = World()
    with pytest.raises(BatchRefused, match="queue nosuch does not exist"):
        world.join("wn1", Reservation(queue="nosuch"))
    assert not world.fake.nodes


def test_a_released_node_has_no_note_of_ours():
    world = World()
    world.join("wn1")
    world.batch.unhold("wn1")
    assert world.fake.nodes["wn1"].note == "" and not world.fake.nodes["wn1"].offline
    world.fake.nodes["wn1"].offline = True  # pbsnodes -o, without a note
    assert world.hosts()["wn1"].hold is HoldBy.ADMINISTRATOR


def test_s23_hold_and_unhold():
    world = World()
    world.fake.add("wn1")
    world.batch.hold("wn1", 'idle for 600 s; `rm` $x\n"quoted"')
    assert world.fake.nodes["wn1"].note == "dynamiccluster: held: idle for 600 s; rm x quoted"
    world.batch.hold("wn1", "again")
    world.batch.unhold("wn1")
    world.batch.unhold("wn1")
    assert world.hosts()["wn1"].hold is HoldBy.NOBODY


@pytest.mark.parametrize("note", ["", "disk broken"])
def test_s18_an_administrators_hold_and_note_stay(note):
    world = World()
    node = world.fake.add("wn1", note=note)
    node.offline = True
    world.batch.hold("wn1", "idle")
    assert node.note == note and world.hosts()["wn1"].hold is HoldBy.ADMINISTRATOR


def test_s18_a_node_that_an_administrator_marked_is_not_deleted():
    world = World()
    node = world.fake.add("wn1", note="disk broken")
    node.offline = True
    with pytest.raises(BatchRefused, match="disk broken"):
        world.batch.remove("wn1")
    assert "wn1" in world.fake.nodes
    world.batch.remove("wn1", gone=True)
    assert "wn1" not in world.fake.nodes


@pytest.mark.parametrize("act", ["hold", "unhold"])
def test_unknown_nodes_and_missing_rights_are_told_although_pbsnodes_exits_with_0(act):
    world = World()
    call = {"hold": lambda: world.batch.hold("wn1", ""), "unhold": lambda: world.batch.unhold("wn1")}[act]
    with pytest.raises(BatchRefused, match="no node"):
        call()
    node = world.fake.add("wn1")
    node.offline, node.note = act == "unhold", "dynamiccluster: held: x" if act == "unhold" else ""
    world.fake.user = "alice"
    with pytest.raises(BatchRefused, match="Unauthorized"):
        call()


def test_a_node_with_jobs_is_never_deleted():
    world = World()
    world.fake.add("wn1")
    world.fake.run_job("wn1", "7")
    for gone in (False, True):
        with pytest.raises(HostHasJobs, match="7.tqm.tq.test"):
            world.batch.remove("wn1", gone=gone)
    assert not world.fake.called("qmgr", "-c", "delete node wn1")


def test_s16_an_empty_node_is_closed_and_deleted():
    world = World()
    world.fake.add("wn1")
    world.batch.remove("wn1")
    order = [call for call in world.fake.calls if call[:2] in (("pbsnodes", "-o"), ("qmgr", "-c"))]
    assert order[0][:2] == ("pbsnodes", "-o") and order[-1] == ("qmgr", "-c", "delete node wn1")
    world.batch.remove("wn1")  # again


def test_a_deletion_that_does_nothing_is_found_out():
    world = World()
    world.fake.add("wn1")
    world.fake.overrides["qmgr -c delete"] = NOTHING_SAID
    with pytest.raises(BatchRefused, match="still there"):
        world.batch.remove("wn1")


def test_a_command_of_the_site_runs_as_written_and_is_marked_first():
    world = World(pbsnodes_command="/usr/bin/pbsnodes -q {0} {1}")
    world.fake.overrides["pbsnodes -q -x wn1"] = Completed(0, b"<Data><Node><name>wn1</name><state>free</state><np>4</np></Node></Data>")
    with pytest.raises(BatchRefused):
        world.batch.hold("wn1", "idle")
    assert world.fake.calls[-3:-1] == [("pbsnodes", "-N", "dynamiccluster: held: idle", "wn1"), ("pbsnodes", "-q", "-o", "wn1")]


@pytest.mark.parametrize("name", ["wn1;reboot", "-wn1", "wn1 wn2", "$(reboot)"])
def test_names_from_outside_get_into_no_command(name):
    world = World()
    with pytest.raises(BatchRefused):
        world.batch.hold(name, "")
    assert not world.fake.calls


def test_a_server_that_is_down_is_no_missing_node():
    world = World()
    world.fake.add("wn1")
    world.fake.down = True
    for call in (lambda: world.batch.hold("wn1", ""), lambda: world.batch.remove("wn1"), lambda: world.join("wn2")):
        with pytest.raises(BatchUnreachable):
            call()


def test_torque_6_does_not_keep_what_is_set_in_the_first_seconds():
    world = World()
    world.fake.boot("wn1")
    world.fake(("qmgr", "-c", "create node wn1"), timeout=1)
    world.fake.nodes["wn1"].unsent = True
    with pytest.raises(BatchRefused, match="MOM-list-not-sent"):
        world.join("wn1")
    assert world.hosts()["wn1"].hold is HoldBy.US  # still one of ours that arrives
    world.fake.nodes["wn1"].unsent = world.fake.nodes["wn1"].offline = False  # by itself
    world.join("wn1")
    assert world.hosts()["wn1"].hold is HoldBy.US and world.fake.nodes["wn1"].note


def test_a_note_of_ours_that_outlived_its_hold_is_cleared():
    world = World()
    node = world.fake.add("wn1", note="dynamiccluster: held: idle")
    world.batch.unhold("wn1")
    assert node.note == ""
