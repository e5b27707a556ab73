"""qstat's tables."""

from __future__ import annotations

from collections.abc import Iterable

from lab.torque import resources
from lab.torque.jobfields import exec_host
from lab.torque.records import Job, Queue
from lab.torque.server import Server

_NARROW = """Job ID                    Name             User            Time Use S Queue
------------------------- ---------------- --------------- -------- - -----
"""
_WIDE = """                                                                                  Req'd    Req'd       Elap
Job ID                  Username    Queue    Jobname          SessID  NDS   TSK   Memory   Time    S   Time
----------------------- ----------- -------- ---------------- ------ ----- ------ ------ --------- - ---------
"""
_QUEUES = """Queue              Max    Tot   Ena   Str   Que   Run   Hld   Wat   Trn   Ext T   Cpt
----------------   ---   ----    --    --   ---   ---   ---   ---   ---   --- -   ---
"""
_SERVER = """Server             Max   Tot   Que   Run   Hld   Wat   Trn   Ext   Com Status
----------------   ---   ---   ---   ---   ---   ---   ---   ---   --- ----------
"""
_STATES = (("Transit", "T"), ("Queued", "Q"), ("Held", "H"), ("Waiting", "W"), ("Running", "R"), ("Exiting", "E"), ("Complete", "C"))


def narrow(jobs: Iterable[Job]) -> str:
    """Return the plain table."""
    rows = []
    for job in jobs:
        name = job.name if job.index is None else f"{job.name}-{job.index}"
        used = "00:00:00" if job.session else "0"
        short = f"{job.short}.{job.server.partition('.')[0]}"
        rows.append(f"{short:26} {name[:16]:16} {job.owner[:15]:15} {used:>8} {job.state} {job.queue:15}\n")
    return _NARROW + "".join(rows)


def wide(server: Server, jobs: Iterable[Job], nodes: bool) -> str:
    """Return the table of -a, -n and -u; `nodes` adds where they run, on the same line as with -1."""
    rows = []
    for job in jobs:
        asked = job.resources
        count = asked.get("nodect", "--")
        tasks = "--" if not asked.keys() & {"nodes", "ncpus", "procs"} else str(resources.processors(asked, server.nodes))
        memory = next((asked[key] for key in ("mem", "pmem", "vmem", "pvmem") if key in asked), "--")
        session = "--" if job.session is None else str(job.session)
        elapsed = resources.clock_of(server.now - job.started) if job.state == "R" else asked.get("walltime", "--") if job.state == "W" else "--"
        where = "   " + (exec_host(server, job) if job.state == "R" else "--") if nodes else ""
        rows.append(f"{job.id[:23]:23} {job.owner:11} {job.queue:8} {job.name[:16]:16} {session:>6} {count:>5} {tasks:>6} {memory:>6} "
                    f"{asked.get('walltime', '--'):>9} {job.state} {elapsed:>9}{where}\n")
    return f"\n{server.name}: \n{_WIDE}" + "".join(rows)


def state_count(jobs: Iterable[Job]) -> str:
    """Return the numbers of jobs in each state, as -f shows them."""
    states = [job.state for job in jobs]
    return " ".join(f"{name}:{states.count(letter)}" for name, letter in _STATES) + " "


def queues(server: Server, chosen: Iterable[Queue]) -> str:
    """Return the table of -Q."""
    rows = []
    for queue in chosen:
        states = [job.state for job in server.jobs.values() if job.queue == queue.name]
        count = {letter: states.count(letter) for _, letter in _STATES}
        rows.append(f"{queue.name:16} {0:5} {len(states):6}   {_yes(queue.enabled):>3}   {_yes(queue.started):>3} "
                    + " ".join(f"{count[letter]:5}" for letter in "QRHWTE") + f" {queue.kind[:1]} {count['C']:5}\n")
    return _QUEUES + "".join(rows)


def server(server: Server, jobs: Iterable[Job]) -> str:
    """Return the table of -B."""
    states = [job.state for job in jobs]
    return _SERVER + f"{server.name:16} {0:5} {len(states):5} " + " ".join(f"{states.count(letter):5}" for letter in "QRHWTEC") + " Active    \n"


def _yes(given: bool) -> str:
    return "yes" if given else "no"
