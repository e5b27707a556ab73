"""Acts on the batch system: join, release, hold, unhold, vacate, requeue, clear, remove."""

from __future__ import annotations

from ..errors import BatchRefused
from ..model import InstanceState
from ..ports import Joining
from .scene import Scene


def join(scene: Scene) -> str:
    """Register the node, held. Raises BatchError."""
    shape = scene.shape
    if shape is None:
        raise BatchRefused("how many cores it has is not known: its cloud could not be asked for its type's shape")
    reservation = scene.parts.settings.cloud[scene.action.resource].reservation
    scene.parts.batch.join(Joining(scene.hostname, scene.node.address, shape, reservation))
    return f"{shape.cores} cores"


def release(scene: Scene) -> str:
    """Let jobs on the configured node."""
    scene.parts.batch.unhold(scene.hostname)
    return ""


def hold(scene: Scene) -> str:
    """Keep new jobs off the node."""
    scene.parts.batch.hold(scene.hostname, scene.action.reason)
    return ""


def unhold(scene: Scene) -> str:
    """Let jobs on the node again."""
    scene.parts.batch.unhold(scene.hostname)
    return ""


def vacate(scene: Scene) -> str:
    """End the node's jobs, which an administrator asked for; return their ids."""
    ended = scene.parts.batch.vacate(scene.hostname)
    return f"ended jobs: {', '.join(ended) or 'none'}"


def requeue(scene: Scene) -> str:
    """Put back what may be run again, before the node's machine ends; return the ids."""
    return f"requeued jobs: {', '.join(scene.parts.batch.requeue(scene.hostname)) or 'none'}"


def clear(scene: Scene) -> str:
    """Requeue or clear away the jobs of a node whose machine is gone; return what became of them."""
    cleared = scene.parts.batch.clear(scene.hostname)
    requeued, lost = ", ".join(cleared.requeued) or "none", ", ".join(cleared.lost) or "none"
    return f"requeued jobs: {requeued}; lost jobs: {lost}"


def remove(scene: Scene) -> str:
    """Take the node out of the batch system; one whose machine cannot run anything goes whatever is still listed."""
    instance = scene.instance
    dead = scene.node.gone or (instance is not None and (instance.stopped or instance.state is InstanceState.INEXISTENT))
    scene.parts.batch.remove(scene.hostname, gone=dead)
    return ""
