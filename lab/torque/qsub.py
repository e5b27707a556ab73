"""qsub: options, directives in the script, routing, and everything for which a job is refused."""

from __future__ import annotations

import re
import shlex
import time
from dataclasses import dataclass, field

from lab.torque import resources
from lab.torque.context import Context, options
from lab.torque.records import Job, Queue, Reply
from lab.torque.server import Server

_VALUED = "aAbcCdDeFjklmMNopPqrStTuvwW"
_TRIES = 3
_BAD_RESOURCES, _NO_QUEUE, _BAD_VALUE, _NOT_ENABLED = 190, 172, 168, 184


class Refused(Exception):
    """A job that the server does not take: its message and qsub's exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Wish:
    """What was asked for, options and directives together."""

    name: str
    queue: str
    resources: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, letter: str) -> str:
        return self.options.get(letter, "")


def script_of(words: list[str]) -> str:
    """Return the script file that a qsub command line names, "" when the script comes on standard input."""
    _, operands = options(tuple(words), _VALUED)
    return operands[0] if operands else ""


def qsub(context: Context) -> Reply:
    """Submit a job or an array; its id goes to standard output."""
    try:
        given, operands = options(context.words, _VALUED)
    except ValueError as error:
        return Reply(2, err=f"qsub: {error}\n")
    if operands and context.script is None:
        return Reply(1, err=f"qsub: script file '{operands[0]}' cannot be loaded - No such file or directory\n")
    script = context.script if context.script is not None else context.stdin
    try:
        wish = _wish(context, {**_directives(script), **given}, operands)
        job = _accept(context, wish, script)
    except Refused as refused:
        # the real one tries three times, which uses up as many numbers
        context.server.next_number += _TRIES
        return Reply(refused.status, err=f"qsub: submit error ({refused})\n", seconds=_TRIES)
    return Reply(out=f"{job.id}\n")


def _directives(script: str) -> dict[str, str]:
    words: list[str] = []
    for line in script.splitlines():
        if line.startswith("#PBS "):
            words += shlex.split(line[5:])
        elif line.strip() and not line.startswith(("#", ":")):
            break
    return options(tuple(words), _VALUED)[0]


def _wish(context: Context, given: dict[str, str], operands: list[str]) -> Wish:
    name = given.get("N") or (operands[0].rpartition("/")[2] if operands else "STDIN")
    asked = dict(part.partition("=")[::2] for part in _split_resources(given.get("l", "")))
    return Wish(name, given.get("q", "").partition("@")[0] or context.server.attributes.get("default_queue", ""), asked, given)


def _split_resources(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _accept(context: Context, wish: Wish, script: str) -> Job:
    server = context.server
    queue = _route(server, wish)
    asked = dict(wish.resources)
    if "nodes" in asked:
        chunks = resources.read_nodes(asked["nodes"], server.nodes)
        asked.update(neednodes=asked["nodes"], nodect=str(sum(chunk.count for chunk in chunks)))
    for key, value in queue.attributes.items():
        if key.startswith("resources_default."):
            asked.setdefault(key.partition(".")[2], value)
    if "walltime" in asked:
        asked["walltime"] = resources.clock_of(resources.seconds_of(asked["walltime"]))
    job = _job(context, wish, queue, dict(sorted(asked.items())), script)
    server.next_number += 1
    return _store(server, job, wish)


def _route(server: Server, wish: Wish) -> Queue:
    """Return the execution queue that takes the job; a routing queue passes it to the first destination that does."""
    queue = server.queues.get(wish.queue)
    if queue is None:
        raise Refused("Unknown queue MSG=requested queue not found", _NO_QUEUE)
    if queue.kind == "Route":
        for name in queue.attributes.get("route_destinations", "").split(","):
            destination = server.queues.get(name.partition("@")[0])
            if destination is not None and not _objection(server, destination, wish):
                return destination
        raise Refused("Job rejected by all possible destinations", 166)
    if not queue.enabled:
        raise Refused(f"Queue is not enabled MSG=queue is disabled: user {wish.queue}", _NOT_ENABLED)
    objection = _objection(server, queue, wish)
    if objection:
        raise Refused(f"Job exceeds queue resource limits MSG={objection}", _BAD_RESOURCES)
    return queue


def _objection(server: Server, queue: Queue, wish: Wish) -> str:
    if not queue.enabled:
        return "queue is disabled"
    walltime = wish.resources.get("walltime", queue.attributes.get("resources_default.walltime", ""))
    for bound, beyond in (("max", lambda value, limit: value > limit), ("min", lambda value, limit: value < limit)):
        limit = queue.attributes.get(f"resources_{bound}.walltime", "")
        if limit and walltime and beyond(resources.seconds_of(walltime), resources.seconds_of(limit)):
            return f"cannot satisfy queue {bound} walltime requirement"
    return server.fits_somewhere(wish.resources)


def _job(context: Context, wish: Wish, queue: Queue, asked: dict[str, str], script: str) -> Job:
    server = context.server
    job = Job(server.next_number, server.name, wish.name, context.user, queue.name, server.now, changed=server.now)
    job.resources, job.account, job.script = asked, wish["A"], script
    job.priority, job.rerunnable = int(wish["p"] or 0), wish["r"] != "n"
    job.holds = set(wish["h"] or "u") if "h" in wish.options else set()
    if wish["a"]:
        job.not_before = _moment(wish["a"], server.now)
    job.depend = next((part[7:] for part in wish["W"].split(",") if part.startswith("depend=")), "")
    if job.depend:
        job.holds.add("s")
    job.submit_args = " ".join(context.words)
    job.directory = wish["d"] or context.directory or f"/home/{context.user}"
    job.output, job.error = wish["o"], wish["e"]
    job.variables = _variables(context, job, wish)
    return job


def _moment(text: str, now: float) -> float:
    """Return the Unix time of [[CC]YY]MMDDhhmm[.SS]; what is missing is today's."""
    digits, _, seconds = text.partition(".")
    whole = time.strftime("%Y%m%d", time.localtime(now))[: 12 - len(digits)] + digits if len(digits) < 12 else digits
    if not re.fullmatch(r"\d{12}", whole):
        raise Refused(f"illegal -a value {text}", 1)
    return time.mktime(time.strptime(whole, "%Y%m%d%H%M")) + int(seconds or 0)


def _variables(context: Context, job: Job, wish: Wish) -> dict[str, str]:
    environment = context.environment or {}
    found = dict(part.partition("=")[::2] for part in wish["v"].split(",") if part)
    return {
        "PBS_O_QUEUE": wish.queue, "PBS_O_HOME": environment.get("HOME", f"/home/{job.owner}"), "PBS_O_LOGNAME": job.owner,
        "PBS_O_PATH": environment.get("PATH", "/usr/bin:/bin"), "PBS_O_SHELL": environment.get("SHELL", "/bin/bash"), "PBS_O_LANG": "C.UTF-8",
        **found, "PBS_O_WORKDIR": job.directory, "PBS_O_HOST": job.server, "PBS_O_SERVER": job.server,
    }


def _store(server: Server, job: Job, wish: Wish) -> Job:
    if not wish["t"]:
        _rank(server, job)
        server.set_state(job)
        server.jobs[job.id] = job
        return job
    try:
        indices, limit = resources.array_indices(wish["t"])
    except ValueError:
        raise Refused("Bad Job Array Request", 238) from None
    parent = job
    parent.request, parent.limit = wish["t"].partition("%")[0], limit
    _rank(server, parent)
    server.set_state(parent)
    server.arrays[parent.number] = parent
    for place, index in enumerate(indices):
        _add_element(server, parent, index, over_limit=bool(limit) and place >= limit)
    return parent


def _add_element(server: Server, parent: Job, index: int, over_limit: bool) -> None:
    element = Job(**{**vars(parent), "request": "", "limit": 0, "index": index, "holds": set(parent.holds), "over_limit": over_limit, "slots": [],
                     "variables": {"PBS_ARRAYID": str(index), **parent.variables}})
    _rank(server, element)
    element.eligible = parent.eligible or server.now
    server.set_state(element)
    server.jobs[element.id] = element


def _rank(server: Server, job: Job) -> None:
    job.rank, server.next_rank = server.next_rank, server.next_rank + 1
