"""Every call of the API in one table: the server is made of it, and so is openapi.json, so that neither can tell what the other does not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .parameters import (
    JOB_STATE,
    LIMIT,
    NODE_STATE,
    OFFSET,
    TEST,
    Parameter,
    choice,
    flag,
    moment,
    whole,
    word,
)
from .schemas import Schema, listed, ref


@dataclass(frozen=True, slots=True)
class Call:
    """One method of one path. `right`: the runner function that the caller must be allowed, "" for none; `changes`: it needs a token
    always, and a browser's must show its CSRF token. `answer`: schema of the 200; `does`: the handler's method, or a command's name."""

    method: str
    path: str
    right: str
    does: str
    summary: str
    answer: Schema | None
    parameters: tuple[Parameter, ...] = ()
    changes: bool = False
    pages: bool = False
    body: Schema | None = None
    kind: str = "application/json"
    subject: str = ""  # the command's argument that the path names
    fixed: Mapping[str, object] = field(default_factory=dict)  # further arguments of the command
    errors: tuple[int, ...] = ()


def _read(path: str, right: str, does: str, summary: str, answer: Schema, *parameters: Parameter, pages: bool = False, named: bool = False) -> Call:
    more = (LIMIT, OFFSET) if pages else ()
    return Call("GET", path, right, does, summary, answer, (*parameters, *more), pages=pages, errors=(404,) if named else ())


def _change(
    method: str,
    path: str,
    command: str,
    summary: str,
    *parameters: Parameter,
    subject: str = "",
    errors: tuple[int, ...] = (),
    **fixed: object,
) -> Call:
    found = (404,) if subject else ()
    return Call(
        method,
        path,
        command,
        command,
        summary,
        ref("Done"),
        (*parameters, TEST),
        changes=True,
        subject=subject,
        fixed=fixed,
        errors=(*found, *errors),
    )


_NUM = whole("num", "how many", 1, 100_000, 1, or_empty=True)
_RESOURCE = word("resource", "only those of this resource")
_NODE = word("node", "only what concerns this node")
_KIND = choice("kind", "only entries of this kind", ("action", "event", "command"))
_FORCE = flag("force", "its jobs end, whatever it does")
_HOLD = flag("hold", "any node without jobs: hold it first, remove it once it is empty")
_NODES = flag("nodes", "with their worker nodes", True)

CALLS: tuple[Call, ...] = (
    _read("/workernode", "nodes", "nodes", "List the worker nodes", listed(ref("WorkerNode")), NODE_STATE, _RESOURCE, pages=True),
    _read("/workernode/{host}", "node", "node", "Show one worker node", ref("WorkerNode"), named=True),
    _change("PUT", "/workernode/{host}/hold", "hold", "No new jobs on it, running ones go on", subject="node"),
    _change("PUT", "/workernode/{host}/unhold", "unhold", "Let jobs on it again", subject="node"),
    _change("PUT", "/workernode/{host}/vacate", "vacate", "Hold it and end all its jobs", subject="node"),
    _change("DELETE", "/workernode/{host}", "remove", "Remove it", _FORCE, _HOLD, subject="node", errors=(409,)),
    _read("/job", "jobs", "jobs", "List the queued jobs", listed(ref("Job")), JOB_STATE, word("owner", "only this user's"), pages=True),
    _read("/job/{job}", "job", "job", "Show one job", ref("Job"), named=True),
    _read("/resource", "resources", "resources", "List the resources", listed(ref("Resource")), _NODES, pages=True),
    _read("/resource/{resource}", "resource", "resource", "Show one resource", ref("Resource"), _NODES, named=True),
    _change("PUT", "/resource/{resource}", "add", "Launch nodes", _NUM, subject="resource"),
    _change("PUT", "/resource/{resource}/freeze", "freeze", "Neither grow nor shrink", subject="resource"),
    _change("PUT", "/resource/{resource}/drain", "drain", "Hold all its nodes, wait for their jobs, remove them", subject="resource"),
    _change("PUT", "/resource/{resource}/restore", "restore", "Back to its minimum and maximum", subject="resource"),
    _change(
        "PUT",
        "/resource/{resource}/adopt",
        "adopt",
        "Take in a machine without our tags",
        word("instance", "the machine's id in the cloud", required=True),
        subject="resource",
    ),
    _read("/server/status", "status", "server", "Tell the automatic mode and the batch system's health", ref("ServerStatus")),
    _read("/server/config", "config", "config", "Show the configuration, secrets masked", ref("Configuration")),
    _change("PUT", "/server/auto", "auto", "Automatic mode on", enabled=True),
    _change("DELETE", "/server/auto", "auto", "Automatic mode off", enabled=False),
    _change("PUT", "/server/stop", "stop", "No launches from now on"),
    _change("PUT", "/server/reconcile", "reconcile", "Read settings, batch system and clouds anew"),
    _read("/status", "status", "status", "Tell the whole in one look", ref("Status")),
    _read("/plan", "plan", "plan", "Tell what a decision made now would do", ref("Plan")),
    _read("/explain/job/{job}", "explain", "explain_job", "Tell why a job waits, or what it gets", ref("Explanation"), named=True),
    _read("/explain/node/{host}", "explain", "explain_node", "Tell why a node exists, and when it may go", ref("Explanation"), named=True),
    Call(
        "GET",
        "/history",
        "history",
        "history",
        "Tell what was done, newest first",
        listed(ref("Entry")),
        (_NODE, _RESOURCE, _KIND, whole("limit", "at most so many entries", 1, 1000, 50), OFFSET),
        pages=True,
    ),
    _read(
        "/series",
        "history",
        "series",
        "Numbers over time",
        ref("Series"),
        moment("from", "begin here; an hour ago when not given"),
        moment("to", "end here; now when not given"),
        _RESOURCE,
        whole("points", "about so many points", 2, 2000, 300),
        named=True,
    ),
    _read("/orphans", "orphans", "orphans", "List machines with our tags that belong to no node", listed(ref("Orphan")), pages=True),
    Call(
        "GET",
        "/events",
        "history",
        "events",
        "Live events",
        None,
        (word("last_event_id", "go on after this event"),),
        kind="text/event-stream",
        errors=(503,),
    ),
    Call("GET", "/metrics", "status", "metrics", "Numbers for Prometheus", None, kind="text/plain"),
    Call("GET", "/healthz", "", "healthz", "Tell whether the engine lives", ref("Health"), errors=(503,)),
    Call("GET", "/openapi.json", "", "openapi", "This document", {"type": "object"}),
    Call("GET", "/session", "", "session", "Tell who asks", ref("Session")),
    Call("POST", "/login", "", "login", "Begin a browser's session", ref("Session"), body=ref("Login"), errors=(401, 403, 413, 415, 429, 503)),
    Call("POST", "/logout", "", "logout", "End a browser's session", ref("Done"), errors=(403,)),
)
