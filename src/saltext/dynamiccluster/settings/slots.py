"""What values from outside may stand in a command. The characters allowed mean nothing to a shell, quoted or not."""

from __future__ import annotations

from .templates import CommandSpec, Slot

HOST = Slot("a host name", r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")
QUEUE = Slot("a queue's name", r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
GROUP = Slot("a host group", r"@?[A-Za-z0-9_][A-Za-z0-9_.-]*")
SLOTS = Slot("a number of slots", r"[0-9]{1,9}")
# Grid Engine: 12, 12.3, 12.1-9:2; Torque: 12.server, 12[3].server
JOB = Slot("a job id", r"[0-9]+(?:\[[0-9]*\])?(?:\.[A-Za-z0-9_.:-]+)?")
ENVIRONMENT = Slot("a parallel environment", r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
ATTRIBUTE = Slot("an attribute's name", r"[A-Za-z_][A-Za-z0-9_.]*")
OPERATOR = Slot("an operator", r"[+-]?=")
VALUE = Slot("an attribute's value", r"[A-Za-z0-9_@+][A-Za-z0-9_.@:+=,%/-]*")
ACCOUNT = Slot("a queue or account", r"[A-Za-z0-9_@][A-Za-z0-9_.@:+-]*")
SIGNAL = Slot("a signal", r"[A-Z0-9]{1,20}")


def one_of(what: str, *options: str, empty: str = "refused") -> Slot:
    """Return a slot that takes one of these options and nothing else."""
    return Slot(what, "|".join(options), empty)  # type: ignore[arg-type]


# A hook's values keep their places: an address that is not known is ''.
_HOOK = (
    Slot("the host name", HOST.pattern, "kept"),
    Slot("the IP address", r"[0-9A-Fa-f:.]{2,45}", "kept"),
    Slot("the instance's name", HOST.pattern, "kept"),
    Slot("the resource's name", r"[A-Za-z0-9][A-Za-z0-9_.-]*", "kept"),
)
HOOK = CommandSpec("", slots=_HOOK, demands=False)
HOSTNAME = CommandSpec(
    "",
    slots=(
        Slot("the IP address", r"[0-9A-Fa-f:.]{2,45}"),
        Slot("the instance's name", HOST.pattern),
        Slot("the resource's name", r"[A-Za-z0-9][A-Za-z0-9_.-]*"),
    ),
    demands=False,
)
PLAIN = CommandSpec("")
