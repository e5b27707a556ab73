"""The shapes of all answers, as JSON Schema: closed, every field required. openapi.json is made of them, the tests hold the answers to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import HoldBy, InstanceState, JobState, NodeState, Phase, ResourceFlag
from ..policy.plan import Act, Outcome

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}


def closed(**fields: Schema) -> Schema:
    """Return the schema of an object with just these fields."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def listed(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def mapped(to: Schema) -> Schema:
    """Return the schema of an object whose keys are names of the site: queues, resources, jobs."""
    return {"type": "object", "additionalProperties": to}


def maybe(of: Schema) -> Schema:
    return {"anyOf": [of, {"type": "null"}]}


def one_of(*values: object) -> Schema:
    return {"enum": list(values)}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _names(kind: Any) -> list[str]:
    return [item.name.capitalize() for item in kind]


_EXTRA = closed(
    queues=mapped(closed(slots=WHOLE, used=WHOLE, state=TEXT)),
    groups=listed(TEXT),
    properties=listed(TEXT),
    load=maybe(NUMBER),
    free_memory_mb=maybe(NUMBER),
    memory_mb=maybe(NUMBER),
    error=TEXT,
)

_INSTANCE = closed(
    uuid=TEXT,
    instance_name=TEXT,
    state=one_of(*map(int, InstanceState)),
    ip=TEXT,
    dns_name=TEXT,
    vcpu_number=WHOLE,
    flavor=TEXT,
    key_name=TEXT,
    security_groups=listed(TEXT),
    availability_zone=TEXT,
    image_uuid=TEXT,
    subnet_id=TEXT,
    creation_time=NUMBER,
    cloud_resource=TEXT,
    last_update_time=NUMBER,
    last_task_result=TEXT,
    tasked=FLAG,
    spot_id=maybe(TEXT),
    spot_state=maybe(TEXT),
    spot_price=maybe(NUMBER),
    state_name=one_of(*_names(InstanceState)),
    public_ip=TEXT,
    spot=FLAG,
    detail=TEXT,
)

_NODE = closed(
    hostname=TEXT,
    type=TEXT,
    state=one_of(*map(int, NodeState)),
    state_start_time=NUMBER,
    time_in_current_state=NUMBER,
    num_proc=WHOLE,
    jobs=listed(TEXT),
    extra_attributes=maybe(_EXTRA),
    instance=maybe(ref("Instance")),
    name=TEXT,
    resource=TEXT,
    state_name=one_of(*_names(NodeState)),
    phase=one_of("", *(phase.value for phase in Phase)),
    reason=TEXT,
    cause=TEXT,
    failed=TEXT,
    held_by=one_of("", *(by.value for by in HoldBy)),
    stays=TEXT,
)

_FATE = closed(
    outcome=one_of(*dict.fromkeys([*(item.value for item in Outcome), *(state.value for state in JobState)])),
    reason=TEXT,
    nodes=listed(TEXT),
)

_JOB = closed(
    jobid=TEXT,
    name=TEXT,
    owner=TEXT,
    state=one_of(*(state.value for state in JobState)),
    priority=NUMBER,
    queue=TEXT,
    account=TEXT,
    property=TEXT,
    requested_cores=WHOLE,
    cores_per_node=WHOLE,
    requested_mem=NUMBER,
    requested_walltime=maybe(NUMBER),
    creation_time=NUMBER,
    extra_attributes=mapped({}),
    start_time=NUMBER,
    waiting_for=NUMBER,
    tasks=WHOLE,
    hosts=listed(TEXT),
    fate=ref("Fate"),
)

_BRIEF: Mapping[str, Schema] = {
    "name": TEXT,
    "type": TEXT,
    "priority": WHOLE,
    "min_num": WHOLE,
    "max_num": WHOLE,
    "current_num": WHOLE,
    "cores_per_node": WHOLE,
    "flag": one_of(*map(int, ResourceFlag)),
    "reservation_queue": TEXT,
    "reservation_account": TEXT,
    "reservation_property": TEXT,
    "proposed_allocation": WHOLE,
    "flag_name": one_of(*_names(ResourceFlag)),
    "price": maybe(NUMBER),
    "wanted": WHOLE,
    "states": mapped(WHOLE),
    "memory_mb_per_node": NUMBER,
    "gpus_per_node": WHOLE,
    "backoff": maybe(closed(until=NUMBER, kind=TEXT, reason=TEXT)),
    "offerings": listed(closed(name=TEXT, until=NUMBER, reason=TEXT)),
    "evidence": listed(closed(at=NUMBER, resource=TEXT, node=TEXT, instance=TEXT, why=TEXT, console=TEXT)),
    "blocked": TEXT,
    "read_at": NUMBER,
    "read_age": maybe(NUMBER),
    "error": TEXT,
    "failing_since": NUMBER,
}

_ENGINE = closed(
    version=TEXT,
    started_at=NUMBER,
    alive_at=NUMBER,
    stopped=FLAG,
    auto_mode=FLAG,
    auto_provision_interval=NUMBER,
    cluster_poller_interval=NUMBER,
    cloud_poller_interval=NUMBER,
    config_error=TEXT,
    config_faults=listed(ref("Fault")),
    degraded=mapped(TEXT),
    journal=TEXT,
    trouble=TEXT,
    failures=mapped(WHOLE),
    bugs=WHOLE,
    in_flight=WHOLE,
    counters=mapped(WHOLE),
    standby=closed(role=one_of("alone", "acting", "standing by"), acting=TEXT, trouble=TEXT),
)

_BATCH = closed(
    name=TEXT,
    type=TEXT,
    health=mapped(FLAG),
    warnings=listed(TEXT),
    read_at=NUMBER,
    read_age=maybe(NUMBER),
    error=TEXT,
    failing_since=NUMBER,
)

_ACTION = closed(act=one_of(*(act.value for act in Act)), resource=TEXT, node=TEXT, reason=TEXT, detail=TEXT)
_COUNTS = mapped(WHOLE)
_DECISION: Mapping[str, Schema] = {"at": NUMBER, "actions": listed(ref("Action")), "launches": _COUNTS, "blocked": mapped(TEXT)}
_COLUMN = listed(maybe(NUMBER))
SERIES_STATES = ("total", "starting", "idle", "busy", "error", "deleting", "holding", "held")
_COLUMNS = closed(**{state: _COLUMN for state in SERIES_STATES})

SCHEMAS: Mapping[str, Schema] = {
    "Error": closed(error=TEXT, status=WHOLE),
    "Fault": closed(path=TEXT, problem=TEXT, hint=TEXT),
    "Done": {**closed(success=one_of(True), message=TEXT, data=mapped({})), "required": ["success"]},
    "Instance": _INSTANCE,
    "WorkerNode": _NODE,
    "Fate": _FATE,
    "Job": _JOB,
    "ResourceStatus": closed(**_BRIEF),
    "Resource": closed(**_BRIEF, config=ref("ResourceConfiguration"), worker_nodes=listed(ref("WorkerNode"))),
    "Action": _ACTION,
    "Status": closed(
        cluster=TEXT,
        at=NUMBER,
        engine=_ENGINE,
        batch=_BATCH,
        totals=closed(nodes=_COUNTS, cores=_COUNTS, jobs=_COUNTS, pending_cores=WHOLE),
        resources=listed(ref("ResourceStatus")),
        plan=closed(**_DECISION),
        problems=listed(TEXT),
    ),
    "ServerStatus": closed(auto_mode=FLAG, cluster=mapped(FLAG)),
    "Plan": closed(message=TEXT, **_DECISION, stays=mapped(TEXT), fates=mapped(ref("Fate"))),
    "Explanation": closed(subject=TEXT, explanation=TEXT),
    "Entry": closed(at=NUMBER, kind=one_of("action", "event", "command"), text=TEXT, resource=TEXT, node=TEXT, data=mapped({})),
    "Series": {
        "type": "object",
        "properties": {
            "from": NUMBER,
            "to": NUMBER,
            "step": NUMBER,
            "resource": TEXT,
            "time": listed(NUMBER),
            "nodes": _COLUMNS,
            "cores": _COLUMNS,
            "jobs": closed(pending=_COLUMN, running=_COLUMN),
            "waiting": _COLUMN,
            "cost": _COLUMN,
        },
        "required": ["from", "to", "step", "resource", "time", "nodes", "cores", "jobs", "waiting", "cost"],
        "additionalProperties": False,
    },
    "Orphan": closed(id=TEXT, name=TEXT, resource=TEXT, state_name=TEXT, ip=TEXT),
    "Health": closed(status=one_of("ok", "stale", "starting", "unusable", "standing by"), age=maybe(NUMBER), acting=TEXT),
    "Session": closed(
        authenticated=FLAG,
        user=TEXT,
        csrf=TEXT,
        expires=maybe(NUMBER),
        rights=listed(TEXT),
        eauth=listed(TEXT),
        anonymous_read=FLAG,
    ),
}


def _short(most: int) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": most, "pattern": "^[^\\u0000]+$"}


def login_schema(kinds: tuple[str, ...]) -> Schema:
    """Return the schema of what /login takes; where there is just one way to log in it need not be named."""
    by_password = closed(username=_short(256), password=_short(4096), eauth={"enum": list(kinds)} if kinds else _short(64))
    needed = ["username", "password"] if len(kinds) == 1 else ["username", "password", "eauth"]
    return {"oneOf": [{**by_password, "required": needed}, closed(token=_short(256))]}
