"""The attributes of a job that qstat shows, in its order."""

from __future__ import annotations

from lab.torque import resources
from lab.torque.pbsnodes import slots
from lab.torque.records import Job
from lab.torque.server import Server

Field = tuple[str, "str | list[tuple[str, str]]"]
_STAT_RATE = 45.0  # seconds between two looks of the server at a running job
_RUNS = ("R", "E")
# what somebody does not see of another user's jobs
_PRIVATE = frozenset({"substate", "Variable_List", "queue_rank", "hashname"})


def fields(server: Server, job: Job, full: bool = True) -> list[Field]:
    """Return names and values; `full` False leaves out what other users do not see."""
    found = [*_head(server, job), *_middle(server, job), *_tail(server, job)]
    if full:
        return found
    shown = [(name, value) for name, value in found if name not in _PRIVATE]
    return [(name, [pair for pair in value if pair[0] != "neednodes"] if isinstance(value, list) else value) for name, value in shown]


def _head(server: Server, job: Job) -> list[Field]:
    index = "" if job.index is None else f"-{job.index}"
    found: list[Field] = [("Job_Id", job.id), ("Job_Name", job.name + index), ("Job_Owner", f"{job.owner}@{server.name}")]
    if job.session and job.started and (job.ended or server.now - job.started > _STAT_RATE):
        spent = (job.ended or server.now) - job.started
        found.append(("resources_used", [("cput", "00:00:00"), ("mem", "6808kb"), ("vmem", "11640kb"), ("walltime", resources.clock_of(spent))]))
    found += [("job_state", job.state), ("queue", job.queue), ("server", server.name)]
    found += [("Account_Name", job.account)] if job.account else []
    found += [("Checkpoint", "u"), ("ctime", _whole(job.created))]
    found += [("depend", _depend(server, job))] if job.depend else []
    found.append(("Error_Path", _path(server, job, job.error, "e", index)))
    if job.slots:
        found += [("exec_host", exec_host(server, job)), ("exec_port", "+".join("15003" for _ in job.slots))]
    found += [("Execution_Time", _whole(job.not_before))] if job.not_before else []
    return found


def _middle(server: Server, job: Job) -> list[Field]:
    index = "" if job.index is None else f"-{job.index}"
    found: list[Field] = []
    # an element shows a hold only while its slot limit keeps it: then an empty one
    if job.index is None or job.holds:
        found.append(("Hold_Types", "".join(one for one in "uos" if one in job.holds) or "n"))
    elif job.over_limit:
        found.append(("Hold_Types", ""))
    found += [("Join_Path", "n"), ("Keep_Files", "n"), ("Mail_Points", "a"), ("mtime", _whole(job.changed)),
              ("Output_Path", _path(server, job, job.output, "o", index)), ("Priority", str(job.priority)), ("qtime", _whole(job.created)),
              ("Rerunable", str(job.rerunnable)), ("Resource_List", list(job.resources.items()))]
    found += [("session_id", str(job.session))] if job.session is not None else []
    return found


def _tail(server: Server, job: Job) -> list[Field]:
    found: list[Field] = [("substate", str(job.substate)), ("Variable_List", ",".join(f"{key}={value}" for key, value in job.variables.items())),
                          ("euser", job.owner), ("egroup", job.owner)]
    found += [("hashname", job.id)] if job.starts else []
    found += [("queue_rank", str(job.rank)), ("queue_type", "E")]
    found += [("etime", _whole(job.eligible))] if job.eligible else []
    found += [("exit_status", str(job.exit_status))] if job.exit_status is not None else []
    found += [("submit_args", job.submit_args)]
    found += [("job_array_id", str(job.index))] if job.index is not None else []
    found += [("job_array_request", job.request)] if job.request else []
    found += _times(server, job)
    return found


def _times(server: Server, job: Job) -> list[Field]:
    found: list[Field] = [("start_time", _whole(job.started))] if job.started else []
    if job.state in _RUNS:
        limit = resources.seconds_of(job.resources.get("walltime", "01:00:00"))
        found.append(("Walltime", [("Remaining", _whole(limit - (server.now - job.started)))]))
    found += [("start_count", str(job.starts))] if job.starts else []
    found.append(("fault_tolerant", "False"))
    found += [("comp_time", _whole(job.ended))] if job.started and job.ended else []
    found.append(("job_radix", "0"))
    found += [("total_runtime", f"{job.ended - job.started:.6f}")] if job.started and job.ended else []
    return [*found, ("submit_host", server.name)]


def exec_host(server: Server, job: Job) -> str:
    """Return `wn2/0+wn2/1+wn1/0`, and `wn2/0-1+wn1/0` from 6.1 on."""
    if not server.v6:
        return "+".join(f"{name}/{slot}" for name, slot in job.slots)
    return "+".join(f"{host}/{slots(slot for name, slot in job.slots if name == host)}" for host in job.hosts)


def _path(server: Server, job: Job, asked: str, letter: str, index: str) -> str:
    if asked:
        return asked if ":" in asked else f"{server.name}:{asked}"
    return f"{server.name}:{job.directory}/{job.name}.{letter}{job.number}{index}"


def _depend(server: Server, job: Job) -> str:
    kind, _, ids = job.depend.partition(":")
    return f"{kind}:" + ":".join(f"{server.full_id(one)}@{server.name}" for one in ids.split(":"))


def _whole(seconds: float) -> str:
    return str(int(seconds))
