"""What is looked at once more right before an act that cannot be taken back: what was decided may have waited for its turn."""

from __future__ import annotations

from ..model import HoldBy
from ..policy.leaving import may_still_run
from ..policy.lifecycle import LIFT
from ..policy.maximum import find_beyond_maximum, is_untried
from ..policy.nodes import find_host
from ..policy.plan import Act
from ..policy.view import look_at
from ..policy.world import World
from .scene import Scene


def is_overtaken(scene: Scene) -> bool:
    """Tell whether a newer reading speaks against it.

    There is no room for the machine any more, or the one that was gone is there, or an administrator holds the node by now.
    """
    act = scene.action.act
    if act in (Act.RELEASE, Act.UNHOLD):
        return _is_held_by_hand(scene)
    if act is Act.LAUNCH:
        return is_untried(scene.node) and scene.node.name in find_beyond_maximum(scene.snapshot, scene.parts.settings, scene.ledger.memory)
    if act is Act.CLEAR:
        return may_still_run(look_at(World(scene.snapshot, scene.parts.settings, scene.ledger.memory, scene.parts.clock.now()), scene.node))
    return False


def _is_held_by_hand(scene: Scene) -> bool:
    host = find_host(scene.snapshot.batch.value, scene.hostname)
    return host is not None and host.hold is HoldBy.ADMINISTRATOR and scene.node.held_for != LIFT
