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
            await asyncio.wait_for(pool.run(lambda: (_ for _ in ()).throw(error)), 60)
        assert not isinstance(raised.value, TimeoutError), "nobody was told"
        assert await asyncio.wait_for(pool.run(threading.current_thread), 60) is await pool.run(threading.current_thread)
        pool.close()

    asyncio.run(play())


def test_no_more_threads_than_its_size_and_no_more_than_needed():
    async def play():
        pool, threads, three = Pool("test", 3), set(), threading.Barrier(3)

        def work():
            threads.add(threading.current_thread())

        def meet():
            work()
            three.wait(60)

        await pool.run(work)
        assert len(threads) == 1
        await asyncio.gather(*(pool.run(meet) for _ in range(12)))
        assert len(threads) == 3
        pool.close()

    asyncio.run(play())


def test_s31_call_that_hangs_keeps_nobody_from_ending():
    async def play():
        pool = Pool("test", 1)
        begun, never = threading.Event(), threading.Event()
        task = asyncio.create_task(pool.run(lambda: begun.set() or never.wait(100)))
        await asyncio.to_thread(begun.wait, 60)
        task.cancel()
        pool.close()

    began = time.monotonic()
    asyncio.run(play())
    assert time.monotonic() - began < 60
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("test-"))
