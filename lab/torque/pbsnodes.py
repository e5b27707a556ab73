"""pbsnodes: the nodes as XML, as blocks or as a list; offline marks and notes."""

from __future__ import annotations

from xml.sax.saxutils import escape

from lab.torque.context import Context, options
from lab.torque.records import Node, Reply
from lab.torque.server import Server

_UNKNOWN = "pbsnodes: Unknown node  MSG=cannot locate specified node\n"
_STATES = ("free", "offline", "down", "reserve", "job-exclusive", "job-sharing", "busy", "time-shared", "state-unknown", "active", "all", "up")


def pbsnodes(context: Context) -> Reply:
    """Show nodes, or mark them. Marks of unknown nodes fail with status 0, as the real one does."""
    if context.words == ("--version",):
        return Reply(err=f"Version: {context.server.version}\nCommit: \n")
    given, names = options(context.words, "sN")
    if given.keys() & set("ocrN"):
        return _mark(context, given, names)
    if "l" in given:
        return _listing(context, "n" in given, names)
    unknown = [name for name in names if name not in context.server.nodes]
    if unknown:
        return Reply(1, err=_UNKNOWN)
    nodes = [context.server.nodes[name] for name in names] or list(context.server.nodes.values())
    if not nodes:
        return Reply(err="pbsnodes: Server has no node list\n") if context.server.v6 else Reply(1, err="pbsnodes: Server has no node list MSG=node list is empty - check 'server_priv/nodes' file\n")
    if "x" in given:
        return Reply(out="<Data>" + "".join(_xml(context.server, node) for node in nodes) + "</Data>\n")
    return Reply(out="".join(_block(context.server, node) for node in nodes))


def _mark(context: Context, given: dict[str, str], names: list[str]) -> Reply:
    errors = ""
    for name in names:
        node = context.server.nodes.get(name)
        if node is None:
            errors += f"Error marking node {name} - Unknown node \n"
        elif not context.is_manager:
            errors += f"Error marking node {name} - Unauthorized Request  MSG=error in permissions (PERM_OPorMGR)\n"
        elif node.listed_at > context.server.now:
            errors += f"Error marking node {name} - Invalid request \n"
        else:
            _apply(node, given)
    return Reply(err=errors)


def _apply(node: Node, given: dict[str, str]) -> None:
    if "o" in given:
        node.offline = True
    if given.keys() & set("cr"):
        node.offline = False
    if "N" in given:
        node.note = "" if given["N"] == "n" else given["N"]


def _listing(context: Context, notes: bool, words: list[str]) -> Reply:
    state = words[0] if words and words[0] in _STATES else ""
    rows = []
    for node in context.server.nodes.values():
        flags = context.server.state_of(node).split(",")
        wanted = state == "all" or (state in flags if state else bool({"down", "offline", "state-unknown"} & set(flags)))
        if wanted:
            rows.append(f"{node.name:20} {','.join(flags):25}  {node.note if notes else ''}".rstrip() + "\n")
    return Reply(out="".join(rows))


def fields(server: Server, node: Node) -> list[tuple[str, str]]:
    """Return what is shown of a node, in order."""
    found = [("state", server.state_of(node))]
    found += [("power_state", "Running")] if server.v6 else []
    found += [("np", str(node.np))]
    found += [("properties", ",".join(node.properties))] if node.properties else []
    found += [("ntype", "cluster")]
    jobs = _jobs(server, node)
    found += [("jobs", jobs)] if jobs else []
    found += [("status", status(server, node))] if node.contacted else []
    found += [("note", node.note)] if node.note else []
    found += [("mom_service_port", "15002"), ("mom_manager_port", "15003")]
    found += [("gpus", str(node.gpus))] if node.gpus else []
    if server.v6 and node.contacted:
        found += [("total_sockets", "1"), ("total_numa_nodes", "1"), ("total_cores", str(node.np)), ("total_threads", str(node.np))]
    return found


def _jobs(server: Server, node: Node) -> str:
    """Return `0/1.srv,1/1.srv`, and `0-1/1.srv` from 6.1 on."""
    on = [(slot, job.id) for slot, job in server.on_node(node)]
    if not server.v6:
        return ",".join(f"{slot}/{job_id}" for slot, job_id in on)
    return ",".join(f"{slots(one for one, owner in on if owner == job_id)}/{job_id}" for job_id in dict.fromkeys(job_id for _, job_id in on))


def slots(numbers: object) -> str:
    """Return numbers as 6.1 writes them: `0-1,3`."""
    parts: list[list[int]] = []
    for number in sorted(numbers):  # type: ignore[call-overload]
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def status(server: Server, node: Node) -> str:
    """Return what the node's mom last reported."""
    facts = node.facts
    jobs = " ".join(dict.fromkeys(job.id for _, job in server.on_node(node) if job.hosts[0] == node.name))
    return (f"rectime={int(node.contacted)},varattr=,jobs={jobs},state=free,netload=19369,gres=,loadave={facts['loadave']},ncpus={facts['ncpus']},"
            f"physmem={facts['physmem']},availmem={facts['availmem']},totmem={facts['totmem']},idletime=214786,nusers=1,nsessions=2,"
            f"sessions=1633 1638,uname=Linux {node.name} 6.1.0 #1 SMP PREEMPT_DYNAMIC @0 x86_64,opsys=linux")


def _xml(server: Server, node: Node) -> str:
    body = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields(server, node))
    return f"<Node><name>{escape(node.name)}</name>{body}</Node>"


def _block(server: Server, node: Node) -> str:
    return node.name + "\n" + "".join(f"     {name} = {value}\n" for name, value in fields(server, node)) + "\n"
