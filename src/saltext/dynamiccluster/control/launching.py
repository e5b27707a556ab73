"""Acts on a cloud: order, launch, adopt, destroy."""

from __future__ import annotations

import random
import secrets
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from ..errors import CloudError, ConfigurationError, Refusal
from ..intents import batch_of
from ..model import LaunchOrder, NodeRecord, Phase
from ..policy.memory import BREAKER, Memory
from ..policy.plan import Action
from ..settings import Settings
from . import announce, batches, evidence, refusals
from .journal import Order
from .scene import Scene

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def order(memory: Memory, actions: Sequence[Action], settings: Settings, now: float, chance: random.Random) -> Memory:
    """Return the memory with the intent of one more node for each action, under names that no machine ever had."""
    new: dict[str, NodeRecord] = {}
    for action in actions:
        prefix = settings.cloud[action.resource].config.instance_name_prefix
        name = _new_name(prefix, (memory.nodes, new), chance)
        intent = f"{chance.getrandbits(128):032x}"
        new[name] = NodeRecord(name, action.resource, intent, Phase.ASKED, asked_at=now, cause=action.reason)
    launches = (*(at for at in memory.launches if at > now - 3600), *[now] * len(actions))
    return replace(memory.with_nodes(new.values()), launches=launches)


def _new_name(prefix: str, taken: Iterable[Container[str]], chance: random.Random) -> str:
    while True:
        name = prefix + "".join(chance.choices(_LETTERS, k=6))
        if not any(name in names for names in taken):
            return name


def launch(scene: Scene) -> str:
    """Ask the cloud for the node, in the same words each time. Raises CloudError, JournalError (NotActing)."""
    record = scene.node
    if record.tried_at and batch_of(record.intent):
        return batches.repeat(scene)
    kept = scene.ledger.order(record.name)
    heard_of = record.tried_at and kept is not None and kept.user_data is not None  # a call for it alone may have been made
    if not heard_of and batches.name_themselves(scene.parts, record.resource):
        return batches.launch(scene)
    if kept is None or kept.user_data is None:  # never asked for, or only together with others, with whom it was refused
        kept = _prepare(scene)
    scene.parts.minions.expect(record.name, kept.token, record.resource)
    order = LaunchOrder(
        record.intent,
        record.name,
        kept.user_data or "",
        record.asked_at,
        attempt=record.attempt,
        avoid=_choose(scene),
        tried_at=record.tried_at,
    )
    scene.parts.fence()  # after all that was written down for the one who may go on with it
    instance = scene.cloud.launch(order)

    def bear(memory: Memory) -> Memory:
        known = memory.nodes.get(record.name)
        if known is None:
            return memory
        phase = Phase.BOOTING if known.phase is Phase.ASKED else known.phase
        address = instance.address or known.address
        spot = instance.market == "spot"
        memory = memory.with_node(replace(known, phase=phase, instance_id=instance.id, address=address, spot=spot, failed=""))
        resource = memory.resource(record.resource)
        learned = refusals.note_launch(resource, instance, scene.parts.clock.now())
        return memory if learned is resource else memory.with_resource(record.resource, learned)

    for event in announce.events(scene.parts.settings.name, *scene.ledger.update(bear)):
        scene.parts.announcer.fire(event)
    return instance.id


def _choose(scene: Scene) -> tuple[str, ...]:
    """Return the offerings that the launch leaves out: those that had none just now, written down so that a repetition leaves out the same."""
    record, now = scene.node, scene.parts.clock.now()
    if record.tried_at or not scene.ledger.memory.resource(record.resource).offerings:
        return record.avoid
    chosen: list[str] = []

    def choose(memory: Memory) -> Memory:
        known, node = memory.resource(record.resource), memory.nodes.get(record.name)
        chosen[:] = refusals.avoided(known, now)
        memory = memory.with_resource(record.resource, refusals.begin_probe(known, now))
        return memory if node is None else memory.with_node(replace(node, avoid=tuple(chosen)))

    scene.ledger.commit(choose)
    return tuple(chosen)


def lift(memory: Memory, resource: str) -> Memory:
    """Return the memory after the cloud took a launch: what kept it from that is over. Whether machines become nodes is another matter."""
    known = memory.resource(resource)
    if known.backoff is None or known.backoff.kind == BREAKER or known.backoff.belated:
        return memory
    return memory.with_resource(resource, replace(known, backoff=None))


def _prepare(scene: Scene) -> Order:
    """Make the token and the user-data, and write both down before anybody hears of them."""
    record, token = scene.node, secrets.token_urlsafe(24)
    try:
        user_data = scene.parts.render(record, token)
    except ConfigurationError as error:
        setting = error.faults[0].path if error.faults else ""
        raise CloudError(str(error), Refusal.BAD_REQUEST, setting=setting) from error
    kept = Order(record.name, token, user_data)
    scene.ledger.commit(lambda memory: memory, order=kept, durable=True)
    return kept


def adopt(scene: Scene) -> str:
    """Put our owner tags on the instance that an administrator named; the next listing then shows it as ours."""
    instance = scene.cloud.adopt(scene.action.detail, {})
    return instance.name or instance.id


def end_adopting(memory: Memory, action: Action) -> Memory:
    """Return the memory without the wish to adopt an instance: it carries our tags now, or the cloud surely will not let us have it."""
    known = memory.resource(action.resource)
    left = tuple(id_ for id_ in known.adopting if id_ != action.detail)
    return memory.with_resource(action.resource, replace(known, adopting=left))


def destroy(scene: Scene) -> str:
    """Ask the cloud to end the node's machine, once it is kept why it never became a node."""
    evidence.collect(scene)
    scene.parts.fence()
    scene.cloud.destroy(scene.node.instance_id)
    return scene.node.instance_id
