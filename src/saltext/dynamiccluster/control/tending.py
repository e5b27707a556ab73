"""Acts on the configuration system, and an administrator's own commands."""

from __future__ import annotations

import logging

from ..policy.records import minion_of
from . import batches, hooks
from .scene import Scene

log = logging.getLogger(__name__)


def configure(scene: Scene) -> str:
    """See to it that the node's configuration runs."""
    batches.let_in(scene, (scene.node,))
    scene.parts.minions.configure([minion_of(scene.node)])
    return ""


def forget(scene: Scene) -> str:
    """Delete the node's key and void its token."""
    scene.parts.minions.forget(minion_of(scene.node))
    return ""


def run_hook(scene: Scene) -> str:
    """Run an administrator's command, once: that it was run is written already. A failure is told, and stops nothing."""
    settings, name = scene.parts.settings, scene.action.detail
    template = hooks.find_hook(settings, name)
    if template is None:
        return "not configured any more"
    trouble = hooks.run_hook(template, scene.node, settings.dynamic_cluster.hook_timeout)
    if trouble:
        log.error("%s of %s failed: %s", name, scene.node.name, trouble)
        return f"FAILED: {trouble[:500]}"
    return "done"
