"""One engine without Salt, in a process of its own: `actor.py SOCKET NAME URL LEASE DIRECTORY`. Stands by, acts, ends when it must not act.

Says a line of JSON for each thing that happens; takes commands as lines of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import Any

from saltext.dynamiccluster.control.loop import Loop
from saltext.dynamiccluster.control.shared import SharedJournal
from saltext.dynamiccluster.errors import DynamicClusterError
from saltext.dynamiccluster.sim.world import make_settings
from saltext.dynamiccluster.standby.lease import Held, Lease
from saltext.dynamiccluster.standby.opening import open_place

from tests.integration.standby.doors import Remote

GENERAL = {"cluster_poller_interval": 0.2, "cloud_poller_interval": 0.2, "auto_provision_interval": 1, "max_idle_time": 40, "batch_window": 0,
           "max_launch_time": 20000, "worker_number": 1}  # fmt: skip


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


class Events:
    def fire(self, event: Any) -> None:
        """Nobody listens here."""


def render(record: Any, token: str) -> str:
    from saltext.dynamiccluster.sim.minions import MARK

    return f"name={record.name}\n{MARK}{token}\n"


async def act(held: Held, remote: Any, directory: Path, stop: asyncio.Event) -> None:
    clock, minions = remote("clock"), remote("minions")
    journal = SharedJournal(directory / "journal.sqlite", held, clock=clock.now, sync=False)
    loop = Loop(make_settings(**GENERAL), remote("batch"), {"cloud1": remote("cloud1")}, minions, minions, Events(), clock, journal,
                render=render, fence=held.check)  # fmt: skip
    running = asyncio.get_running_loop()

    def listen() -> None:
        for line in sys.stdin:
            answer = asyncio.run_coroutine_threadsafe(loop.command(json.loads(line)), running)
            say(answer=answer.result(30)["ok"])

    threading.Thread(target=listen, daemon=True).start()
    await loop.run(stop)


async def main(path: str, name: str, url: str, seconds: float, directory: Path) -> None:
    stop, running = asyncio.Event(), asyncio.get_running_loop()
    lease = Lease(open_place(url, "default", name, seconds), name, seconds, on_lost=lambda: running.call_soon_threadsafe(stop.set))
    say(state="standing by")
    taken = None
    while taken is None:
        try:
            taken = await running.run_in_executor(None, lease.try_take)
        except DynamicClusterError as error:
            say(trouble=str(error))
        await asyncio.sleep(0.1)
    lease.keep()
    say(state="acting", term=taken.term)
    await act(Held(lease, taken), lambda port: Remote(path, name, port), directory, stop)
    say(state="over", why=lease.lost)
    lease.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), Path(sys.argv[5])))
