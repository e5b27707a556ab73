"""Threads whose end waits for nobody."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from saltext.dynamiccluster.control.pool import Pool


def test_result_and_error_reach_whoever_waits():
    async def play():
        pool = Pool("test", 1)
        assert await pool.run(lambda: 7) == 7
        with pytest.raises(OSError, match="socket reset"):
            await pool.run(lambda: (_ for _ in ()).throw(OSError("socket reset")))
        pool.close()

    asyncio.run(play())


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), MemoryError(), RecursionError()])
def test_s12_thread_and_loop_live_on_whatever_the_work_raised(error):
    async def play():
        pool = Pool("test", 1)
        with pytest.raises(Exception) as raised:  # noqa: B017, each of them in its own way
            await asyncio.wait_for(pool.run(lambda: (_ for _ in ()).throw(error)), 5)
        assert not isinstance(raised.value, TimeoutError), "nobody was told"
        assert await asyncio.wait_for(pool.run(threading.current_thread), 2) is await pool.run(threading.current_thread)
        pool.close()

    asyncio.run(play())


def test_no_more_threads_than_its_size_and_no_more_than_needed():
    async def play():
        pool, running, most = Pool("test", 3), [], []

        def work():
            running.append(1)
            most.append(len(running))
            time.sleep(0.02)
            running.pop()

        await pool.run(work)
        assert max(most) == 1
        await asyncio.gather(*(pool.run(work) for _ in range(12)))
        assert max(most) == 3
        pool.close()

    asyncio.run(play())


def test_s31_call_that_hangs_keeps_nobody_from_ending():
    async def play():
        pool = Pool("test", 1)
        task = asyncio.create_task(pool.run(lambda: time.sleep(30)))
        await asyncio.sleep(0.05)
        task.cancel()
        pool.close()

    began = time.monotonic()
    asyncio.run(play())
    assert time.monotonic() - began < 2
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("test-"))
