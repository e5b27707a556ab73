"""`cluster: config:` for Torque with Maui. Version 1's texts are the defaults too, and mean "built in"."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from .batch import BatchSettings, Command
from .slots import ACCOUNT, ATTRIBUTE, HOST, JOB, OPERATOR, PLAIN, SIGNAL, VALUE, one_of
from .templates import CommandSpec, Slot, Template

_BIN = "/usr/bin/"


def _spec(command: str, *slots: Slot) -> CommandSpec:
    text = _BIN + command
    return CommandSpec(text, text, slots)


COMMANDS = {
    "qstat_command": _spec("qstat -x -t"),
    "pbsnodes_command": _spec(
        "pbsnodes {0} {1}",
        one_of("-x, -o or -c", "-x", "-o", "-c"),
        Slot("a host name or nothing", HOST.pattern, "dropped"),
    ),
    "add_node_command": _spec('qmgr -c "create node {0}"', HOST),
    "check_node_command": _spec("checknode {0}", HOST),
    "remove_node_command": _spec('qmgr -c "delete node {0}"', HOST),
    "set_node_command": _spec('qmgr -c "set node {0} {1} {2} {3}"', HOST, ATTRIBUTE, OPERATOR, VALUE),
    "diagnose_p_command": _spec("diagnose -p"),
    "showres_command": _spec("showres -n | grep {0}", HOST),
    "setres_command": _spec("setres {0} {1} {2}", one_of("-q or -a", "-q", "-a"), ACCOUNT, HOST),
    "releaseres_command": _spec(
        "releaseres `/usr/bin/showres -n | grep User | grep {0} | grep {1} | awk '{{print $3}}' `", HOST, ACCOUNT
    ),
    "delete_job_command": _spec("qdel -p {0}", JOB),
    "signal_job_command": _spec("qsig -s {0} {1}", SIGNAL, JOB),
}


def _default(name: str) -> Any:
    return Field(default=COMMANDS[name].default)


class TorqueSettings(BatchSettings):
    """Torque and Maui: their commands. `restart_server_command`: off unless given."""

    qstat_command: Command = _default("qstat_command")
    pbsnodes_command: Command = _default("pbsnodes_command")
    add_node_command: Command = _default("add_node_command")
    check_node_command: Command = _default("check_node_command")
    remove_node_command: Command = _default("remove_node_command")
    set_node_command: Command = _default("set_node_command")
    diagnose_p_command: Command = _default("diagnose_p_command")
    showres_command: Command = _default("showres_command")
    setres_command: Command = _default("setres_command")
    releaseres_command: Command = _default("releaseres_command")
    delete_job_command: Command = _default("delete_job_command")
    signal_job_command: Command = _default("signal_job_command")
    restart_server_command: Command | None = None

    @field_validator(*COMMANDS, mode="wrap")
    @classmethod
    def _read_command(cls, value: Any, _inner: Any, info: ValidationInfo) -> Template:
        return COMMANDS[str(info.field_name)].read(value)

    @field_validator("restart_server_command", mode="wrap")
    @classmethod
    def _read_restart(cls, value: Any, _inner: Any) -> Template:
        return PLAIN.read(value)
