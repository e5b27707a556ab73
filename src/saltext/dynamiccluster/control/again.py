"""What is looked at once more right before an act that cannot be taken back: what was decided may have waited for its turn."""

from __future__ import annotations

from ..policy.leaving import may_still_run
from ..policy.maximum import find_beyond_maximum, is_untried
from ..policy.plan import Act
from ..policy.view import look_at
from ..policy.world import World
from .scene import Scene


def is_overtaken(scene: Scene) -> bool:
    """Tell whether a newer reading speaks against it: there is no room for the machine any more, or the one that was gone is there."""
    act = scene.action.act
    if act is Act.LAUNCH:
        return is_untried(scene.node) and scene.node.name in find_beyond_maximum(scene.snapshot, scene.parts.settings, scene.ledger.memory)
    if act is Act.CLEAR:
        return may_still_run(look_at(World(scene.snapshot, scene.parts.settings, scene.ledger.memory, scene.parts.clock.now()), scene.node))
    return False
