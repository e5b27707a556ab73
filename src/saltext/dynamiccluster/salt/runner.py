"""What the runner's functions do. Reads come from the engine's last snapshot, also while it is down; changes are commands to it."""

from __future__ import annotations

import getpass
import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import CommandRefused, ConfigurationError
from ..model import JobState, NodeState
from ..ports import Finding
from .commands import ask
from .places import check_cluster, cluster_directory, known_clusters
from .process import is_locked
from .snapshot import read_nodes, read_snapshot, read_summary

Opts = Mapping[str, Any]
Row = dict[str, Any]

# what a table of nodes shows; Salt spends more on each cell than we do
TABLE = ("hostname", "resource", "state_name", "time_in_current_state", "num_proc", "jobs", "reason")
_POLL = 2.0
_STALE = 30.0  # seconds; a healthy engine writes its snapshot every few
_VALIDATE_WITHIN = 120.0
_FLAGS = frozenset({"test", "force", "enabled"})
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


# -- which cluster ------------------------------------------------------------------------------------------------


def engine_options(opts: Opts) -> list[Row]:
    """Return the options of every engine of ours in the master's configuration."""
    engines = opts.get("engines") or []
    pairs = [{name: options} for name, options in engines.items()] if isinstance(engines, Mapping) else engines
    found = []
    for pair in pairs:
        name, options = next(iter(pair.items())) if isinstance(pair, Mapping) else (pair, None)
        options = dict(options or {})
        if options.pop("engine_module", name) == "dynamiccluster":
            found.append(options)
    return found


def pick_cluster(opts: Opts, cluster: str | None) -> str:
    """Return the cluster that is meant. Raises CommandRefused when there are several and none was named, or none at all."""
    if cluster is not None:
        return check_cluster(str(cluster))
    configured = {options.get("cluster") for options in engine_options(opts)}
    known = set(known_clusters(opts))
    names = configured if configured and None not in configured else known | (configured - {None})
    if len(names) == 1:
        return check_cluster(str(names.pop()))
    if not names:
        raise CommandRefused("no cluster is known on this master: put `dynamiccluster: {}` under `engines` in its configuration")
    raise CommandRefused(f"there are several clusters, name one: cluster={' or cluster='.join(sorted(map(str, names)))}")


def settings_id(opts: Opts, cluster: str) -> str:
    """Return the id whose pillar holds this cluster's settings."""
    engines = engine_options(opts)
    named = [options for options in engines if options.get("cluster") == cluster]
    chosen = named or [options for options in engines if options.get("cluster") is None]
    if not chosen and engines:
        raise CommandRefused(f"no engine in the master's configuration serves a cluster called {cluster!r}")
    if len(chosen) > 1:
        raise CommandRefused("several engines are configured: give each its `cluster` option, so that they can be told apart")
    return str((chosen[0] if chosen else {}).get("minion_id") or opts["id"])


# -- reading -------------------------------------------------------------------------------------------------------


def status(opts: Opts, cluster: str | None = None) -> Row:
    """Return how the cluster is: the engine, counts, and what is wrong."""
    name = pick_cluster(opts, cluster)
    document = read_summary(opts, name)
    running = is_locked(cluster_directory(opts, name))
    engine = {**document.get("engine", {}), "running": running}
    problems = list(document.get("problems", ()))
    if not running:
        problems.insert(0, "the engine is not running: what is shown is its last snapshot; see the master's log")
    elif age(document) > _STALE:
        problems.insert(0, _explain_stale(cluster_directory(opts, name), age(document)))
    return {
        "cluster": name,
        "age": age(document),
        "engine": engine,
        "batch": document.get("cluster", {}),
        "totals": document.get("totals", {}),
        "resources": {row["name"]: _brief(row) for row in document.get("resources", ())},
        "problems": problems,
    }


def _explain_stale(directory: Path, seconds: float) -> str:
    """Return why readers see an old document though the engine runs: mostly a full disk."""
    disk = os.statvfs(directory)
    free = f"{disk.f_bavail * disk.f_frsize // 2**20} MiB and {disk.f_favail} files free there"
    return f"the engine runs, but what is shown is {seconds:.0f} s old: it cannot write into {directory} ({free}), or hangs; see the master's log"


def table(opts: Opts, part: str, cluster: str | None = None, **wanted: object) -> list[Row]:
    """Return the rows of one part of the snapshot ("nodes", "jobs", ...) whose fields have the wanted values (None: any)."""
    document = read_snapshot(opts, pick_cluster(opts, cluster))
    _check_acting(document)
    return _choose(document.get(part, []), wanted)


def _choose(rows: list[Row], wanted: Mapping[str, object]) -> list[Row]:
    for field, value in wanted.items():
        if value is not None:
            rows = [row for row in rows if _has(row, field, value)]
    return rows


def _check_acting(document: Mapping[str, Any]) -> None:
    """Raise CommandRefused where the engine of another master acts: this one sees no nodes, which must not look like none."""
    standby = document.get("engine", {}).get("standby", {})
    if standby.get("role") == "standing by":
        raise CommandRefused(f"this engine stands by, {standby.get('acting') or 'nobody yet'} acts: ask there")


def nodes(opts: Opts, resource: str | None = None, state: object = None, cluster: str | None = None, full: object = False) -> list[Row]:
    """Return the worker nodes, of one resource or in one state; `full`: all that is known of them. Raises CommandRefused for what there is not."""
    _check_resource(opts, resource, cluster)
    _check_state(state, {str(int(one)) for one in NodeState}, {one.name.lower() for one in NodeState})
    if _truth(full, "full"):
        return table(opts, "nodes", cluster, resource=resource, state=state)
    rows = _node_rows(opts, cluster, resource=resource, state=state)
    return [{name: row[name] for name in TABLE} for row in rows]


def _node_rows(opts: Opts, cluster: str | None, **wanted: object) -> list[Row]:
    """Return what a table of nodes is made of, without reading all that is known."""
    name = pick_cluster(opts, cluster)
    _check_acting(read_summary(opts, name))
    return _choose(read_nodes(opts, name), wanted)


def jobs(opts: Opts, state: object = None, owner: object = None, cluster: str | None = None) -> list[Row]:
    """Return the jobs, in one state or of one owner. Raises CommandRefused when there is no such state."""
    _check_state(state, set(), {one.value for one in JobState})
    return table(opts, "jobs", cluster, state=state, owner=owner)


def _check_resource(opts: Opts, resource: str | None, cluster: str | None) -> None:
    if resource is not None:
        document = read_summary(opts, pick_cluster(opts, cluster))
        _check_acting(document)
        _find(document.get("resources", []), "resource", resource, ("name",))


def _check_state(state: object, numbers: set[str], names: set[str]) -> None:
    if state is not None and str(state).lower() not in numbers | names:
        raise CommandRefused(f"{state!r} is no state; known: {', '.join(sorted(names))}")


def _has(row: Row, field: str, value: object) -> bool:
    """Tell whether a field has a value; a state by its name or by its number."""
    return str(value).lower() in {str(row.get(field, "")).lower(), str(row.get(f"{field}_name", "")).lower()}


def one(opts: Opts, part: str, name: object, fields: tuple[str, ...], cluster: str | None = None) -> Row:
    """Return the row that has `name` in one of `fields`. Raises CommandRefused when there is none."""
    return _find(table(opts, part, cluster), part[:-1], name, fields)


def _find(rows: list[Row], what: str, name: object, fields: tuple[str, ...]) -> Row:
    for field in fields:
        for row in rows:
            if str(row.get(field, "")) == str(name):
                return row
    known = sorted({str(row.get(fields[0])) for row in rows})
    listed = ", ".join(known[:20]) + (" ..." if len(known) > 20 else "") if known else "there are none"
    raise CommandRefused(f"no {what} is called {name!r}; known: {listed}")


def job(opts: Opts, job_id: object, cluster: str | None = None) -> Row:
    """Return one job: as shown, else as the engine gets it from the batch system."""
    try:
        return one(opts, "jobs", job_id, ("jobid",), cluster)
    except CommandRefused:
        return command(opts, "job", cluster, job=str(job_id))


def config(opts: Opts, cluster: str | None = None) -> Row:
    """Return the settings as the pillar holds them now, whatever may be secret masked."""
    from ..settings.shown import public  # the schema takes longer to load than all that readers of the snapshot do
    from .pillar import load_settings

    name = pick_cluster(opts, cluster)
    return public(load_settings(opts, settings_id(opts, name)))


def wait(opts: Opts, resource: str | None, ready: int | None, within: float, cluster: str | None = None) -> Row:
    """Wait until `ready` nodes serve (None: until none is on its way). Raises CommandRefused when `within` seconds were not enough."""
    name = pick_cluster(opts, cluster)
    _check_resource(opts, resource, name)
    wanted = None if ready is None else _whole(ready, "ready")
    patience = float(_whole(within, "within"))
    until = time.monotonic() + patience
    while True:
        serving, coming = _count(_node_rows(opts, name, resource=resource))
        if (serving >= wanted) if wanted is not None else not coming:
            return {"ready": serving, "starting": coming}
        if time.monotonic() >= until:
            wish = f"{wanted} nodes were not ready" if wanted is not None else f"{coming} nodes were still starting"
            raise CommandRefused(f"{wish} after {patience:.0f} s: {serving} ready, {coming} starting; see dynamiccluster.explain NODE")
        time.sleep(min(_POLL, max(until - time.monotonic(), 0.05)))


def _whole(value: object, name: str) -> int:
    """Return a whole number as the command line gives it. Raises CommandRefused for anything else."""
    if isinstance(value, bool) or not str(value).isdecimal():
        raise CommandRefused(f"{name} must be a whole number, not {value!r}")
    return int(str(value))


def _truth(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise CommandRefused(f"{name} must be True or False, not {value!r}")
    return value


def _count(rows: list[Row]) -> tuple[int, int]:
    states = Counter(str(row.get("state_name", "")).lower() for row in rows if row.get("type") != "physical")
    return states["idle"] + states["busy"], states["starting"] + states["inexistent"]


def history(opts: Opts, node: str | None, resource: str | None, limit: object, cluster: str | None = None) -> list[Row]:
    """Return what was done, newest first: from the engine, or from its last snapshot while it is down."""
    name = pick_cluster(opts, cluster)
    limit = _whole(limit, "limit")
    if is_locked(cluster_directory(opts, name)):
        answer = command(opts, "history", name, node=node, resource=resource, limit=limit)
        return list(answer.get("answer") or ())
    return table(opts, "history", name, node=node, resource=resource)[:limit]


def validate(opts: Opts, cluster: str | None = None) -> Row:
    """Check everything on the real systems; a non-zero `retcode` when anything must be mended."""
    from .keys import check_master
    from .leaks import check_minions

    name = pick_cluster(opts, cluster)
    identity = settings_id(opts, name)
    findings = [*_check_settings(opts, identity), *check_master(opts), *check_minions(opts, identity)]
    try:
        reply = command(opts, "validate", name, deadline=_VALIDATE_WITHIN)
        findings += [Finding(**found) for found in reply.get("answer") or ()]
    except CommandRefused as error:
        findings.append(Finding("engine", False, str(error), "start it, then validate again: it checks as its own user"))
    bad = [show_finding(finding) for finding in findings if not finding.ok]
    good = [show_finding(finding) for finding in findings if finding.ok]
    return {"retcode": 1 if bad else 0, "to_mend": bad, "fine": good}


def simulate(opts: Opts, trace: object, settings: object = None, page: object = None, cluster: str | None = None, **wanted: object) -> Row:
    """Replay a trace under a pillar file's settings, or this cluster's. Raises TraceError, ConfigurationError, CommandRefused, OSError."""
    # here, since every other function of the runner is to start fast and needs none of it
    from ..replay.simulate import read_settings, simulate_trace
    from .pillar import load_settings

    chosen = read_settings(Path(str(settings))) if settings else load_settings(opts, settings_id(opts, pick_cluster(opts, cluster)))
    jobs, seed = wanted.pop("jobs", None), _whole(wanted.pop("seed", 1), "seed")
    most = None if jobs is None else _whole(jobs, "jobs")
    wanted["spread"] = _truth(wanted.get("spread", False), "spread")
    return simulate_trace(Path(str(trace)), chosen, seed=seed, most=most, page=Path(str(page)) if page else None, **wanted)


def _check_settings(opts: Opts, identity: str) -> list[Finding]:
    from .pillar import load_settings

    try:
        load_settings(opts, identity)
    except ConfigurationError as error:
        return [Finding(fault.path, False, fault.problem, fault.hint) for fault in error.faults]
    return [Finding("settings", True, f"the pillar of {identity}")]


def show_finding(finding: Finding) -> str:
    detail = f": {finding.detail}" if finding.detail else ""
    return f"{finding.what}{detail}" + (f" -> {finding.remedy}" if finding.remedy and not finding.ok else "")


# -- commands --------------------------------------------------------------------------------------------------------


def command(opts: Opts, name: str, cluster: str | None = None, deadline: float = 20.0, **arguments: object) -> Row:
    """Have the engine carry out a command; return its answer. Raises CommandRefused with its one sentence when it says no."""
    chosen = pick_cluster(opts, cluster)
    given = {key: read_flag(key, value) if key in _FLAGS else value for key, value in arguments.items() if value is not None}
    reply = ask(opts, chosen, {"name": name, "arguments": given, "by": _who()}, deadline)
    if not reply.get("ok"):
        raise CommandRefused(str(reply.get("message") or f"the engine refused {name}"))
    return _flatten(reply)


def read_flag(name: str, value: object) -> bool:
    """Return a switch as the command line gives it. Raises CommandRefused for what is neither yes nor no."""
    if str(value).lower() not in _WORDS:
        raise CommandRefused(f"{name}={value!r} is neither True nor False")
    return _WORDS[str(value).lower()]


def _flatten(reply: Row) -> Row:
    """Put the answer beside the message: salt-api takes a top-level `data` for its own."""
    data, message = reply.get("data"), reply.get("message")
    head = {"message": message} if message else {}
    if isinstance(data, Mapping):
        return {**head, **data}
    return head if data is None else {**head, "answer": data}


def age(document: Mapping[str, Any]) -> float:
    """Return how many seconds ago the snapshot was written."""
    return round(max(time.time() - float(document.get("written_at", 0)), 0.0), 1)


def _brief(row: Mapping[str, Any]) -> Row:
    shown = ("min_num", "max_num", "current_num", "flag_name", "states", "blocked", "error")
    return {key: row[key] for key in shown if row.get(key) not in (None, "", {})}


def _who() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def describe(error: Exception) -> Row:
    """Return an error as a runner's answer: one sentence, or all faults of the settings."""
    if isinstance(error, ConfigurationError):
        return {"error": "the settings cannot be used", "faults": [str(fault) for fault in error.faults]}
    return {"error": str(error)}
