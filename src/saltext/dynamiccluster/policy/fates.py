"""What becomes of each pending job, in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from ..model import Job, Phase, Shape
from .bins import Group, Kinds, Spot, Stage, free_of_host, free_of_shape
from .demand import Lot, get_id, is_demand, waits
from .limits import Count, at_maximum, spent_limit
from .matching import UNKNOWN, Ask
from .memory import SPOT
from .obstacles import Candidate, nearest_miss
from .packing import Budget, Fresh, Supply, in_turn, make_supply, place
from .plan import Fate, Fates, Outcome, Run
from .seating import Seating
from .world import World

_MOST_NAMES = 4


def unread(jobs: Iterable[Job], problem: str) -> Fates:
    """Return the fates while the batch system cannot be read: nothing is decided on what is not known."""
    fate = Fate(Outcome.WAITS, f"nothing is launched now: {problem}")
    return Fates({job.id: fate if is_demand(job) else not_demand(job) for job in jobs if waits(job)})


def not_demand(job: Job) -> Fate:
    """Return the fate of a job that could not start even if a node were free."""
    return Fate(Outcome.NOT_DEMAND, job.reason or f"it is {job.state.value}" + (" with no task to start" if not job.tasks else ""))


class Verdicts:
    """Judges requests against all that there could ever be, and puts what was found into words."""

    def __init__(
        self, world: World, kinds: Kinds, present: Supply, blocked: Mapping[str, str], counts: Mapping[str, Count]
    ) -> None:
        self._world = world
        self._blocked = blocked
        names = sorted(world.settings.cloud, key=lambda name: (world.settings.cloud[name].priority, name))
        known = [name for name in names if _is_known(world, name)]
        self._unknown = [name for name in names if name not in known]
        self._ideal = {name: _ideal_fresh(world, kinds, name) for name in known}
        self._budget = _ideal_budget(world, counts)
        self._present = present._replace(fresh=(), budget=self._budget)
        fresh = in_turn(self._ideal.values())
        self._fresh = {False: fresh, True: tuple(one for one in fresh if one.resource not in blocked)}
        self._kinds = kinds
        self._candidates = [_candidate(world, kinds, name, self._ideal[name]) for name in known]
        self._reachable: dict[tuple[int, bool], bool] = {}
        self._alone: dict[Stage, dict[str, Fate]] = {stage: {} for stage in Stage}
        self._trials = _find_trials(world)

    def reachable(self, ask: Ask, *, unblocked: bool = False) -> bool:
        """Tell whether the request could be served if nothing ran; `unblocked`: without the resources that are blocked now."""
        key = (id(ask), unblocked)
        if key not in self._reachable:
            self._reachable[key] = not _is_void(ask) and self._find_room(ask, self._fresh[unblocked])
        return self._reachable[key]

    def _find_room(self, ask: Ask, fresh: tuple[Fresh, ...]) -> bool:
        if ask.single and any(one.room > 0 and self._budget.allows(one.price) > 0 and _fits(ask, one, 0) for one in fresh):
            return True
        return any(place(supply, ask, 1).tasks for supply in (self._emptied._replace(fresh=fresh), self._present))

    @cached_property
    def _emptied(self) -> Supply:
        """Return all nodes that exist as if nothing ran on them; seldom needed, as most requests would fit on a new node."""
        return make_supply(_ideal_groups(self._world, self._kinds), (), self._budget)

    def may_help(self, ask: Ask, resource: str) -> bool:
        """Tell whether a node of the resource takes a piece of the request."""
        fresh = self._ideal[resource]
        return any(_fits(ask, fresh, index) for index in range(len(ask.pieces)))

    def never(self, ask: Ask) -> bool:
        """Tell whether no node that there could be can serve the request (row S21)."""
        return _is_void(ask) or (not self._unknown and not self.reachable(ask))

    def tell(self, lot: Lot, seating: Seating, supply: Supply) -> list[Run]:
        """Return the fates of a lot's jobs, in their order. `supply` is what is left once all is placed."""
        if not lot.is_plain:
            return self._tell_apart(lot, seating, supply)
        runs: list[Run] = []
        for stage, spots, each in seating.rows.get(id(lot), ()):
            known = self._alone[stage]
            runs += [(known.get(spot.label) or self._tell_alone(stage, spot), each) for spot in spots]
        waiting = len(lot.jobs) - sum(jobs for _, jobs in runs)
        if waiting:
            runs.append((Fate(*self.judge(lot.ask, supply)), waiting))
        return runs

    def _tell_alone(self, stage: Stage, spot: Spot) -> Fate:
        """Return the fate of a job that one place is enough for, made once for each place."""
        if stage in (Stage.BUSY, Stage.IDLE):  # most: put together from what is the same for all
            fate = Fate(Outcome.RUNS, spot.label + _HAS_ROOM, (spot.label,))
        else:
            fate = self._fate_at((stage, spot))
        return self._alone[stage].setdefault(spot.label, fate)

    def _tell_apart(self, lot: Lot, seating: Seating, supply: Supply) -> list[Run]:
        """Return the fates of jobs that may have several places, or tasks without one."""
        if seating.spots.keys().isdisjoint(map(get_id, lot.jobs)):
            return [(Fate(*self.judge(lot.ask, supply)), len(lot.jobs))]
        made: dict[tuple[object, ...], Fate] = {}
        runs: list[Run] = []
        for job in lot.jobs:
            seats, left = seating.spots.get(job.id, ()), job.tasks - seating.tasks.get(job.id, 0)
            key = (tuple(seats), left, job.tasks) if left and seats else (tuple(seats), bool(left))
            if key not in made:
                made[key] = self._tell_job(lot, job.tasks, left, seats, supply)
            runs.append((made[key], 1))
        return runs

    def _tell_job(self, lot: Lot, tasks: int, left: int, seats: Sequence[tuple[Stage, Spot]], supply: Supply) -> Fate:
        """Return the fate of a job, `left` of whose tasks wait while the others have these seats."""
        if not seats:
            return Fate(*self.judge(lot.ask, supply))
        waits = f"; {left} of its {tasks} tasks wait: {self.judge(lot.ask, supply)[1]}" if left else ""
        return self._fate_at(*seats, single=lot.ask.single, waits=waits)

    def _fate_at(self, *spots: tuple[Stage, Spot], single: bool = True, waits: str = "") -> Fate:
        outcome = _outcome({stage for stage, _ in spots}, single)
        return Fate(outcome, "; ".join(self._describe(spots)) + waits, tuple(dict.fromkeys(spot.label for _, spot in spots)))

    def judge(self, ask: Ask, supply: Supply) -> tuple[Outcome, str]:
        """Return why a request finds no room: for now, or for ever."""
        if ask.request.impossible:
            return Outcome.IMPOSSIBLE, ask.request.impossible
        if not _is_void(ask) and not self.reachable(ask) and self._unknown:
            return Outcome.WAITS, "; ".join(self._blocked.get(name, name) for name in self._unknown[:_MOST_NAMES])
        if self.never(ask):
            return Outcome.IMPOSSIBLE, nearest_miss(ask, self._candidates)
        return Outcome.WAITS, self._obstruction(ask, supply)

    def _obstruction(self, ask: Ask, supply: Supply) -> str:
        """Return what keeps the request from a node that could serve it."""
        if "" in self._blocked or not self._world.auto:
            return "the automatic mode is off"
        able = [name for name, fresh in self._ideal.items() if any(_fits(ask, fresh, index) for index in range(len(ask.pieces)))]
        left = {fresh.resource: fresh for fresh in supply.fresh}
        reasons = [self._blocked.get(name) or self._lack(ask, left.get(name), supply.budget) for name in able]
        sentence = "; ".join(dict.fromkeys(reason for reason in reasons if reason))
        if not able:
            return "only nodes that are busy, held or down can serve it"
        if ask.single:
            return sentence or "jobs before it take what there is"
        total = sum(piece.count for piece in ask.pieces)
        few = [
            f"{name} may get only {min(left[name].room, supply.budget.allows(left[name].price))} more nodes now"
            for name in able
            if name in left and not sentence
        ]
        return f"its {total} pieces need room at the same time: {sentence or '; '.join(few)}"

    def _lack(self, ask: Ask, fresh: Fresh | None, budget: Budget) -> str:
        if fresh is None:
            return ""
        if not fresh.suits(ask):
            return f"idle nodes of {fresh.resource} do not suit it, so a new one would not either"
        if fresh.room <= 0:
            return at_maximum(self._world.settings, fresh.resource)
        if budget.allows(fresh.price) <= 0:
            return spent_limit(self._world.settings, budget, fresh.price)
        return ""

    def _describe(self, spots: tuple[tuple[Stage, Spot], ...]) -> list[str]:
        by_stage: dict[Stage, list[str]] = {}
        for stage, spot in spots:
            by_stage.setdefault(_TOLD_AS.get(stage, stage), []).append(spot.label)
        return [self._tell(stage, names) for stage, names in sorted(by_stage.items())]

    def _tell(self, stage: Stage, names: list[str]) -> str:
        if stage is Stage.NEW:
            return " and ".join(_new_nodes(name, count) for name, count in Counter(names).items())
        several = len(set(names)) > 1
        who = _list(names)
        if stage is Stage.STALLED:
            waiting = [self._blocked[name] for name in sorted(self._blocked) if name and "tried again" in self._blocked[name]]
            return f"{who} {'are' if several else 'is'} ordered, but " + ("; ".join(waiting) or "its cloud is backed off")
        trial = next((f" ({self._trials[name]})" for name in names if name in self._trials), "") if stage is Stage.ARRIVING else ""
        return _SENTENCES[stage].format(who=who, have="have" if several else "has", are="are" if several else "is") + trial


_TOLD_AS = {Stage.IDLE: Stage.BUSY, Stage.DOUBT_PHYSICAL: Stage.DOUBT}
_SENTENCES = {
    Stage.BUSY: "{who} {have} room for it now: its start is up to the scheduler",
    Stage.HELD: "{who}, held as idle, {are} let in again for it",
    Stage.ARRIVING: "{who} {are} on the way for it",
    Stage.DOUBT: "{who} would do, but whether it is up is not known now",
}
_HAS_ROOM = _SENTENCES[Stage.BUSY].format(who="", have="has", are="is")


def _find_trials(world: World) -> dict[str, str]:
    """Return by label the ordered nodes for which spot machines are still tried, and what came of it."""
    tried = {name: known.backoff for name, known in world.memory.resources.items() if known.backoff and known.backoff.kind == SPOT}
    if not tried:
        return {}
    return {
        node.hostname: tried[node.resource].reason
        for node in world.nodes
        if node.resource in tried and node.record is not None and node.record.phase is Phase.ASKED
    }


def _new_nodes(resource: str, count: int) -> str:
    return f"a new node of {resource} is ordered for it" if count == 1 else f"{count} new nodes of {resource} are ordered for it"


def _list(names: Iterable[str]) -> str:
    unique = list(dict.fromkeys(names))
    more = len(unique) - _MOST_NAMES
    return ", ".join(unique[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _outcome(stages: set[Stage], single: bool) -> Outcome:
    """Return the outcome of a job by what has to happen for it at most."""
    if Stage.NEW in stages:
        return Outcome.ORDERED
    unsure = stages & {Stage.DOUBT, Stage.DOUBT_PHYSICAL, Stage.STALLED}
    if unsure and (not single or stages == unsure):
        return Outcome.WAITS
    return Outcome.ARRIVING if Stage.ARRIVING in stages else Outcome.RUNS


# -- all that there could ever be -----------------------------------------------------------------------------------


def _is_void(ask: Ask) -> bool:
    return bool(ask.request.impossible) or ask.request.places == ()


def _is_known(world: World, resource: str) -> bool:
    offer = world.offer(resource)
    return world.shape(resource) is not None and offer is not None and not offer.problem


def _fits(ask: Ask, fresh: Fresh, index: int) -> bool:
    return ask.each(fresh.kind, fresh.free, ask.pieces[index], fresh.suits(ask)) > 0


def _ideal_fresh(world: World, kinds: Kinds, resource: str) -> Fresh:
    """Return all nodes that a resource could have besides those that the batch system already knows."""
    settings, shape, offer = world.settings.cloud[resource], world.shape(resource), world.offer(resource)
    assert shape is not None and offer is not None
    kind = kinds.of_offer(offer, settings.reservation, kinds.spare_memory(world, resource, shape), new=True)
    registered = sum(node.host is not None for node in world.by_resource.get(resource, ()))
    room = max(settings.quantity.max - registered, 0)
    return Fresh(resource, settings.priority, 0, room, kind, free_of_shape(shape, len(kind.queues), kinds.asked), settings.price or 0.0)


def _ideal_groups(world: World, kinds: Kinds) -> tuple[Group, ...]:
    """Return all registered hosts as if nothing ran on them, whatever their state: it may pass."""
    together: dict[tuple[int, object], list[Spot]] = {}
    made = {}
    for node in world.nodes:
        if node.host is None:
            continue
        shape = world.shape(node.resource) if node.resource in world.settings.cloud else None
        kind, free = kinds.of_host(node.host), free_of_host(node.host, shape, (0, 0), kinds.asked, emptied=True)
        made[(id(kind), free)] = (kind, free)
        together.setdefault((id(kind), free), []).append(Spot(node.hostname, node.hostname))
    return tuple(Group(Stage.IDLE, *made[key], tuple(spots)) for key, spots in together.items() if not made[key][1].used_up)


def _ideal_budget(world: World, counts: Mapping[str, Count]) -> Budget:
    limits = world.settings.dynamic_cluster.limits
    registered = sum(node.host is not None and node.record is not None for node in world.nodes)
    endless = float("inf")
    return Budget(
        nodes=endless if limits.max_nodes is None else limits.max_nodes - registered,
        launches=endless if limits.max_launches_per_hour is None else limits.max_launches_per_hour,
        money=endless if limits.max_cost_per_day is None else limits.max_cost_per_day,
    )


def _candidate(world: World, kinds: Kinds, resource: str, fresh: Fresh) -> Candidate:
    shape = world.shape(resource) or Shape(0)
    most = world.settings.cloud[resource].quantity.max
    limit = world.settings.dynamic_cluster.limits.max_nodes
    spare = kinds.spare_memory(world, resource, shape) if kinds.asked.memory_a_node else UNKNOWN
    return Candidate(resource, fresh.kind, shape, spare, most if limit is None else min(most, limit))
