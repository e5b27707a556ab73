"""What people do meanwhile: an administrator's commands, work by hand, machines and hosts of others. And how they tidy up."""

from __future__ import annotations

import random

from ...clouds.ownership import CLUSTER, RESOURCE
from ...model import HoldBy, Reservation, ResourceFlag, Shape
from ..batch import SimHost
from .rough import RoughWorld


def bring_foreign(world: RoughWorld, chance: random.Random) -> None:
    """Somebody else's machine, host or key comes."""
    kind = chance.randrange(4) if world.foreigners < 8 else 4
    number, world.foreigners = world.foreigners, world.foreigners + 1
    if kind == 0:
        world.add_foreign(world.account.make({"Name": f"theirs-{number}"}))
    elif kind == 1:
        world.add_foreign(world.account.make({"Name": f"a-{number}", CLUSTER: "another", RESOURCE: "a"}))
    elif kind == 2:
        name, hold = f"iron{number}", chance.choice((HoldBy.NOBODY, HoldBy.ADMINISTRATOR))
        host = SimHost(name, Shape(2), Reservation(), ("all.q",), hold, chance.choice((True, False, None)))
        world.batch.hosts[name] = world.foreign_hosts[name] = host
    elif kind == 3:
        world.foreign_keys.add(f"desk{number}")
        world.minions.keys.add(f"desk{number}")


def command(world: RoughWorld, chance: random.Random) -> None:
    """An administrator asks for something; whether it is allowed is not his concern."""
    resource = chance.choice(sorted(world.settings.cloud))
    nodes = sorted(world.core.memory.nodes)
    wishes: list[tuple[str, dict[str, object]]] = [
        ("add", {"resource": resource, "num": chance.randint(1, 3)}),
        ("freeze", {"resource": resource}),
        ("drain", {"resource": resource}),
        ("restore", {"resource": resource}),
        ("auto", {"enabled": chance.random() < 0.5}),
        ("stop", {}),
    ]
    if nodes:
        node = chance.choice(nodes)
        wishes += [(name, {"node": node}) for name in ("hold", "unhold", "hold", "unhold", "remove")]
        wishes += [("remove", {"node": node, "force": True}), ("vacate", {"node": node})]
    foreign = sorted(id_ for id_, machine in world.foreign_machines.items() if "a-" not in machine.tags["Name"])
    if foreign:
        wishes.append(("adopt", {"resource": resource, "instance": chance.choice(foreign)}))
    name, arguments = chance.choice(wishes)
    world.ask(name, **arguments)


def work_in_batch(world: RoughWorld, chance: random.Random) -> None:
    """An administrator holds, lets in, removes a host, or deletes a job, without asking us."""
    hosts = [host for name, host in sorted(world.batch.hosts.items()) if name not in world.foreign_hosts]
    waiting = world.pending()
    if waiting and chance.random() < 0.2:
        chance.choice(waiting).ended = "deleted"
    if not hosts:
        return
    host, what = chance.choice(hosts), chance.randrange(4)
    if what <= 1 and host.hold is HoldBy.NOBODY:
        host.hold = HoldBy.ADMINISTRATOR
    elif what == 2 and host.hold is HoldBy.ADMINISTRATOR:
        host.hold = HoldBy.NOBODY
    elif what == 3 and not world.batch.running(host.name):
        del world.batch.hosts[host.name]


def tidy(world: RoughWorld) -> None:
    """After the trouble: an administrator takes back what he asked for, and clears away what only he may."""
    for name, known in tuple(world.core.memory.resources.items()):
        if known.flag is not ResourceFlag.NORMAL and name in world.settings.cloud:
            world.ask("restore", resource=name)
    if world.core.memory.auto is False:
        world.ask("auto", enabled=True)
    for name, record in tuple(world.core.memory.nodes.items()):
        if record.held_for and record.held_for != "to be lifted":
            world.ask("unhold", node=name)
    for name, host in world.batch.hosts.items():
        if host.hold is HoldBy.ADMINISTRATOR and name not in world.foreign_hosts:
            host.hold = HoldBy.NOBODY
        for job in world.batch.running(name):
            if job.ghost and host.up:
                job.taken, job.ended = {}, "deleted"
