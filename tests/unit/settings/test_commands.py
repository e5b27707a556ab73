"""The command texts of version 1: each means "built in", and becomes the call that the batch system's manual shows."""

from __future__ import annotations

import pytest
from saltext.dynamiccluster.settings import sge, torque

SGE_TEXTS = {
    "qstat_command": "qstat -xml -r",
    "qhost_command": "qhost -q -j -xml {0} {1}",
    "hostgroup_command": "qconf {0} hostgroup hostlist {1} {2}",
    "qmod_command": "qmod {0} *@{1}",
    "remove_node_command": "qconf -de {0}",
    "set_slots_command": "qconf -rattr queue slots {0} {1}@{2}",
    "unset_slots_command": "qconf -purge queue slots {0}@{1}",
    "qconf_spl_command": "qconf -spl",
    "qconf_sp_command": "qconf -sp {0} | grep allocation_rule | awk '{{print $2}}'",
    "qdel_command": "qdel -f {0}",
}


@pytest.mark.parametrize("directory", ["/opt/sge/bin/lx-amd64/", "/usr/bin/", "/sw/sge-8.1.9/bin/", ""])
@pytest.mark.parametrize("name", sorted(sge.COMMANDS))
def test_version_1_texts_for_grid_engine_are_built_in(name, directory):
    text = directory + SGE_TEXTS[name]
    found = sge.SgeSettings.model_validate({name: text})
    assert getattr(found, name).is_builtin
    assert getattr(found, name).program == text.split()[0]


@pytest.mark.parametrize("name", sorted(torque.COMMANDS))
def test_version_1_texts_for_torque_are_built_in(name):
    default = getattr(torque.TorqueSettings(), name)
    moved = torque.TorqueSettings.model_validate({name: default.text.replace("/usr/bin", "/opt/torque/bin")})
    assert default.is_builtin and getattr(moved, name).is_builtin
    assert getattr(moved, name).text != default.text


@pytest.mark.parametrize(
    ("name", "values", "argv"),
    [
        ("qhost_command", (), "/usr/bin/qhost -q -j -xml"),
        ("qhost_command", ("-h", "n1"), "/usr/bin/qhost -q -j -xml -h n1"),
        ("hostgroup_command", ("-aattr", "n1", "@burst"), "/usr/bin/qconf -aattr hostgroup hostlist n1 @burst"),
        ("qmod_command", ("-d", "n1"), "/usr/bin/qmod -d *@n1"),
        ("remove_node_command", ("n1",), "/usr/bin/qconf -de n1"),
        ("set_slots_command", (8, "all.q", "n1"), "/usr/bin/qconf -rattr queue slots 8 all.q@n1"),
        ("unset_slots_command", ("all.q", "n1"), "/usr/bin/qconf -purge queue slots all.q@n1"),
        ("qdel_command", ("12.3",), "/usr/bin/qdel -f 12.3"),
    ],
)
def test_grid_engine_calls_need_no_shell(name, values, argv):
    command = getattr(sge.SgeSettings(), name)
    assert not command.needs_shell
    assert command.argv(*values) == tuple(argv.split())


@pytest.mark.parametrize(
    ("name", "values", "last"),
    [
        ("add_node_command", ("n1",), "create node n1"),
        ("remove_node_command", ("n1",), "delete node n1"),
        ("set_node_command", ("n1", "properties", "+=", "cloud"), "set node n1 properties += cloud"),
        ("set_node_command", ("n1", "np", "=", 8), "set node n1 np = 8"),
        ("signal_job_command", ("SIGTERM", "14[2].head"), "14[2].head"),
        ("pbsnodes_command", ("-x",), "-x"),
        ("setres_command", ("-q", "short", "n1"), "n1"),
    ],
)
def test_torque_calls_need_no_shell(name, values, last):
    command = getattr(torque.TorqueSettings(), name)
    assert not command.needs_shell
    assert command.argv(*values)[-1] == last


def test_torque_pipes_need_one():
    settings = torque.TorqueSettings()
    assert settings.showres_command.argv("n1") == ("/bin/sh", "-c", "/usr/bin/showres -n | grep n1")
    assert "awk '{print $3}'" in settings.releaseres_command.argv("n1", "short")[2]


def test_restarting_the_server_is_off_unless_given():
    assert torque.TorqueSettings().restart_server_command is None
    given = torque.TorqueSettings.model_validate({"restart_server_command": "service pbs_server restart"})
    assert given.restart_server_command.argv() == ("service", "pbs_server", "restart")
