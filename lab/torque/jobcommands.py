"""qdel, qsig, qrerun, qhold and qrls."""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.torque.context import Context, options
from lab.torque.moms import signal_number
from lab.torque.records import Job, Reply
from lab.torque.resources import array_indices

_UNKNOWN, _PERMISSION, _STATE, _SIGNAL, _NO_MOM, _NO_RERUN = 153, 159, 170, 167, 224, 192
_ID = re.compile(r"\d+(\[\d*\])?(\.[\w.-]+)?")
Change = Callable[[Context, Job], "tuple[int, str]"]


def qdel(context: Context) -> Reply:
    """Delete jobs; -p purges the record, whatever the job does. A job that is unknown fails without a word."""
    given, words = options(context.words, "mtW")
    if words == ["all"]:
        for job in [job for job in context.server.jobs.values() if job.state != "C" and _may(context, job)]:
            _delete(context, job)
        return Reply(_UNKNOWN)
    return _each(context, words, _purge if "p" in given else _delete, indices=given.get("t", ""), silent=True)


def qsig(context: Context) -> Reply:
    """Send a signal to the processes of running jobs."""
    given, words = options(context.words, "s")
    number = signal_number(given.get("s", "SIGTERM"))
    if number is None:
        return Reply(_SIGNAL, err="".join(f"qsig: Unknown/illegal signal name {word}\n" for word in words))
    return _each(context, words, lambda where, job: _signal(where, job, number))


def qrerun(context: Context) -> Reply:
    """Put running jobs back into their queue; -f does so when their mom cannot be reached."""
    given, words = options(context.words, "")
    return _each(context, words, lambda where, job: _rerun(where, job, "f" in given))


def qhold(context: Context) -> Reply:
    """Hold jobs: by their user (u), the operator (o) or the system (s)."""
    given, words = options(context.words, "ht")
    return _each(context, words, lambda where, job: _set_holds(where, job, set(given.get("h", "u")), add=True))


def qrls(context: Context) -> Reply:
    """Take holds off jobs."""
    given, words = options(context.words, "ht")
    return _each(context, words, lambda where, job: _set_holds(where, job, set(given.get("h", "u")), add=False))


def _each(context: Context, words: list[str], change: Change, *, indices: str = "", silent: bool = False) -> Reply:
    """Change each job meant; the status is that of the last one."""
    status, text = 0, ""
    for word in words:
        full = context.server.full_id(word)
        if not _ID.fullmatch(word) or not full.endswith(f".{context.server.name}"):
            status, text = 1, f"{text}{context.name}: illegally formed job identifier: {word}\n"
            continue
        jobs = _meant(context, full, indices)
        if not jobs:
            status = _UNKNOWN
            text += "" if silent else f"{context.name}: Unknown Job Id Error MSG=cannot locate job {full}\n"
        for job in jobs:
            status, said = change(context, job)
            text += f"{context.name}: {said}\n" if said else ""
    return Reply(status, err=text)


def _meant(context: Context, full: str, indices: str) -> list[Job]:
    if "[]" not in full:
        job = context.server.jobs.get(full)
        return [job] if job else []
    elements = [job for job in context.server.elements(int(full.partition("[")[0])) if job.state != "C"]
    wanted = set(array_indices(indices)[0]) if indices else None
    return [job for job in elements if wanted is None or job.index in wanted]


def _may(context: Context, job: Job) -> bool:
    return context.is_manager or job.owner == context.user


def _delete(context: Context, job: Job) -> tuple[int, str]:
    if not _may(context, job):
        return _PERMISSION, f"Unauthorized Request  MSG=operation not permitted {job.id}"
    if job.state == "C" or job.ending:
        return _STATE, f"Request invalid for state of job MSG=invalid state for job - {'COMPLETE' if job.state == 'C' else 'EXITING'} {job.id}"
    if not context.server.end(job):
        return _NO_MOM, f"Server could not connect to MOM {job.id}"
    return 0, ""


def _purge(context: Context, job: Job) -> tuple[int, str]:
    if not context.is_manager:
        return _PERMISSION, f"Unauthorized Request  {job.id}"
    context.server.purge(job)
    return 0, ""


def _signal(context: Context, job: Job, number: int) -> tuple[int, str]:
    if not _may(context, job):
        return _PERMISSION, f"Unauthorized Request  MSG=operation not permitted {job.id}"
    if job.state != "R":
        return _STATE, f"Request invalid for state of job {job.id}"
    mom = context.server.mom_of(job)
    if mom is None:
        return _NO_MOM, f"Server could not connect to MOM {job.id}"
    if not job.stuck:
        mom.signal(job.id, number, context.server.now)
    return 0, ""


def _rerun(context: Context, job: Job, force: bool) -> tuple[int, str]:
    if not context.is_manager:
        return _PERMISSION, f"Unauthorized Request  {job.id}"
    if job.state != "R":
        return _STATE, f"Request invalid for state of job MSG=job {job.id} is in a bad state {job.id}"
    if not job.rerunnable:
        return _NO_RERUN, f"Job is not rerunnable {job.id}"
    mom = context.server.mom_of(job)
    if mom is None and not force:
        return _NO_MOM, f"Server could not connect to MOM {job.id}"
    if mom is not None:
        mom.signal(job.id, 9, context.server.now)
    context.server.requeue(job)
    return 0, ""


def _set_holds(context: Context, job: Job, types: set[str], add: bool) -> tuple[int, str]:
    if not _may(context, job) or (types - {"u", "n"} and not context.is_manager):
        return _PERMISSION, f"Unauthorized Request  {job.id}"
    if job.state in ("C", "R", "E"):
        return _STATE, f"Request invalid for state of job {job.id}"
    job.holds = job.holds | (types - {"n"}) if add else job.holds - types
    context.server.set_state(job)
    return 0, ""
