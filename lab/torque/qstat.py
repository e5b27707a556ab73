"""qstat: jobs as XML, in full and as tables; queues and the server."""

from __future__ import annotations

import time
from collections.abc import Iterable
from xml.sax.saxutils import escape

from lab.torque import qmgrshow, qstattable
from lab.torque.context import Context, options
from lab.torque.jobfields import Field, fields
from lab.torque.records import Job, Reply
from lab.torque.server import Server

_UNKNOWN = 153


def qstat(context: Context) -> Reply:
    """Show jobs. No job at all: nothing is printed, status 0, also with -x."""
    if context.words == ("--version",):
        return Reply(err=f"Version: {context.server.version}\nCommit: \n")
    given, operands = options(context.words, "uW")
    operands = [word for word in operands if not word.startswith("@")]
    if "Q" in given:
        return _queues(context.server, "f" in given, operands)
    if "B" in given:
        return Reply(out=_server(context.server, "f" in given))
    try:
        jobs = [job for job in _chosen(context.server, operands, "t" in given) if _may_see(context, job)]
    except LookupError as error:
        return error.args[0]
    if given.get("u"):
        jobs = [job for job in jobs if job.owner in given["u"].split(",")]
    if not jobs:
        return Reply()
    return Reply(out=_shown(context, jobs, given))


def _shown(context: Context, jobs: list[Job], given: dict[str, str]) -> str:
    full = context.is_manager
    if "x" in given:
        prolog = '<?xml version="1.0"?>\n' if context.server.v6 else ""
        return prolog + "<Data>" + "".join(f"<Job>{_xml(fields(context.server, job, full or job.owner == context.user))}</Job>" for job in jobs) + "</Data>\n"
    if "f" in given:
        return "".join(f"Job Id: {job.id}\n{_lines(fields(context.server, job, full or job.owner == context.user))}\n" for job in jobs)
    if given.keys() & set("anrisu1"):
        return qstattable.wide(context.server, jobs, nodes="n" in given)
    return qstattable.narrow(jobs)


def _may_see(context: Context, job: Job) -> bool:
    return context.is_manager or job.owner == context.user or context.server.attributes.get("query_other_jobs") == "True"


def _chosen(server: Server, operands: list[str], expand: bool) -> list[Job]:
    """Return the jobs meant, in order of their numbers. Raises LookupError with the reply for one that is none."""
    everything: Iterable[Job] = [*server.jobs.values(), *server.arrays.values()]
    ordered = sorted(everything, key=lambda job: (job.number, -1 if job.index is None else job.index))
    visible = [job for job in ordered if not (job.request if expand else job.index is not None)]
    if not operands:
        return visible
    return [job for word in operands for job in _one(server, word, ordered, visible, expand)]


def _one(server: Server, word: str, ordered: list[Job], visible: list[Job], expand: bool) -> list[Job]:
    if word in server.queues:
        return [job for job in visible if job.queue == word]
    full = server.full_id(word)
    if not word[:1].isdigit() or not full.endswith(f".{server.name}"):
        raise LookupError(Reply(1, err=f"qstat: illegally formed job identifier: {word}\n\n"))
    if "[]" in full:
        array = [job for job in ordered if job.id == full]
        # the real one answers with all jobs when an array is asked for without -t
        return [job for job in visible if job.number == array[0].number] if array and expand else visible if array else _none(full)
    return [job for job in ordered if job.id == full] or _none(full)


def _none(full: str) -> list[Job]:
    raise LookupError(Reply(_UNKNOWN, err=f"qstat: Unknown Job Id Error {full}\n"))


def _xml(found: Iterable[Field]) -> str:
    parts = []
    for name, value in found:
        inner = _xml(value) if isinstance(value, list) else escape(value)
        parts.append(f"<{name}>{inner}</{name}>")
    return "".join(parts)


def _lines(found: Iterable[Field]) -> str:
    text = ""
    for name, value in found:
        if name == "Job_Id":
            continue
        if isinstance(value, list):
            text += "".join(_folded(f"    {name}.{inner} = {one}") for inner, one in value)
        else:
            text += _folded(f"    {name} = {_moment(name, value)}")
    return text


def _folded(line: str) -> str:
    """Cut a long line as qstat -f does; what follows is indented by a tab."""
    parts = [line[:78], *(line[at : at + 70] for at in range(78, len(line), 70))]
    return "\n\t".join(parts) + "\n"


def _moment(name: str, value: str) -> str:
    return time.ctime(int(value)) if name in ("ctime", "mtime", "qtime", "etime", "comp_time", "start_time", "Execution_Time") else value


def _queues(server: Server, full: bool, names: list[str]) -> Reply:
    chosen = [server.queues[name] for name in names or server.queues if name in server.queues]
    if names and not chosen:
        return Reply(170, err=f"qstat: Unknown queue {names[0]}\n")
    if not full:
        return Reply(out=qstattable.queues(server, chosen))
    text = ""
    for queue in chosen:
        jobs = [job for job in server.jobs.values() if job.queue == queue.name]
        rows = qmgrshow.queue_fields(queue)
        assigned = [("resources_assigned.nodect", str(_assigned(jobs)))] if jobs else []
        shown = [("queue_type", queue.kind), ("total_jobs", str(len(jobs))), ("state_count", qstattable.state_count(jobs)), *rows[1:-2],
                 ("mtime", str(int(server.now))), *assigned, *rows[-2:]]
        text += f"Queue: {queue.name}\n" + "".join(_folded(f"    {key} = {value}") for key, value in shown) + "\n"
    return Reply(out=text)


def _server(server: Server, full: bool) -> str:
    jobs = list(server.jobs.values())
    if not full:
        return qstattable.server(server, jobs)
    shown = [("server_state", "Active"), ("total_jobs", str(len(jobs))), ("state_count", qstattable.state_count(jobs)), *server.attributes.items(),
             ("resources_assigned.nodect", str(_assigned(jobs))), ("pbs_version", server.version), ("next_job_number", str(server.next_number)),
             ("net_counter", "2 0 0"), ("moab_array_compatible", "True"), ("nppcu", "1")]
    return f"Server: {server.name}\n" + "".join(_folded(f"    {key} = {value}") for key, value in shown) + "\n"


def _assigned(jobs: Iterable[Job]) -> int:
    return sum(int(job.resources.get("nodect", 1)) for job in jobs if job.state == "R")
