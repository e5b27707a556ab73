"""`cluster: config:` for Grid Engine. Defaults: Debian's paths; seeds: version 1's texts, which mean "built in"."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from .batch import BatchSettings, Command
from .kinds import HostGroup
from .slots import ENVIRONMENT, GROUP, HOST, JOB, QUEUE, SLOTS, one_of
from .templates import CommandSpec, Slot, Template

_SEED = "/opt/sge/bin/lx-amd64/"
_DEBIAN = "/usr/bin/"


def _spec(command: str, *slots: Slot) -> CommandSpec:
    return CommandSpec(_DEBIAN + command, _SEED + command, slots)


COMMANDS = {
    "qstat_command": _spec("qstat -xml -r"),
    "qhost_command": _spec(
        "qhost -q -j -xml {0} {1}",
        one_of("-h or nothing", "-h", empty="dropped"),
        Slot("a host name or nothing", HOST.pattern, "dropped"),
    ),
    "hostgroup_command": _spec(
        "qconf {0} hostgroup hostlist {1} {2}", one_of("-aattr or -dattr", "-aattr", "-dattr"), HOST, GROUP
    ),
    "qmod_command": _spec("qmod {0} *@{1}", one_of("-e or -d", "-e", "-d"), HOST),
    "remove_node_command": _spec("qconf -de {0}", HOST),
    "set_slots_command": _spec("qconf -rattr queue slots {0} {1}@{2}", SLOTS, QUEUE, HOST),
    "unset_slots_command": _spec("qconf -purge queue slots {0}@{1}", QUEUE, HOST),
    "qconf_spl_command": _spec("qconf -spl"),
    "qconf_sp_command": _spec("qconf -sp {0} | grep allocation_rule | awk '{{print $2}}'", ENVIRONMENT),
    "qdel_command": _spec("qdel -f {0}", JOB),
}


def _default(name: str) -> Any:
    return Field(default=COMMANDS[name].default)


class SgeSettings(BatchSettings):
    """Grid Engine: its commands, and the host group of resources without `reservation: account`."""

    qstat_command: Command = _default("qstat_command")
    qhost_command: Command = _default("qhost_command")
    hostgroup_command: Command = _default("hostgroup_command")
    qmod_command: Command = _default("qmod_command")
    remove_node_command: Command = _default("remove_node_command")
    set_slots_command: Command = _default("set_slots_command")
    unset_slots_command: Command = _default("unset_slots_command")
    qconf_spl_command: Command = _default("qconf_spl_command")
    qconf_sp_command: Command = _default("qconf_sp_command")
    qdel_command: Command = _default("qdel_command")
    host_group: HostGroup = "@allhosts"

    @field_validator(*COMMANDS, mode="wrap")
    @classmethod
    def _read_command(cls, value: Any, _inner: Any, info: ValidationInfo) -> Template:
        return COMMANDS[str(info.field_name)].read(value)
