"""checknode and diagnose."""

from __future__ import annotations

import time

from lab.torque import resources
from lab.torque.context import Context, options
from lab.torque.maui import walltime
from lab.torque.mauijobs import cores
from lab.torque.records import Job, Reply, Reservation, Seen
from lab.torque.resources import long, signed

_GIB_MB = 1024


def checknode(context: Context) -> Reply:
    """Show a node as Maui last saw it, also one that the server has forgotten."""
    _, names = options(context.words, "")
    if not names:
        return Reply(1, err="Usage: checknode [FLAGS] <NODEID>\n")
    seen = context.maui.seen.get(names[0])
    if seen is None:
        return Reply(1, err=f"ERROR:    'checknode' failed\nERROR:  cannot locate node '{names[0]}'\n\n")
    return Reply(out=_node(context, seen))


def _node(context: Context, seen: Seen) -> str:
    now, node = context.server.now, seen.node
    state = f"{seen.state:>9}  (in current state for {_span(now - seen.since)})"
    opsys = "linux" if node.contacted else "DEFAULT"
    memory = context.server.memory_mb(node)
    memory_text = f"MEM: {memory // _GIB_MB}G  SWAP: {memory // _GIB_MB}G" if memory else "MEM: 1M  SWAP: 10M"
    used = f"PROCS: {seen.used}  SWAP: 3148M" if seen.used else "SWAP: 2852M" if memory else f"PROCS: {node.np}"
    lines = [
        "", "", f"checking node {node.name}", "", f"State: {state}",
        f"Configured Resources: PROCS: {node.np}  {memory_text}  DISK: 1M",
        f"Utilized   Resources: {used}",
        f"Dedicated  Resources: {f'PROCS: {seen.used}' if seen.used else '[NONE]'}",
        f"Opsys: {opsys:>13}  Arch:      [NONE]",
        f"Speed:      1.00  Load:       {float(node.facts.get('loadave', 0)):.3f}",
        "Network:    [DEFAULT]", f"Features:   {_words(node.properties)}", "Attributes: [Batch]", f"Classes:    {_classes(context, seen, ' ')}", "",
        f"Total Time: {_span(now - seen.first)}  Up: {_span(0 if seen.state == 'Down' else now - seen.first)} (100.00%)  Active: 00:00:00 (0.00%)", "",
        "Reservations:", *_reservations(context, seen), *_jobs(seen), "", "",
    ]
    return "\n".join(lines)


def _reservations(context: Context, seen: Seen) -> list[str]:
    now, name = context.server.now, seen.node.name
    rows = []
    for job in context.maui.jobs:
        here = sum(host == name for host, _ in job.slots)
        if job.state == "R" and here:
            limit = walltime(job)
            rows.append(f"  Job '{job.short}'(x{here})  {signed(job.started - now)} -> {signed(job.started + limit - now)} ({long(limit)})")
    future = context.maui.future
    if future is not None and name in dict(future.places):
        count, job = sum(host == name for host, _ in future.places), _job(context, future.job)
        rows.append(f"  Job '{job.short}'(x{count})  {signed(future.start - now)} -> {signed(future.start + walltime(job) - now)} ({long(walltime(job))})")
    for one in on_node(context, name):
        start = signed(one.made + 1 - now)
        rows.append(f"  User '{one.name}'(x1)  {start} ->   INFINITY (  INFINITY)")
        if one.made + 1 > now:
            rows.append(f"    Blocked Resources@{start}    Procs: {seen.node.np}/{seen.node.np} (100.00%)")
    return rows or ["NOTE:  no reservations on node"]


def _job(context: Context, job_id: str) -> Job:
    return next(job for job in context.maui.jobs if job.id == job_id)


def _jobs(seen: Seen) -> list[str]:
    if not seen.jobs:
        return []
    alert = [f"ALERT:  jobs active on node but state is {seen.state}"] if seen.state in ("Drained", "Down") else []
    return [f"JobList:  {','.join(seen.jobs)}", *alert]


def on_node(context: Context, name: str) -> list[Reservation]:
    """Return the reservations that contain a node."""
    return [one for one in context.maui.reservations if name in one.nodes]


def _words(properties: list[str]) -> str:
    return "".join(f"[{one}]" for one in properties) or "[NONE]"


def _classes(context: Context, seen: Seen, gap: str) -> str:
    free = seen.node.np - seen.used
    queues = [queue.name for queue in context.server.queues.values() if queue.kind != "Route"]
    return "".join(f"[{name}{gap}{free if place == 0 else seen.node.np}:{seen.node.np}]" for place, name in enumerate(queues))


def _span(seconds: float) -> str:
    return resources.clock_of(max(0, seconds))


def diagnose(context: Context) -> Reply:
    """Show priorities (-p), jobs (-j), nodes (-n), reservations (-r) or the resource manager (-R)."""
    given, _ = options(context.words, "")
    for letter, show in (("p", _priorities), ("j", _job_table), ("n", _node_table), ("r", _reservation_table), ("R", _manager)):
        if letter in given:
            return Reply(out=show(context))
    return Reply(1, err="ERROR:    must specify flag\n")


def _priorities(context: Context) -> str:
    jobs = context.maui.idle()
    if not jobs:
        return "no idle jobs in queue\n\n"
    rows = []
    for job in jobs:
        minutes = (context.server.now - (job.eligible or job.created)) / 60
        star = "*" if job.id in context.maui.system_priority else " "
        rows.append(f"{job.short:20} {round(minutes):>10}{star}  100.0({minutes:5.1f})\n")
    head = "diagnosing job priority information (partition: ALL)\n\nJob                    PRIORITY*   Serv(QTime)\n             Weights   --------       1(    1)\n\n"
    return head + "".join(rows) + "\nPercent Contribution   --------   100.0(100.0)\n\n* indicates system prio set on job\n\n"


def _job_table(context: Context) -> str:
    head = ("Name                  State Par Proc QOS     WCLimit R  Min     User    Group  Account  QueuedTime  Network  Opsys   Arch"
            "    Mem   Disk  Procs       Class Features\n\n")
    rows = [_job_row(context, job) for job in context.maui.jobs]
    active = sum(job.state == "R" for job in context.maui.jobs)
    total = f"\n\nTotal Jobs: {len(rows)}  Active Jobs: {active}\n" + ("\n" if rows else "\n")
    return head + "".join(rows) + total


def _job_row(context: Context, job: Job) -> str:
    word = context.maui.words[job.id]
    limit = long(walltime(job))
    placed = word == "Running" or (context.maui.future is not None and context.maui.future.job == job.id)
    count, shown = cores(context, job), "DEF" if placed else "ALL"
    features = "".join(f"[{one}]" for chunk in resources.chunks_of(job.resources, context.server.nodes) for one in sorted(chunk.properties)) or "[NONE]"
    queued = _span(context.server.now - job.created)
    return (f"{job.short:17} {word if word not in ('Deferred', 'BatchHold') else 'Idle':>9} {shown} {count:4} DEF {limit:>11} {int(placed)} {count:4} "
            f"{job.owner:>8} {job.owner:>8} {job.account or '-':>8} {queued:>11}   [NONE] [NONE] [NONE]    >=0    >=0    NC0   [{job.queue}:1] {features}\n")


def _node_table(context: Context) -> str:
    head = ("diagnosing node table (5120 slots)\nName                    State  Procs     Memory         Disk          Swap      Speed  Opsys   Arch Par   Load"
            " Res Classes                        Network                        Features              \n\n")
    rows, seen = [], list(context.maui.seen.values())
    for one in seen:
        free = 0 if one.state == "Down" else one.node.np - one.used
        memory, opsys = context.server.memory_mb(one.node) or 1, "linux" if one.node.contacted else "DEFAUL"
        rows.append(f"{one.node.name:20} {one.state:>8} {free:3}:{one.node.np:<3} {memory:6}:{memory:<6}      1:1       {memory:6}:{memory:<6}  1.00 {opsys:>6} [NONE] DEF "
                    f"{float(one.node.facts.get('loadave', 0)):6.2f} {len(on_node(context, one.node.name)):03} {_classes(context, one, '_'):30} [DEFAULT]"
                    f"                      {_words(one.node.properties):20}\n")
    free, total = sum(one.node.np - one.used for one in seen if one.state != "Down"), sum(one.node.np for one in seen)
    memory = sum(context.server.memory_mb(one.node) or 1 for one in seen)
    counts = [sum(one.state in words for one in seen) for words in (("Busy", "Running"), ("Idle",), ("Down", "Drained"))]
    foot = f"-----                     --- {free:3}:{total:<3} {memory:6}:{memory:<6}      {len(seen)}:{len(seen)}       {memory:6}:{memory:<6}\n\n"
    return head + "".join(rows) + foot + f"Total Nodes: {len(seen)}  (Active: {counts[0]}  Idle: {counts[1]}  Down: {counts[2]})\n\n"


def _reservation_table(context: Context) -> str:
    text = ("Diagnosing Reservations\nResID                      Type Par   StartTime     EndTime     Duration Node Task Proc\n"
            "-----                      ---- ---   ---------     -------     -------- ---- ---- ----\n")
    running = [job for job in context.maui.jobs if job.state == "R"]
    text += "".join(_job_reservation(context, job, job.started, len(job.hosts), len(job.slots), "") for job in running)
    if context.maui.future is not None:
        future, job = context.maui.future, _job(context, context.maui.future.job)
        extra = f"    Attributes (Priority={context.maui.priority(job)})\n"
        text += _job_reservation(context, job, future.start, len(dict(future.places)), sum(ppn for _, ppn in future.places), extra)
    for one in context.maui.reservations:
        count = len(one.nodes)
        label = one.name.rpartition(".")[0]
        cores_here = sum(context.maui.seen[name].node.np for name in one.nodes if name in context.maui.seen)
        text += (f"{one.name:26} User DEF {signed(one.made + 1 - context.server.now):>11}    INFINITY     INFINITY {count:4} {count:4} {cores_here:4}\n"
                 f"    Flags: PREEMPTEE\n    ACL: RES=={label}= {one.kind}=={one.value}+ \n    CL:  RES=={label} \n    Task Resources: PROCS: [ALL]\n"
                 f"    Attributes (HostList='{'|'.join(one.nodes)}'{'   MaxTasks=1' if count == 1 else ''})\n")
    return text + f"\nActive Reserved Processors: {sum(len(job.slots) for job in running)}\n"


def _job_reservation(context: Context, job: Job, start: float, nodes: int, tasks: int, attributes: str) -> str:
    now, limit = context.server.now, walltime(job)
    flags = "    Flags: PREEMPTEE\n" if attributes else ""
    return (f"{job.short:27} Job DEF {signed(start - now):>11} {signed(start + limit - now):>11} {long(limit):>12} {nodes:4} {tasks:4} {tasks:4}\n{flags}"
            f"    ACL: JOB=={job.short}= \n    CL:  JOB=={job.short} USER=={job.owner} GROUP=={job.owner} CLASS=={job.queue} QOS==DEFAULT "
            f"DURATION=={long(limit)} PROC=={tasks} \n{attributes}")


def _manager(context: Context) -> str:
    text = (f"RM[{context.server.name.partition('.')[0].upper()}]  type: 'PBS'  state: 'Active'\n  Event Management:  EPORT=15004\n  SSS protocol enabled\n"
            "  RM Performance:  Avg Time: 0.00s  Max Time:  0.04s  (29 samples)\n\n")
    for moment in context.maui.failures[-5:]:
        when = time.strftime("%a %b %d %H:%M:%S", time.localtime(moment))
        text += f"  {when}  clusterquery     'cannot get node info'\n  {when}  workloadquery    'cannot get workload info'\n"
    return text + "\n\n"
