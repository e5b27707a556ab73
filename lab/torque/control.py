"""The switches of the stand-in: parts that stop and start, delays that change. Real Torque has no such command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.torque.records import Reply

if TYPE_CHECKING:
    from lab.torque.world import World

PARTS = ("server", "unroutable", "trqauthd", "maui")
_USAGE = f"usage: torque-standin stop PART | start PART | restart server | set DELAY SECONDS | status\nPARTs: {', '.join(PARTS)}\n"


def control(world: World, words: tuple[str, ...]) -> Reply:
    """Break or mend a part, change a delay, or tell what is broken."""
    match words:
        case ("stop", part) if part in PARTS:
            world.stop(part)
        case ("start", part) if part in PARTS:
            world.start(part)
        case ("restart", "server"):
            world.stop("server")
            world.start("server")
        case ("set", delay, seconds) if hasattr(world.server.timing, delay):
            setattr(world.server.timing, delay, float(seconds))
        case ("status",):
            return Reply(out=f"version {world.server.version}\nbroken: {', '.join(sorted(world.broken)) or 'nothing'}\n")
        case _:
            return Reply(2, err=_USAGE)
    return Reply()


def qterm(world: World) -> Reply:
    """Stop the server; its jobs go on."""
    world.stop("server")
    return Reply()


def pbs_server(world: World) -> Reply:
    """Start the server."""
    if world.server_up:
        return Reply(1, err="pbs_server: another server running\n")
    world.start("server")
    return Reply()
