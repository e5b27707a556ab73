"""`validate` for Torque and Maui: do the commands exist, may their user do what must be done, can jobs wait for nodes that are not there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping

from ...errors import BatchError
from ...model import Reservation
from ...ports import Finding
from ...settings.torque import COMMANDS
from .growth import is_affected
from .hostview import OUR_NOTE
from .maui import read_duration
from .nodes import NodeRecord
from .offers import find_problem
from .server import Server
from .tools import CHANGE_TIMEOUT, Tools

_NODECT = "resources_available.nodect"
_PLACEHOLDER = (
    "qmgr -c 'set server resources_available.nodect = 1000' admits more nodes and unknown properties; for nodes with more cores (ppn) than any "
    "defined one also define a placeholder: qmgr -c 'create node NAME np=CORES,properties=PROPERTIES' (a name that resolves, no daemon; it stays offline)"
)


def check_server(tools: Tools, reservations: Iterable[Reservation]) -> tuple[Finding, ...]:
    """Return what was found, most basic first; later checks are left out when pbs_server does not answer."""
    reservations = tuple(reservations)
    findings = [*_check_programs(tools), *_check_listing(tools)]
    try:
        tools.jobs()
        nodes, server = tools.nodes(), tools.server()
    except BatchError as error:
        remedy = "start pbs_server and trqauthd, or mend the commands in cluster: config:"
        return (*findings, Finding("Torque answers", False, str(error), remedy))
    findings.append(Finding("Torque answers", True, f"{len(server.queues)} queues, {len(nodes)} nodes"))
    findings += _guarded(lambda tools: _check_rights(tools, server), tools)
    findings += _check_reservations(server, reservations)
    findings += _check_submission(server, nodes)
    findings += _guarded(_check_version, tools)
    return (*findings, *_guarded(_check_maui, tools))


def _guarded(check: Callable[[Tools], Iterator[Finding]], tools: Tools) -> list[Finding]:
    try:
        return list(check(tools))
    except BatchError as error:
        return [Finding("Torque and Maui can be asked", False, str(error))]


def _check_programs(tools: Tools) -> Iterator[Finding]:
    for key in COMMANDS:
        program = getattr(tools.settings, key).program
        if shutil.which(program) is None:
            yield Finding(f"{key} exists", False, f"{program} is not there or not executable", f"set cluster: config: {key}")


def _check_listing(tools: Tools) -> Iterator[Finding]:
    template = tools.settings.qstat_command
    if not template.is_builtin and "-t" not in template.text.split():
        detail = f"{template} lists an array as one job, whose elements that run or wait cannot be told apart"
        yield Finding("qstat_command lists the elements of arrays", False, detail, "add -t to cluster: config: qstat_command")


def _check_rights(tools: Tools, server: Server) -> Iterator[Finding]:
    done = tools.run(tools.beside(tools.settings.add_node_command, "id", "-un"), CHANGE_TIMEOUT)
    user = done.out.decode("utf-8", "replace").strip()
    if not user:
        return
    is_manager = user in {name.partition("@")[0] for name in server.values("managers")}
    remedy = f"qmgr -c 'set server managers += {user}@HEAD'"
    yield Finding(f"{user} is a manager of Torque", is_manager, "it defines, holds and deletes nodes and ends jobs", remedy)
    sees_all = is_manager or server.attributes.get("query_other_jobs") == "True"
    yield Finding(f"{user} sees all users' jobs", sees_all, "", "qmgr -c 'set server query_other_jobs = True'")


def _check_reservations(server: Server, reservations: Iterable[Reservation]) -> Iterator[Finding]:
    for reservation in reservations:
        problem, _, remedy = find_problem(server, reservation).partition(": ")
        parts = (("queue", reservation.queue), ("account", reservation.account), ("property", reservation.property))
        what = ", ".join(f"{kind} {name}" for kind, name in parts if name) or "no reservation"
        yield Finding(f"nodes of {what} can join", not problem, problem, remedy)


def _check_submission(server: Server, nodes: Iterable[NodeRecord]) -> Iterator[Finding]:
    """qsub refuses whatever the defined nodes could not serve, so that no job could ever wait for nodes that are still to come."""
    placeholders = [node for node in nodes if node.offline and not node.heard and not node.note.startswith(OUR_NOTE)]
    ready = bool(server.attributes.get(_NODECT)) or bool(placeholders)
    detail = "" if ready else "qsub rejects (cannot locate feasible nodes) whatever the nodes that are defined now could not serve"
    yield Finding("jobs can be submitted that need nodes which are not there yet", ready, detail, "" if ready else _PLACEHOLDER)


def _check_version(tools: Tools) -> Iterator[Finding]:
    version = tools.version()
    if is_affected(version):
        able = tools.settings.restart_server_command is not None
        detail = f"Torque {version} starts them only after pbs_server was restarted"
        remedy = "" if able else "set cluster: config: restart_server_command (it is used only when no job runs)"
        yield Finding("jobs over several nodes can start on nodes that were just added", able, detail, remedy)


def _check_maui(tools: Tools) -> Iterator[Finding]:
    try:
        tools.priorities()
        tools.reservations()
    except BatchError as error:
        yield Finding("Maui answers", False, str(error), "start Maui, or mend diagnose_p_command and showres_command in cluster: config:")
        return
    yield Finding("Maui answers", True)
    yield from _check_deferral(tools.maui_settings())


def _check_deferral(settings: Mapping[str, str]) -> Iterator[Finding]:
    value = settings.get("DEFERTIME", "1:00:00")
    try:
        ready = read_duration(value) == 0
    except ValueError:
        ready = False
    detail = f"DEFERTIME is {value}: jobs that no node can serve are put off for so long; they are released when the cluster has grown"
    what = "Maui tries waiting jobs again when nodes come"
    yield Finding(what, True) if ready else Finding(what, False, detail, "set DEFERTIME 0 in maui.cfg, restart Maui")
