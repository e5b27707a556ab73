"""What pbs_server does by itself: notice moms, keep the life of jobs, forget completed ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lab.torque import resources
from lab.torque.moms import Mom
from lab.torque.records import Job, Node, Queue

_CONTACT = 1.0  # seconds from a mom's start, or a node's creation, until the server has heard of it
_TERM = 15
_REFUSED_BY_SISTER = -4


@dataclass
class Timing:
    """Delays of the real thing, in seconds. The lab has shorter ones where waiting shows nothing."""

    poll: float = 30.0  # Maui's RMPOLLINTERVAL
    defer: float = 3600.0  # Maui's DEFERTIME
    down_after: float = 50.0
    keep_completed: float = 60.0
    unlisted: float = 10.0  # 6.1: how long a new node shows MOM-list-not-sent
    stuck: float = 60.0  # how long a job waits for sister moms that refuse it
    unroutable: float = 27.6


@dataclass
class Server:
    """The state of pbs_server. `now` is the time of the latest step."""

    name: str = "tqm.tq.test"
    version: str = "4.2.10"
    timing: Timing = field(default_factory=Timing)
    now: float = 0.0
    nodes: dict[str, Node] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    arrays: dict[int, Job] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    moms: dict[str, Mom] = field(default_factory=dict)
    resolve: Callable[[str], str] = lambda name: "127.0.0.1"
    next_number: int = 0
    next_rank: int = 1
    acquainted: set[str] = field(default_factory=set)  # nodes that the moms know of as sisters
    _places: dict[str, list[tuple[int, Job]]] | None = None  # what runs on each node, made again after a change

    @property
    def v6(self) -> bool:
        return not self.version.startswith("4.")

    @property
    def nodect(self) -> int:
        return int(self.attributes.get("resources_available.nodect", "0"))

    def running(self) -> list[Job]:
        """Return the jobs that hold processors."""
        return [job for job in self.jobs.values() if job.state in ("R", "E")]

    def on_node(self, node: Node) -> list[tuple[int, Job]]:
        """Return (processor, job) of what runs on a node; jobs of an earlier node of the name are not its own."""
        if self._places is None:
            self._places = {}
            for job in self.running():
                for name, slot in job.slots:
                    self._places.setdefault(name, []).append((slot, job))
        return sorted(((slot, job) for slot, job in self._places.get(node.name, ()) if job.started >= node.created), key=lambda pair: pair[0])

    def used(self) -> dict[str, int]:
        """Return the processors in use on each node."""
        return {node.name: len(self.on_node(node)) for node in self.nodes.values()}

    def mom_of(self, job: Job) -> Mom | None:
        """Return the mother superior of a job when the server can reach it: it must run, and its node must be defined."""
        name = job.hosts[0] if job.hosts else ""
        node, mom = self.nodes.get(name), self.moms.get(name)
        known = node is not None and job.started >= node.created
        return mom if known and mom is not None and mom.alive(self.now) else None

    def step(self) -> None:
        """Do what is due now."""
        for node in self.nodes.values():
            self._hear(node)
        for mom in self.moms.values():
            mom.step(self.now)
        for job in list(self.jobs.values()):
            self._age(job)
        for number, parent in list(self.arrays.items()):
            self._follow_elements(number, parent)

    def _hear(self, node: Node) -> None:
        mom = self.moms.get(node.name)
        if mom is not None and mom.alive(self.now - _CONTACT) and mom.alive(self.now) and self.now >= max(node.created + _CONTACT, node.listed_at):
            node.down, node.contacted, node.facts = False, self.now, mom.facts
        elif node.contacted and self.now - node.contacted > self.timing.down_after:
            node.down = True

    def _age(self, job: Job) -> None:
        if job.state == "C" and self.now - job.ended > self.timing.keep_completed:
            del self.jobs[job.id]
        elif job.state == "W" and self.now >= job.not_before:
            self.set_state(job)
        elif job.stuck and self.now - job.started > self.timing.stuck:
            self._try_again(job)
        elif job.depend and "s" in job.holds and self._came_true(job.depend):
            job.holds.discard("s")
            self.set_state(job)

    def _came_true(self, depend: str) -> bool:
        kind, _, ids = depend.partition(":")
        wanted = [self.jobs.get(self.full_id(one)) for one in ids.split(":")]
        if kind == "after":
            return all(job is None or job.started for job in wanted)
        return all(job is None or (job.state == "C" and (kind != "afterok" or job.exit_status == 0)) for job in wanted)

    def _follow_elements(self, number: int, parent: Job) -> None:
        elements = self.elements(number)
        if not elements:
            del self.arrays[number]
            return
        if parent.limit:
            self._keep_limit(elements, parent.limit)
        if all(job.state == "C" for job in elements):
            parent.state, parent.substate = "C", 59

    def _keep_limit(self, elements: list[Job], limit: int) -> None:
        active = sum(job.state in ("Q", "R", "E") for job in elements)
        for job in (job for job in elements if job.over_limit and job.state == "H"):
            if active >= limit:
                break
            job.over_limit = False
            self.set_state(job)
            active += job.state == "Q"

    def elements(self, number: int) -> list[Job]:
        """Return the elements of an array."""
        return [job for job in self.jobs.values() if job.number == number and job.index is not None]

    def full_id(self, text: str) -> str:
        """Return a job id with the server's name."""
        return text if "." in text else f"{text}.{self.name}"

    # The life of a job

    def set_state(self, job: Job) -> None:
        """Give a job that does not run the state that its holds and times make."""
        if job.holds or job.over_limit:
            job.state, job.substate = "H", 22 if "s" in job.holds and job.depend else 20
        elif job.not_before > self.now:
            job.state, job.substate = "W", 30
        else:
            job.state, job.substate, job.eligible = "Q", 10, job.eligible or self.now

    def run(self, job: Job, places: list[tuple[str, int]]) -> bool:
        """Start a job on these nodes; False when its first mom cannot be reached."""
        slots: list[tuple[str, int]] = []
        for name, ppn in places:
            taken = {slot for slot, _ in self.on_node(self.nodes[name])} | {slot for host, slot in slots if host == name}
            slots += [(name, slot) for slot in range(self.nodes[name].np) if slot not in taken][:ppn] if ppn else []
        mom = self.moms.get(places[0][0])
        if mom is None or not mom.alive(self.now):
            return False
        job.slots, job.state, job.substate = slots, "R", 42
        self._places = None
        job.started = job.changed = self.now
        job.starts, job.session, job.ending = job.starts + 1, 0, False
        job.stuck = not self.v6 and len(job.hosts) > 1 and not set(job.hosts) <= self.acquainted
        if not job.stuck:
            mom.start(job, self.now)
        return True

    def _try_again(self, job: Job) -> None:
        """Start a job whose sister moms refused it once more, on the same nodes."""
        mom = self.mom_of(job)
        job.started, job.starts, job.exit_status = self.now, job.starts + 1, _REFUSED_BY_SISTER
        job.stuck = not set(job.hosts) <= self.acquainted
        if not job.stuck and mom is not None:
            job.exit_status = None
            mom.start(job, self.now)

    def job_session(self, job_id: str, session: int) -> None:
        if job_id in self.jobs:
            self.jobs[job_id].session = session

    def job_ended(self, job_id: str, status: int) -> None:
        job = self.jobs.get(job_id)
        if job is not None and job.state in ("R", "E"):
            self.complete(job, status)

    def complete(self, job: Job, status: int | None) -> None:
        """Make a job completed; without a status it never ran."""
        job.state, job.substate, job.exit_status = "C", 59, status
        self._places = None
        job.ended = self.now
        if status is not None:
            job.changed = self.now
        job.over_limit = False

    def requeue(self, job: Job) -> None:
        """Put a running job back into its queue."""
        job.slots, job.session, job.started, job.stuck, job.ending = [], None, 0.0, False, False
        self._places = None
        self.set_state(job)

    def end(self, job: Job) -> bool:
        """End a job as qdel does; False when its mom cannot be reached."""
        if job.state not in ("R", "E"):
            self.complete(job, None)
            return True
        mom = self.mom_of(job)
        if mom is None:
            return False
        if not job.stuck:  # else nothing comes of it: only a purge helps
            job.ending = True
            mom.signal(job.id, _TERM, self.now)
        return True

    def purge(self, job: Job) -> None:
        """Forget a job, whatever it does; processes of it go on."""
        self.jobs.pop(job.id, None)
        self._places = None

    # Nodes

    def create_node(self, name: str) -> Node:
        """Define a node; it is down and offline."""
        node = self.nodes[name] = Node(name, self.now, listed_at=self.now + self.timing.unlisted if self.v6 else 0.0)
        if self.v6:
            self.acquainted.add(name)
        return node

    def delete_node(self, name: str) -> float:
        """Forget a node and return how long that takes. 4.2 leaves its jobs running on nothing, 6.1 requeues them."""
        node = self.nodes[name]
        busy = [job for _, job in self.on_node(node)]
        if self.v6:
            for job in {job.id: job for job in busy}.values():
                self.requeue(job)
        del self.nodes[name]
        self.acquainted.discard(name)
        return 4.0 if self.v6 and busy else 0.0

    def restart(self) -> None:
        """Read the state again as a server that starts does: only now do all moms know all nodes."""
        self.acquainted = set(self.nodes)
        for node in self.nodes.values():
            node.down = node.down or not node.contacted

    def memory_mb(self, node: Node) -> int:
        """Return the memory that a node has reported, 0 before it did."""
        return int(node.facts.get("physmem", "0kb").removesuffix("kb")) // 1024

    def state_of(self, node: Node) -> str:
        """Return a node's state as pbsnodes writes it."""
        flags = [name for name, given in (("down", node.down), ("offline", node.offline)) if given]
        if len(self.on_node(node)) >= node.np:
            flags.append("job-exclusive")
        if node.listed_at > self.now:
            flags.append("MOM-list-not-sent")
        return ",".join(flags) or "free"

    def fits_somewhere(self, job_resources: dict[str, str]) -> str:
        """Return why the job is refused at submission, "" when it is not."""
        return resources.rejection(job_resources, list(self.nodes.values()), self.nodect)
