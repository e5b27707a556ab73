"""What the cluster is made of: jobs, hosts, instances, nodes. Frozen data, no behaviour beyond small derivations.

Units everywhere: seconds (durations and Unix time), MiB of memory, whole cores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from .job import Chunk as Chunk, Job as Job, JobState as JobState, Place as Place, Request as Request
from .notice import Notice as Notice, NoticeKind as NoticeKind


class NodeState(IntEnum):
    """State of a worker node. The numbers are public in the REST API."""

    INEXISTENT = 0
    STARTING = 1
    IDLE = 2
    BUSY = 3
    ERROR = 4
    DELETING = 5
    HOLDING = 6
    HELD = 7


class InstanceState(IntEnum):
    """State of the machine behind a worker node. ACTIVE: the cloud runs it. READY: its configuration is verified."""

    INEXISTENT = 0
    PENDING = 1
    STARTING = 2
    ACTIVE = 3
    READY = 4
    DELETING = 5
    ERROR = 6
    UNKNOWN = 7


class ResourceFlag(IntEnum):
    """What an administrator wants of a resource."""

    NORMAL = 0
    FROZEN = 1
    DRAINING = 2
    DRAINED = 3


class HoldBy(Enum):
    """Whose hold keeps new jobs off a host, as marked in the batch system itself."""

    NOBODY = "nobody"
    US = "us"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a node gives. Zero memory: unknown, so that it restricts nothing."""

    cores: int
    memory_mb: int = 0
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Reservation:
    """What restricts a resource's nodes: a queue, an account (Grid Engine: a host group) or a property."""

    queue: str = ""
    account: str = ""
    property: str = ""


# -- hosts of the batch system ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QueueSlots:
    """A queue on a host. `usable`: a job could start there now (not disabled, suspended, in alarm for good, orphaned or in error)."""

    name: str
    slots: int
    used: int = 0
    usable: bool = True
    state: str = ""  # the batch system's own letters or words


@dataclass(frozen=True, slots=True)
class Host:
    """A host as the batch system shows it.

    `up`: its execution daemon answers; None: not known (never contacted, or the server itself has just restarted).
    `reported` is what the daemon says that the machine has; None before it said anything.
    """

    name: str
    up: bool | None
    queues: tuple[QueueSlots, ...] = ()
    jobs: tuple[str, ...] = ()
    hold: HoldBy = HoldBy.NOBODY
    reported: Shape | None = None
    free_memory_mb: int | None = None
    groups: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    features: Mapping[str, str] = field(default_factory=dict, compare=False)
    reservation: Reservation = Reservation()  # Torque: the standing reservation on this host
    error: str = ""  # configuration conflict, queue in error ...: why it cannot run jobs
    exclusive: bool = False  # taken by an exclusive job
    load: float | None = None

    @property
    def cores(self) -> int:
        return max((queue.slots for queue in self.queues), default=0)

    @property
    def busy(self) -> bool:
        if self.jobs:
            return True
        for queue in self.queues:  # looked at for each node several times in a cycle, and any() of a generator takes thrice as long
            if queue.used:
                return True
        return False


@dataclass(frozen=True, slots=True)
class Offer:
    """How a node of a resource will look to the batch system once it has joined: what the policy places new nodes' jobs by."""

    queues: frozenset[str]
    groups: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    features: Mapping[str, str] = field(default_factory=dict, compare=False)
    problem: str = ""  # why a node of this reservation could not join (unknown queue, unknown host group)


@dataclass(frozen=True, slots=True)
class BatchView:
    """One complete reading of the batch system. `offers` has an entry for each reservation the adapter was told of."""

    jobs: tuple[Job, ...]
    hosts: tuple[Host, ...]
    offers: Mapping[Reservation, Offer] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    health: Mapping[str, bool] = field(default_factory=dict)  # {"sge": True} or {"torque": True, "maui": False}


# -- clouds -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Instance:
    """A machine in a cloud that carries our owner tags."""

    id: str
    name: str
    resource: str
    state: InstanceState
    intent: str = ""
    address: str = ""
    public_address: str = ""
    private_dns: str = ""
    public_dns: str = ""
    created: float = 0.0
    shape: Shape | None = None
    flavor: str = ""
    image: str = ""
    key_name: str = ""
    security_groups: tuple[str, ...] = ()
    zone: str = ""
    subnet: str = ""
    market: str = "on-demand"  # or "spot"
    price: float | None = None
    detail: str = ""  # the cloud's own word for the state, a fault's text
    stopped: bool = False  # it exists and surely does not run (stopped by hand or by the cloud)
    notice: str = ""  # what the cloud will soon do to it (retirement, interruption): to be replaced; "": nothing
    impaired: str = ""  # which of the cloud's own checks of it fail for some time: to be replaced; "": none
    refused: tuple[str, ...] = ()  # in a launch's answer: offerings that had none
    offering: str = ""  # in a launch's answer: the one that had this machine
    refusal: str = ""  # in error because the cloud refused it after having taken the order: the value of that errors.Refusal


@dataclass(frozen=True, slots=True)
class CloudView:
    """One listing of a resource. `gone`: ids asked for by name that the cloud does not know.

    `cut`: a machine of the resource that was asked for by name is there, and the listing lacked it: it may lack others.
    """

    instances: tuple[Instance, ...]
    shape: Shape | None = None
    gone: frozenset[str] = frozenset()
    cut: bool = False


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """What one launch call needs. The same `intent` always stands for the same order. `attempt` counts the calls that the cloud surely refused
    before; only then may it be asked with other values. `avoid`: offerings (a kind of machine in a place) that had none just now.
    """

    intent: str
    name: str
    user_data: str
    asked_at: float  # when this intent was first asked for
    tags: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 0
    avoid: tuple[str, ...] = ()
    tried_at: float = 0.0  # when a cloud was first called for it; 0: no cloud has ever heard of it


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """What one launch call for up to `count` machines needs. They share `intent` and `user_data`; each is named after its own id in the cloud."""

    intent: str
    count: int
    user_data: str
    asked_at: float
    avoid: tuple[str, ...] = ()


class Verdict(Enum):
    """What a configuration check says of a node."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CheckResult:
    verdict: Verdict
    detail: str = ""


# -- one node, as everything known of it says -------------------------------------------------------------------------


class Phase(Enum):
    """How far a machine of ours has come. What the batch system and the cloud can tell is not repeated here."""

    __hash__ = object.__hash__

    ASKED = "asked"  # the intent is written; the cloud may or may not have heard
    BOOTING = "booting"  # the cloud has it and does not run it yet
    JOINING = "joining"  # it runs; to be registered in the batch system, held
    CONFIGURING = "configuring"  # registered and held; its configuration is awaited
    SERVING = "serving"  # released: it takes jobs, unless somebody holds it
    DRAINING = "draining"  # to go: held, its jobs awaited
    LEAVING = "leaving"  # empty, being taken out of the batch system
    DESTROYING = "destroying"  # the cloud was asked to end it


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """What is remembered of one machine of ours. Key: `name`, unique for ever."""

    name: str
    resource: str
    intent: str
    phase: Phase = Phase.ASKED
    asked_at: float = 0.0
    tried_at: float = 0.0  # when the cloud was first called for it; 0: the cloud never heard of it
    instance_id: str = ""
    hostname: str = ""
    address: str = ""
    active_at: float = 0.0
    joined_at: float = 0.0  # when its joining began; 0: the batch system never heard of it
    ready_at: float = 0.0
    idle_since: float = 0.0  # 0: not idle
    down_since: float = 0.0  # 0: not down
    empty_seen: int = 0  # fresh readings in a row that showed it held and without a job
    seen_at: float = 0.0  # when a listing showed its instance, to within some minutes
    gone: bool = False  # the cloud surely ended it
    held_for: str = ""  # why an administrator holds it; "": nobody does
    leaving_for: str = ""  # why it goes; "": it stays
    forced: bool = False  # its jobs may be ended: an administrator said so
    failed: str = ""  # what went wrong with it, for the administrator
    cause: str = ""  # why it was launched
    hooks_done: frozenset[str] = frozenset()
    shown: NodeState = NodeState.INEXISTENT  # the state that was last announced
    shown_at: float = 0.0
    spot: bool = False
    reading: int = 0  # number of the batch reading that `empty_seen` last counted
    batch_acted_at: float = 0.0  # last time that we changed it in the batch system: older readings say nothing of it
    cloud_acted_at: float = 0.0  # the same for its cloud
    configured_at: float = 0.0  # when its configuration was first asked for; 0: not yet
    notice: Notice | None = None  # what the cloud announced about its machine
    requeued_at: float = 0.0  # when its jobs were last asked to run again elsewhere
    attempt: int = 0  # launches of it that the cloud surely refused; the next one is asked anew
    avoid: tuple[str, ...] = ()  # offerings that its launch leaves out, the same each time it is repeated
    tries: int = 0  # calls of the cloud that asked for it
    minion: str = ""  # its machine's own name, and so its minion's id, where the machine is named after its id in the cloud; "": `name`
    ending_at: float = 0.0  # when the cloud last took our word to end its machine; 0: never


@dataclass(frozen=True, slots=True)
class WorkerNode:
    """A worker node as shown: a host of the batch system, a machine of ours, or both."""

    hostname: str
    state: NodeState
    since: float
    resource: str = ""  # "": physical, never touched
    type: str = "physical"
    host: Host | None = None
    instance: Instance | None = None
    record: NodeRecord | None = None
    reason: str = ""
    seen_at: float = 0.0  # last time that a listing showed its instance
    steady: bool = False  # ours, it serves, it is up and let in, and nobody wants anything of it: most nodes, and few rules concern them

    @property
    def instance_state(self) -> InstanceState:
        """READY once its configuration was verified, else what the cloud says."""
        if self.instance is None:
            return InstanceState.INEXISTENT if self.record is None else InstanceState.PENDING
        if self.instance.state is InstanceState.ACTIVE and self.record and self.record.ready_at:
            return InstanceState.READY
        return self.instance.state
