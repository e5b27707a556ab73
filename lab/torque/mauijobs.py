"""showq, checkjob, releasehold and setspri."""

from __future__ import annotations

import re
import time

from lab.torque import resources
from lab.torque.context import Context, options
from lab.torque.maui import walltime
from lab.torque.records import Job, Reply
from lab.torque.resources import long

_RULES = {"ACTIVE JOBS": 20, "IDLE JOBS": 22, "BLOCKED JOBS": 16}


def cores(context: Context, job: Job) -> int:
    """Return the processors that Maui counts for a job."""
    return resources.processors(job.resources, context.server.nodes, by_maui=True)


def when(moment: float) -> str:
    """Return a moment as Maui writes it."""
    return time.strftime("%a %b %d %H:%M:%S", time.localtime(moment))


def showq(context: Context) -> Reply:
    """Show running, idle and blocked jobs as of Maui's last poll."""
    maui = context.maui
    active = [job for job in maui.jobs if maui.words[job.id] == "Running"]
    idle = maui.idle()
    shown = {job.id for job in [*active, *idle]}
    blocked = [job for job in maui.jobs if job.id not in shown]
    text = _title("ACTIVE JOBS", "REMAINING            STARTTIME") + "".join(_active_row(context, job) for job in active) + _usage(context, active)
    text += _title("IDLE JOBS", "  WCLIMIT            QUEUETIME") + "".join(_row(context, job) for job in idle) + f"\n{len(idle)} {_plural('Idle Job', len(idle))}\n\n"
    text += _title("BLOCKED JOBS", "  WCLIMIT            QUEUETIME") + "".join(_row(context, job) for job in blocked)
    return Reply(out=f"{text}\nTotal Jobs: {len(maui.jobs)}   Active Jobs: {len(active)}   Idle Jobs: {len(idle)}   Blocked Jobs: {len(blocked)}\n")


def _title(text: str, columns: str) -> str:
    return f"{text}{'-' * _RULES[text]}\nJOBNAME            USERNAME      STATE  PROC   {columns}\n\n"


def _plural(text: str, count: int) -> str:
    return f"{text} " if count == 1 else f"{text}s"


def _active_row(context: Context, job: Job) -> str:
    left = job.started + walltime(job) - context.server.now
    return f"{job.short:18} {job.owner:>8} {'Running':>10} {cores(context, job):5}  {resources.clock_of(max(0, left)):>10}  {when(job.started)}\n"


def _row(context: Context, job: Job) -> str:
    limit = long(walltime(job))
    return f"{job.short:18} {job.owner:>8} {context.maui.words[job.id]:>10} {cores(context, job):5}  {limit:>10}  {when(job.created)}\n"


def _usage(context: Context, active: list[Job]) -> str:
    up = [one for one in context.maui.seen.values() if one.state != "Down"]
    total, used = sum(one.node.np for one in up), sum(cores(context, job) for job in active)
    busy = sum(bool(one.used) for one in up)
    text = f"\n{len(active):6} {_plural('Active Job', len(active))} {used:5} of {total:4} Processors Active ({100 * used / total if total else 0:.2f}%)\n"
    return text + (f"{busy:26} of {len(up):4} Nodes Active      ({100 * busy / len(up):.2f}%)\n" if up else "") + "\n"


def checkjob(context: Context) -> Reply:
    """Show one job as Maui knows it."""
    _, words = options(context.words, "lnr")
    if len(words) != 1:
        return Reply(1, err="Usage: checkjob [FLAGS] <JOBID>\n")
    found = next((job for job in context.maui.jobs if job.short == words[0].partition(".")[0]), None)
    if found is None:
        return Reply(1, err=f"ERROR:    'checkjob' failed\nERROR:  cannot locate job '{words[0]}'\n\n")
    places = "".join(f"[{name}:{sum(host == name for host, _ in found.slots)}]" for name in found.hosts)
    lines = ["", "", f"checking job {found.short}", "", f"State: {context.maui.words[found.id]}",
             f"Creds:  user:{found.owner}  group:{found.owner}  class:{found.queue}  qos:DEFAULT", f"SubmitTime: {when(found.created)}", "",
             f"Total Tasks: {cores(context, found)}", "", *(["Allocated Nodes:", places, ""] if places else []), "PE:  1.00  StartPriority:  1", ""]
    return Reply(out="\n".join(lines))


def releasehold(context: Context) -> Reply:
    """Take Maui's holds off jobs, deferral included: ALL, or ids."""
    if not context.is_manager:
        return Reply(1, err=f"ERROR:    'releasehold' failed\nuser {context.user} is not authorized to adjust job holds\n\n")
    _, words = options(context.words, "")
    if words == ["ALL"]:
        context.maui.release_holds(set(context.maui.words))
        return Reply(out="\njob holds adjusted\n")
    ids = {job.id for word in words for job in context.maui.jobs if _matches(word, job.short)}
    if not ids:
        return Reply(1, err="ERROR:    'releasehold' failed\nERROR:    cannot locate job\n\n")
    context.maui.release_holds(ids)
    return Reply(out="\njob holds adjusted\n")


def _matches(expression: str, name: str) -> bool:
    """Tell whether a job expression means a job: its id or, to Maui, a pattern over ids."""
    try:
        return expression == name or re.fullmatch(expression, name) is not None
    except re.error:
        return False


def showconfig(context: Context) -> Reply:
    """Show Maui's settings, those that matter here."""
    timing = context.server.timing
    rows = {"SERVERHOST": context.server.name.partition(".")[0], "RMPOLLINTERVAL": resources.clock_of(timing.poll), "DEFERTIME": resources.clock_of(timing.defer),
            "DEFERCOUNT": "24", "NODEPOLLFREQUENCY": "0", "NODEALLOCATIONPOLICY": "LASTAVAILABLE"}
    return Reply(out="# Maui version 3.3.1\n" + "".join(f"{name:<30} {value}\n" for name, value in rows.items()) + "\n")


def setspri(context: Context) -> Reply:
    """Give a job a system priority; array elements are no valid job expression here."""
    given, words = options(context.words, "")
    job_word = words[-1] if words else ""
    found = next((job for job in context.maui.jobs if job.short == job_word), None)
    if "[" in job_word or found is None:
        return Reply(out=f"\nERROR:    invalid job expression received ({job_word})\n\n")
    context.maui.system_priority[found.id] = int(words[0])
    return Reply(out="\njob system priority adjusted\n")
