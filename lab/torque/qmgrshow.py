"""What qmgr's `list` and `print` show."""

from __future__ import annotations

from collections.abc import Container

from lab.torque import pbsnodes
from lab.torque.records import Queue
from lab.torque.server import Server

_NODES = "#\n# Create nodes and set their properties.\n#\n"


class Refused(Exception):
    """A request that is not carried out. The text is what qmgr prints."""


def show(server: Server, verb: str, kind: str, names: list[str]) -> str:
    """Return the text of `list` or `print` for the server, queues or nodes. Raises Refused for an unknown object."""
    if kind == "server":
        return _list_server(server) if verb == "list" else _print_queues(server, list(server.queues)) + _print_server(server)
    if kind == "queue":
        chosen = [name for name in names if not name.startswith("@")] or list(server.queues)
        _require(chosen, server.queues, "Unknown queue MSG=queue not found")
        return "".join(_list_queue(server.queues[name]) for name in chosen) if verb == "list" else _print_queues(server, chosen)
    chosen = [name for name in names if not name.startswith("@")] or list(server.nodes)
    _require(chosen, server.nodes, "Unknown node  MSG=cannot locate specified node")
    if verb == "list":
        return "".join(_list_node(server, name) for name in chosen)
    return _NODES + "".join(_print_node(server, name) for name in chosen)


def _require(names: list[str], known: Container[str], text: str) -> None:
    for name in names:
        if name not in known:
            raise Refused(f"qmgr obj={name} svr=default: {text}")


def _list_server(server: Server) -> str:
    rows = [f"\t{name} = {value}\n" for name, value in server.attributes.items()]
    return f"Server {server.name}\n\tserver_state = Active\n" + "".join(rows) + f"\tpbs_version = {server.version}\n\tnext_job_number = {server.next_number}\n\n"


def _print_server(server: Server) -> str:
    rows = [f"set server {name} = {value}\n" for name, value in server.attributes.items()]
    tail = f"set server next_job_number = {server.next_number}\nset server moab_array_compatible = True\nset server nppcu = 1\n"
    return "#\n# Set server attributes.\n#\n" + "".join(rows) + tail


def queue_fields(queue: Queue) -> list[tuple[str, str]]:
    """Return what is set of a queue, in order."""
    return [("queue_type", queue.kind), *queue.attributes.items(), ("enabled", str(queue.enabled)), ("started", str(queue.started))]


def _print_queues(server: Server, names: list[str]) -> str:
    text = "#\n# Create queues and set their attributes.\n#\n"
    for name in names:
        text += f"#\n# Create and define queue {name}\n#\ncreate queue {name}\n"
        text += "".join(f"set queue {name} {key} = {value}\n" for key, value in queue_fields(server.queues[name]))
    return text


def _list_queue(queue: Queue) -> str:
    return f"Queue {queue.name}\n" + "".join(f"\t{key} = {value}\n" for key, value in queue_fields(queue)) + "\n"


def _list_node(server: Server, name: str) -> str:
    rows = [f"\t{key} = {_wrapped(value) if key == 'status' else value}\n" for key, value in pbsnodes.fields(server, server.nodes[name])]
    return f"Node {name}\n" + "".join(rows) + "\n"


def _wrapped(text: str) -> str:
    """Cut a long value at commas, as qmgr does."""
    lines = [""]
    for part in text.split(","):
        if len(lines[-1]) + len(part) > 60:
            lines.append("")
        lines[-1] += part + ","
    return ("\n" + " " * 17).join(lines).removesuffix(",")


def _print_node(server: Server, name: str) -> str:
    text = f"#\n# Create and define node {name}\n#\ncreate node {name}\n"
    for key, value in pbsnodes.fields(server, server.nodes[name]):
        if key == "status":
            first, *more = value.split(",")
            text += f"set node {name} status = {first}\n" + "".join(f"set node {name} status += {part}\n" for part in more)
        elif not key.endswith("_port"):
            text += f"set node {name} {key} = {value}\n"
    return text
