"""showres, setres and releaseres."""

from __future__ import annotations

import re

from lab.torque.context import Context, options
from lab.torque.maui import walltime
from lab.torque.mauijobs import when
from lab.torque.records import Job, Reply, Reservation
from lab.torque.resources import long, signed

# -q makes a class reservation here, although the help calls it QOS
_KINDS = {"q": "CLASS", "c": "CLASS", "a": "ACCT", "u": "USER"}
_HELP = """Usage: setres [FLAGS] <RES_EXP>
  --about
  --configfile=<FILENAME>
  --format=<FORMAT>
  --help
  --host=<SERVERHOSTNAME>
  --keyfile=<FILENAME>
  --loglevel=<LOGLEVEL>
  --port=<SERVERPORT>
  --version

  -a <ACCOUNT>[:<ACCOUNT>]...
  -A <CHARGEACCOUNT>
  -c <CLASS>[:<CLASS>]...
  -d <TIME_EXP> // DURATION
  -e <TIME_EXP> // ENDTIME
  -f <FEATURE>[:<FEATURE>]...
  -g <GROUP>[:<GROUP>]...
  -j <JOBFEATURE>[:<JOBFEATURE>]...
  -n <NAME>
  -p <PARTITION>
  -q <QOS>[:<QOS>...]
  -r <RES_DESC>
  -s <TIME_EXP> // STARTTIME
  -u <USER>[:<USER>]...
  -x <FLAG>[:<FLAG>]...

(TIME_EXP: [HH[:MM[:SS]]][_MO[/DD[/YY]]] ie 14:30_06/20)
(   or     +[[[DD:]HH:]MM:]SS
(RES_EXP:  ALL | TASKS{==|>=}<TASKCOUNT> | <HOST_REGEX>)
(RES_DESC: [PROCS=<X>][;MEM=<X>][;DISK=<X>][;SWAP=<X>;])
"""


def setres(context: Context) -> Reply:
    """Reserve nodes for a class, an account or users. The node expression is a regular expression over whole names."""
    if "--help" in context.words or not context.words:
        return Reply(1, err=_HELP)
    given, words = options(context.words, "aAcdefgjnpqrsux")
    if not context.is_manager:
        return Reply(1, err=f"ERROR:    'setres' failed\nuser {context.user} is not authorized create reservation\n\n")
    expression = words[-1] if words else ""
    nodes = _matching(context, expression)
    if not nodes:
        return Reply(1, err=f"ERROR:    'setres' failed\nERROR:    no matches found for node expression\nERROR:    cannot determine nodelist for '{expression}'\n\n")
    letter = next((one for one in _KINDS if one in given), "")
    value = given.get(letter, "")
    made = context.maui.reserve(given.get("n") or value.split(":")[0] or "SYSTEM", _KINDS.get(letter, "USER"), value or "[NONE]", nodes)
    tasks = sum(context.maui.seen[name].node.np for name in nodes)
    some = "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"
    return Reply(out=f"reservation created\n\n\nreservation '{made.name}' created on {some} ({tasks} tasks)\n" + "".join(f"{name}:1\n" for name in nodes) + "\n\n")


def _matching(context: Context, expression: str) -> list[str]:
    if expression in context.maui.seen:
        return [expression]
    if expression == "ALL":
        return list(context.maui.seen)
    try:
        pattern = re.compile(expression)
    except re.error:
        return []
    return [name for name in context.maui.seen if expression and pattern.fullmatch(name)]


def releaseres(context: Context) -> Reply:
    """Remove reservations by their exact names. What goes wrong stands on standard output, with status 0."""
    _, names = options(context.words, "")
    rows = [_release(context, name) for name in names]
    return Reply(out="\n\n" + "".join(rows) + "\n\n")


def _release(context: Context, name: str) -> str:
    known = any(one.name == name for one in context.maui.reservations)
    if known and not context.is_manager:
        return f"ERROR:     user {context.user} is not authorized to release reservation '{name}'\n"
    if context.maui.release_reservation(name):
        return f"released User reservation '{name}'\n"
    return f"ERROR:    cannot locate reservation '{name}'\n"


def showres(context: Context) -> Reply:
    """Show reservations of jobs and of setres; -n one row for each of their nodes."""
    given, _ = options(context.words, "")
    running = [job for job in context.maui.jobs if job.state == "R" and job.slots]
    if "n" in given:
        return Reply(out=_by_node(context, running))
    return Reply(out=_by_name(context, running))


def _by_node(context: Context, running: list[Job]) -> str:
    now = context.server.now
    rows = []
    for name in context.maui.seen:
        for job in running:
            here = sum(host == name for host, _ in job.slots)
            if here:
                rows.append(_node_row(name, "Job", job.short, "Running", here, signed(job.started - now), long(walltime(job)), job.started))
        rows += _future_rows(context, name)
        rows += [_node_row(name, "User", one.name, "N/A", 1, signed(_start(one) - now), "INFINITE", _start(one))
                 for one in context.maui.reservations if name in one.nodes]
    head = (f"reservations on {when(now)}\n\n            NodeName       Type      ReservationID   JobState Task       Start    Duration            StartTime\n\n")
    return head + "".join(rows) + f"{len(rows)} nodes reserved\n"


def _future_rows(context: Context, name: str) -> list[str]:
    future = context.maui.future
    if future is None or name not in dict(future.places):
        return []
    job = next(job for job in context.maui.jobs if job.id == future.job)
    tasks = sum(ppn for host, ppn in future.places if host == name)
    return [_node_row(name, "Job", job.short, "Idle", tasks, signed(future.start - context.server.now), long(walltime(job)), future.start)]


def _node_row(node: str, kind: str, name: str, state: str, tasks: int, start: str, duration: str, moment: float) -> str:
    return f"{node:>20} {kind:>10} {name:>18} {state:>10} {tasks:4} {start:>11} {duration:>11}  {when(moment)}\n"


def _start(one: Reservation) -> float:
    return one.made + 1


def _by_name(context: Context, running: list[Job]) -> str:
    now = context.server.now
    rows = []
    for job in running:
        rows.append(_job_row(context, job, "R", job.started, len(job.hosts), len(job.slots)))
    future = context.maui.future
    if future is not None:
        waiting = next(job for job in context.maui.jobs if job.id == future.job)
        rows.append(_job_row(context, waiting, "I", future.start, len(dict(future.places)), sum(ppn for _, ppn in future.places)))
    for one in context.maui.reservations:
        tasks = sum(context.maui.seen[name].node.np for name in one.nodes if name in context.maui.seen)
        rows.append(f"{one.name:20} User - {signed(_start(one) - now):>11}    INFINITY    INFINITY {len(one.nodes):4}/{tasks:<4} {when(_start(one))}\n")
    head = "Reservations\n\nReservationID       Type S       Start         End    Duration    N/P    StartTime\n\n"
    return head + "".join(rows) + f"\n{len(rows)} reservations located\n"


def _job_row(context: Context, job: Job, letter: str, start: float, nodes: int, tasks: int) -> str:
    now, limit = context.server.now, walltime(job)
    return f"{job.short:20} {'Job':>4} {letter} {signed(start - now):>11} {signed(start + limit - now):>11} {long(limit):>11} {nodes:4}/{tasks:<4} {when(start)}\n"
