"""qmgr: nodes, queues and the server's attributes, by -c or line by line on standard input."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from lab.torque import qmgrshow
from lab.torque.context import Context, options
from lab.torque.qmgrshow import Refused
from lab.torque.records import Node, Queue, Reply

Refuse = Callable[[str], Refused]

_VERBS = {"c": "create", "d": "delete", "s": "set", "u": "unset", "l": "list", "p": "print", "a": "active", "q": "quit"}
_OBJECTS = {"s": "server", "n": "node", "q": "queue"}
_SETTING = re.compile(r"\s*([\w.]+)\s*(\+=|-=|=)\s*(\"[^\"]*\"|'[^']*'|[^,\s\"']+(?:,(?!\s*[\w.]+\s*(?:\+=|-=|=))[^,\s\"']+)*)\s*(?:,|$)")
_QUIT = frozenset({"quit", "exit", "q"})


@dataclass(frozen=True)
class Setting:
    """One attribute with its operator (=, += or -=) and value."""

    name: str
    operator: str
    value: str


def qmgr(context: Context) -> Reply:
    """Carry out -c, or standard input line by line: then errors do not change the status."""
    given, _ = options(context.words, "c")
    if "c" in given:
        return _one(context, given["c"])
    out, errors = f"Max open servers: {10239 if context.server.v6 else 9}\n", ""
    for line in context.stdin.splitlines():
        if not line.strip() or line.strip().startswith("#"):
            continue
        if line.strip() in _QUIT:
            break
        reply = _one(context, line.strip())
        out += line.strip() + "\n" + reply.out
        errors += reply.err
    return Reply(0, out, errors)


def _one(context: Context, text: str) -> Reply:
    try:
        seconds, out = _carry_out(context, text)
    except Refused as refused:
        return Reply(2, err=f"{refused}\n")
    return Reply(0, out, seconds=seconds)


def _carry_out(context: Context, text: str) -> tuple[float, str]:
    words = text.split(None, 2)
    verb = _VERBS.get(words[0][0], "") if words else ""
    kind = _OBJECTS.get(words[1][0], "") if len(words) > 1 else ""
    if not verb or not kind or not verb.startswith(words[0]) or not kind.startswith(words[1].rstrip("s") or "s"):
        raise Refused(f"qmgr: Illegal operation: {text}\nTry 'help' if you are having trouble.")
    rest = words[2] if len(words) > 2 else ""
    names, attributes = ([""], rest) if kind == "server" else _names(rest)
    if verb in ("list", "print"):
        return 0.0, qmgrshow.show(context.server, verb, kind, names)
    settings = _settings(text, attributes, verb)
    seconds = 0.0
    for name in names:
        seconds += _change(context, verb, kind, name, settings)
    return seconds, ""


def _names(rest: str) -> tuple[list[str], str]:
    names, _, attributes = rest.partition(" ")
    return [name for name in names.split(",") if name], attributes


def _settings(line: str, text: str, verb: str) -> list[Setting]:
    if verb == "unset":
        return [Setting(name.strip(), "unset", "") for name in text.split(",")]
    found, place = [], 0
    while place < len(text):
        match = _SETTING.match(text, place)
        if match is None:
            raise Refused(f"qmgr: Syntax error - cannot locate attribute\n{line}\n{' ' * (len(line) + 1)}^")
        found.append(Setting(match[1], match[2], shlex.split(match[3])[0] if match[3][0] in "\"'" and len(match[3]) > 2 else match[3].strip("\"'")))
        place = match.end()
    if verb == "set" and not found:
        raise Refused(f"qmgr: Syntax error - cannot locate attribute\n{line}\n{' ' * (len(line) + 1)}^")
    return found


def _change(context: Context, verb: str, kind: str, name: str, settings: list[Setting]) -> float:
    def refuse(text: str) -> Refused:
        return Refused(f"qmgr obj={name} svr=default: {text}")

    if not context.is_manager:
        raise refuse("Unauthorized Request  MSG=error in permissions (PERM_MANAGER)")
    if kind == "server":
        for one in settings:
            _set_text(context.server.attributes, one)
        return 0.0
    if kind == "queue":
        _change_queue(context, verb, name, settings, refuse)
        return 0.0
    return _change_node(context, verb, name, settings, refuse)


def _change_queue(context: Context, verb: str, name: str, settings: list[Setting], refuse: Refuse) -> None:
    queues = context.server.queues
    if verb == "create":
        queues[name] = Queue(name, kind="", enabled=False, started=False)
    elif name not in queues:
        raise refuse("Unknown queue MSG=queue not found")
    if verb == "delete":
        del queues[name]
        return
    for one in settings:
        if one.name == "queue_type":
            queues[name].kind = "Route" if one.value.lower().startswith("r") else "Execution"
        elif one.name in ("enabled", "started"):
            setattr(queues[name], one.name, one.value.lower() in ("true", "t", "1", "y"))
        else:
            _set_text(queues[name].attributes, one)


def _set_text(attributes: dict[str, str], one: Setting) -> None:
    if one.operator == "unset":
        attributes.pop(one.name, None)
    elif one.operator == "+=" and attributes.get(one.name):
        attributes[one.name] += f",{one.value}"
    elif one.operator == "-=":
        attributes[one.name] = ",".join(word for word in attributes.get(one.name, "").split(",") if word != one.value)
    else:
        attributes[one.name] = one.value


def _change_node(context: Context, verb: str, name: str, settings: list[Setting], refuse: Refuse) -> float:
    server = context.server
    if verb == "create":
        if name in server.nodes:
            raise refuse("Node name already exists")
        if not server.resolve(name):
            raise refuse("Unknown node ")
        server.create_node(name)
    node = server.nodes.get(name)
    if node is None:
        raise refuse("Unknown node ")
    if verb == "delete":
        return server.delete_node(name)
    for one in settings:
        _set_node(node, one, refuse)
    return 0.0


def _set_node(node: Node, one: Setting, refuse: Refuse) -> None:
    if one.operator == "unset":
        raise refuse("Invalid request")
    if one.name in ("np", "gpus"):
        if not one.value.isdigit():
            raise refuse("Illegal attribute or resource value for ")
        setattr(node, one.name, int(one.value))
    elif one.name == "properties":
        _set_properties(node, one)
    elif one.name == "state":
        flags = one.value.split(",")
        node.offline, node.down = "offline" in flags, "down" in flags
    elif one.name == "note":
        node.note = one.value
    elif one.name != "ntype":
        raise refuse(f"Undefined attribute  {one.name}")


def _set_properties(node: Node, one: Setting) -> None:
    words = [word for word in re.split(r"[,\s]+", one.value) if word]
    if one.operator == "=":
        node.properties = words
    elif one.operator == "+=":
        node.properties = node.properties + words  # a property given twice is there twice
    else:
        for word in words:
            if word in node.properties:
                node.properties.remove(word)
