"""The records of the stand-in's state. Times are Unix seconds; 0 means never."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Node:
    """A node as pbs_server knows it. A new one is down and offline."""

    name: str
    created: float
    np: int = 1
    gpus: int = 0
    properties: list[str] = field(default_factory=list)
    note: str = ""
    down: bool = True
    offline: bool = True
    listed_at: float = 0.0  # 6.1: until then MOM-list-not-sent
    contacted: float = 0.0  # when its pbs_mom last reported
    facts: dict[str, str] = field(default_factory=dict)  # ncpus, physmem, availmem, totmem, loadave as the mom says


@dataclass
class Queue:
    """A queue. One of type Route passes its jobs on to the first destination that takes them."""

    name: str
    kind: str = "Execution"
    enabled: bool = True
    started: bool = True
    attributes: dict[str, str] = field(default_factory=dict)  # resources_max.walltime, route_destinations ...


@dataclass
class Job:
    """A job, an element of an array (`index`), or an array's own record (`request`)."""

    number: int
    server: str
    name: str
    owner: str
    queue: str
    created: float
    rank: int = 0
    index: int | None = None
    request: str = ""  # of an array's own record: what -t said
    limit: int = 0  # of an array's own record: its slot limit, 0 for none
    state: str = "Q"
    substate: int = 10
    holds: set[str] = field(default_factory=set)  # of u, o, s
    over_limit: bool = False  # held by its array's slot limit
    resources: dict[str, str] = field(default_factory=dict)
    account: str = ""
    priority: int = 0
    rerunnable: bool = True
    depend: str = ""
    not_before: float = 0.0
    eligible: float = 0.0
    changed: float = 0.0
    submit_args: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    script: str = ""
    directory: str = ""
    output: str = ""
    error: str = ""
    slots: list[tuple[str, int]] = field(default_factory=list)  # (node, processor) while it runs and after
    session: int | None = None
    started: float = 0.0
    starts: int = 0
    ending: bool = False  # it was told to end
    stuck: bool = False  # its moms do not know each other: it never really starts
    ended: float = 0.0
    exit_status: int | None = None

    @property
    def short(self) -> str:
        """Return the id as Maui writes it, without the server."""
        if self.request:
            return f"{self.number}[]"
        return str(self.number) if self.index is None else f"{self.number}[{self.index}]"

    @property
    def id(self) -> str:
        return f"{self.short}.{self.server}"

    @property
    def hosts(self) -> list[str]:
        """Return the nodes that it runs on, the first one its mother superior."""
        return list(dict.fromkeys(name for name, _ in self.slots))


@dataclass
class Reservation:
    """A reservation made with setres."""

    name: str
    kind: str  # CLASS, ACCT or USER
    value: str
    nodes: list[str]
    made: float


@dataclass
class Future:
    """What Maui keeps for the first job that cannot start yet: (node, processors), and from when."""

    job: str
    places: list[tuple[str, int]]
    start: float


@dataclass
class Seen:
    """A node as Maui last saw it; it stays here when pbs_server has forgotten it."""

    node: Node
    state: str
    since: float  # in this state
    first: float
    used: int = 0
    jobs: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reply:
    """What a command says: status, both outputs, and how many seconds it takes to say it."""

    status: int = 0
    out: str = ""
    err: str = ""
    seconds: float = 0.0
