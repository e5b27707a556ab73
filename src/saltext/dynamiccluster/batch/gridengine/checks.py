"""`validate` for Grid Engine: do the commands exist, may their user do what must be done, can jobs wait for nodes that are not there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator

from ...errors import BatchError
from ...model import Reservation
from ...ports import Finding
from ...settings.sge import COMMANDS
from .cell import Cell
from .hosts import HostRecord
from .offers import plan_entry
from .tools import Tools, same_host


def check_cell(tools: Tools, reservations: Iterable[Reservation]) -> tuple[Finding, ...]:
    """Return what was found, most basic first; later checks are left out when the qmaster does not answer."""
    findings = [*_check_programs(tools), *_check_visibility(tools)]
    try:
        hosts = tools.hosts()
        tools.jobs()
        cell = tools.cell()
    except BatchError as error:
        remedy = "start the qmaster, or mend the commands in cluster: config:"
        return (*findings, Finding("Grid Engine answers", False, str(error), remedy))
    findings.append(Finding("Grid Engine answers", True, f"{len(cell.queues)} queues, {len(hosts) - 1} hosts"))
    for check in (_check_rights, lambda tools: _check_reservations(tools, cell, hosts, reservations)):
        findings += _guarded(check, tools)
    return (*findings, *_check_queues(cell))


def _guarded(check: Callable[[Tools], Iterator[Finding]], tools: Tools) -> list[Finding]:
    try:
        return list(check(tools))
    except BatchError as error:
        return [Finding("Grid Engine can be asked", False, str(error))]


def _check_programs(tools: Tools) -> Iterator[Finding]:
    for key in COMMANDS:
        template = getattr(tools.settings, key)
        program = template.program
        if shutil.which(program) is None:
            yield Finding(f"{key} exists", False, f"{program} is not there or not executable", f"set cluster: config: {key}")


def _check_visibility(tools: Tools) -> Iterator[Finding]:
    template = tools.settings.qstat_command
    if not template.is_builtin and "-u" not in template.text:
        detail = f"{template} shows one user's jobs only"
        yield Finding("qstat_command shows all jobs", False, detail, "add -u '*' to cluster: config: qstat_command")


def _check_rights(tools: Tools) -> Iterator[Finding]:
    user, host = _find_user(tools), tools.ask_head("hostname").text
    managers = tools.show("-sm").split()
    yield Finding(f"{user} is a Grid Engine manager", user in managers, remedy="" if user in managers else f"qconf -am {user}")
    for option, kind, add in (("-sh", "an admin host", "-ah"), ("-ss", "a submit host", "-as")):
        known = any(same_host(name, host) for name in tools.show(option).split())
        yield Finding(f"{host} is {kind}", known, remedy="" if known else f"qconf {add} {host}")


def _find_user(tools: Tools) -> str:
    """Return who qconf runs as. sudo without -u means root."""
    words = tools.program(tools.settings.qconf_spl_command)
    if not any(word.endswith("sudo") for word in words):
        return tools.ask_head("id", "-un").text
    return words[words.index("-u") + 1] if "-u" in words else "root"


def _check_reservations(
    tools: Tools, cell: Cell, hosts: tuple[HostRecord, ...], reservations: Iterable[Reservation]
) -> Iterator[Finding]:
    served = {queue.name for host in hosts for queue in host.queues}
    for reservation in reservations:
        plan = plan_entry(cell, reservation, tools.settings.host_group)
        what = f"nodes of {_describe(reservation, tools.settings.host_group)} can join"
        problem, _, remedy = plan.problem.partition(": ")
        yield Finding(what, not plan.problem, problem, remedy)
        for queue in sorted(plan.queues - served):
            yield _placeholder(queue, plan.group)


def _placeholder(queue: str, group: str) -> Finding:
    """A queue without any host refuses `qsub -q`, so that no job could ever wait for its first node."""
    enter = f"qconf -aattr hostgroup hostlist HOST {group}" if group else f"qconf -aattr queue hostlist HOST {queue}"
    remedy = f"add a placeholder HOST (any name that resolves, no daemon): {enter} && qconf -rattr queue slots 0 {queue}@HOST"
    return Finding(f"jobs can be submitted to {queue}", False, f"{queue} has no host, so that qsub -q {queue} is refused", remedy)


def _describe(reservation: Reservation, host_group: str) -> str:
    parts = (("queue", reservation.queue), ("account", reservation.account))
    return ", ".join(f"{kind} {name}" for kind, name in parts if name) or host_group


def _check_queues(cell: Cell) -> Iterator[Finding]:
    for queue in cell.queues.values():
        if "disabled" in queue["initial_state"].values:
            detail = f"initial_state of {queue.name} disables each host whenever its daemon starts"
            yield Finding(f"{queue.name} lets released nodes run jobs", False, detail, f"qconf -mattr queue initial_state default {queue.name}")
