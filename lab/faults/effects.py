"""What can go wrong with one call. Each effect: `effect(call) -> Answer`; it may pass the call on, keep it back, or spoil its answer."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial as partial_of

from lab.ec2_messages import Answer, Forward, Request
from lab.faults import listings, names
from lab.faults.memory import Memory
from lab.faults.refusals import ONLY_LAUNCHES, REFUSALS, add_refusals, refuse_fleet
from lab.faults.table import Rule

_COUNTS, _CAPACITY = ("MinCount", "MaxCount"), "TargetCapacitySpecification.TotalTargetCapacity"
NOTHING = Answer(0, {}, b"", sent=-1)  # the connection is cut before a word was said


@dataclass(frozen=True)
class Call:
    """One call that was struck. `over` is set when what hangs is to be let go."""

    request: Request
    forward: Forward
    rule: Rule
    memory: Memory
    over: threading.Event


def cut(call: Call) -> Answer:
    """The connection breaks, and the cloud never heard the call."""
    return NOTHING


def lose_reply(call: Call) -> Answer:
    """The cloud did what was asked, and its answer gets lost."""
    call.forward(call.request)
    return NOTHING


def hang(call: Call) -> Answer:
    """Nothing comes for a long time; the cloud never heard the call."""
    call.over.wait(call.rule.seconds)
    return NOTHING


def hang_after(call: Call) -> Answer:
    """The cloud did what was asked, and says nothing for a long time."""
    call.forward(call.request)
    call.over.wait(call.rule.seconds)
    return NOTHING


def slow(call: Call) -> Answer:
    """The answer comes late."""
    call.over.wait(call.rule.seconds)
    return call.forward(call.request)


def truncate(call: Call) -> Answer:
    """The connection breaks in the middle of the answer."""
    answer = call.forward(call.request)
    return replace(answer, sent=len(answer.body) // 2)


def malform(call: Call) -> Answer:
    """The answer is whole for HTTP and no document of the API: half of it, then what a proxy may put there."""
    answer = call.forward(call.request)
    return replace(answer, body=answer.body[: len(answer.body) // 2] + b"<html>gateway</html")


def stale(call: Call) -> Answer:
    """An answer of the past comes again: the last one before the rule came into force."""
    old = call.memory.past(call.request)
    return old if old is not None else call.forward(call.request)


def empty(call: Call) -> Answer:
    """A listing without any machine, well-formed."""
    return listings.thin(call.request, call.forward(call.request), keep=lambda index, identity: False)


def partial(call: Call) -> Answer:
    """A listing that lacks every second machine, well-formed."""
    return listings.thin(call.request, call.forward(call.request), keep=lambda index, identity: index % 2 == 0)


def unknown_yet(call: Call) -> Answer:
    """Machines younger than `seconds` are not known yet: to listings, and by their ids."""
    young = call.memory.young(call.rule.seconds)
    asked = listings.asked_for(call.request)
    if asked & young:
        return listings.not_found(call.request, min(asked & young))
    if names.lists_machines(call.request):
        return listings.thin(call.request, call.forward(call.request), keep=lambda index, identity: identity not in young)
    return call.forward(call.request)


def not_done(call: Call) -> Answer:
    """The end of a machine is acknowledged, and it lives on."""
    return listings.pretend_end(call.request)


def short(call: Call) -> Answer:
    """A launch of several gets one machine; a fleet tells for each type and place why it got no more."""
    one = {name: "1" for name in (*_COUNTS, _CAPACITY) if name in call.request.parameters}
    parameters = {**call.request.parameters, **one}
    answer = call.forward(replace(call.request, body=urllib.parse.urlencode(parameters).encode(), parameters=parameters))
    return add_refusals(call.request, answer, REFUSALS["no-capacity"]) if call.request.action == "CreateFleet" else answer


def refuse(call: Call, name: str) -> Answer:
    """The cloud says no, and has done nothing. A fleet is answered, with an error for each offering that it could not get."""
    refusal = REFUSALS[name]
    if call.request.action == "CreateFleet" and name in ONLY_LAUNCHES:
        return refuse_fleet(call.request, refusal)
    return refusal.answer(names.speaks_xml(call.request))


Effect = Callable[[Call], Answer]
EFFECTS: dict[str, Effect] = {
    **{name: partial_of(refuse, name=name) for name in REFUSALS},
    "cut": cut,
    "lost-reply": lose_reply,
    "hang": hang,
    "hang-after": hang_after,
    "slow": slow,
    "truncated": truncate,
    "malformed": malform,
    "stale": stale,
    "empty": empty,
    "partial": partial,
    "unknown-yet": unknown_yet,
    "not-done": not_done,
    "short": short,
}
_ONLY: dict[str, Callable[[Request], bool]] = {
    **dict.fromkeys(ONLY_LAUNCHES, names.launches),
    "stale": names.reads,
    "empty": names.lists_machines,
    "partial": names.lists_machines,
    "unknown-yet": lambda request: names.lists_machines(request) or bool(listings.asked_for(request)),
    "not-done": names.ends,
    "short": lambda request: any(int(request.parameters.get(name) or 0) > 1 for name in (_COUNTS[1], _CAPACITY)),
}


def applies(fault: str, request: Request) -> bool:
    """Tell whether a fault can strike such a call at all. Raises KeyError for an unknown fault."""
    EFFECTS[fault]
    return _ONLY.get(fault, lambda _: True)(request)
