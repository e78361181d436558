"""Worker processes: warm when needed, gone when not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import psutil
import pytest

from media.confinement import NICENESS
from media.transcode.child import Child
from media.transcode.pool import CodecPool, NoWorkerError

PARENT = """
import asyncio
from media.transcode.pool import CodecPool

async def main():
    pool = CodecPool()
    await pool.start()
    child = await pool.hire()
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def exits(pid: int) -> bool:
    try:
        psutil.Process(pid).wait(timeout=30)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


async def test_spare_is_hired_without_waiting_and_replaced() -> None:
    pool = CodecPool(spares=1)
    await pool.start()
    spare = pool._ready[0]
    assert await pool.hire() is spare
    assert pool._stocking is not None
    async with asyncio.timeout(30):
        await pool._stocking
    assert len(pool._ready) == 1
    await pool.close()


async def test_spare_that_died_is_not_hired() -> None:
    pool = CodecPool(spares=1)
    await pool.start()
    dead = pool._ready[0]
    os.kill(dead.pid, signal.SIGKILL)
    await dead.gone.wait()
    hired = await pool.hire()
    assert hired is not dead
    assert not hired.gone.is_set()
    await pool.close()


async def test_hire_beyond_the_limit_raises_no_worker() -> None:
    pool = CodecPool(max_workers=1)
    await pool.start()
    await pool.hire()
    with pytest.raises(NoWorkerError):
        await pool.hire()
    await pool.close()


async def test_hire_after_close_raises_no_worker() -> None:
    pool = CodecPool()
    await pool.close()
    with pytest.raises(NoWorkerError):
        await pool.hire()


async def test_close_leaves_no_process() -> None:
    pool = CodecPool(spares=2)
    await pool.start()
    pids = [(await pool.hire()).pid for _ in range(2)] + [child.pid for child in pool._ready]
    await pool.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_close_while_workers_start_leaves_no_process() -> None:
    before = set(psutil.Process().children())
    pool = CodecPool(spares=0)
    hires = [asyncio.ensure_future(pool.hire()) for _ in range(5)]
    while not set(psutil.Process().children()) - before:  # noqa: ASYNC110
        await asyncio.sleep(0)
    for hire in hires[:3]:
        hire.cancel()
    await pool.close()
    assert not set(psutil.Process().children()) - before
    results = await asyncio.gather(*hires, return_exceptions=True)
    assert all(isinstance(result, (NoWorkerError, asyncio.CancelledError)) for result in results)


async def test_worker_gives_way_and_ignores_an_interrupt() -> None:
    pool = CodecPool(spares=0)
    child = await pool.hire()
    process = psutil.Process(child.pid)
    assert process.nice() == min(19, os.nice(0) + NICENESS)
    os.kill(child.pid, signal.SIGINT)
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(timeout=0.05)
    await pool.close()


async def test_worker_does_not_see_what_else_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMETHING_SECRET", "swordfish")
    pool = CodecPool(spares=0)
    child = await pool.hire()
    assert "SOMETHING_SECRET" not in psutil.Process(child.pid).environ()
    await pool.close()


def test_worker_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.wait()
    assert exits(pid)
    parent.stdout.close()


async def test_worker_ends_when_the_socket_closes() -> None:
    child = Child()
    await child.start()
    assert child._transport is not None
    child._transport.abort()
    async with asyncio.timeout(30):
        assert await child.wait() == 0


async def test_worker_that_does_not_start_raises_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(NoWorkerError):
        await CodecPool().start()
