"""The master's event bus falls silent: the engine notices, tells, and notices its return."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import psutil

from saltext.dynamiccluster.salt.bus import Heartbeat
from saltext.dynamiccluster.salt.line import SILENT

from .daemons import Master, eventually


def publisher(master: Master) -> int:
    """Return the pid of the process through which all events go."""
    family = psutil.Process(master.pid).children(recursive=True)
    (pid,) = [process.pid for process in family if "EventPublisher" in " ".join(process.cmdline())]
    return pid


def test_a_silent_bus_is_an_alarm_until_it_is_heard_again(master: Master, engine: Any, caplog: Any) -> None:
    line, stop = engine.line, asyncio.Event()
    line.heartbeat = Heartbeat(line.bus.fire, line.heartbeat.tag, "nonce", interval=0.3, misses=3)
    beating = asyncio.run_coroutine_threadsafe(line.keep_beating(stop), engine._loop)
    assert line.problems() == []
    pid = publisher(master)
    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: line.problems() == [SILENT], 120, "the alarm")
        eventually(lambda: SILENT in caplog.text, 10, "the alarm in the log")
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: line.problems() == [], 120, "the end of the alarm")
    eventually(lambda: "the event bus is back" in caplog.text, 10, "the end in the log")
    assert engine.event("engine/recovered")["cluster"] == engine.cluster
    engine._loop.call_soon_threadsafe(stop.set)
    beating.result(10)
