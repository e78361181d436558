"""What a balancer is told while an engine is frozen: soon, and the truth."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator

import aiohttp
import psutil

from bench.town import NodeProcess, Town
from tests.e2e.people import Answer, Api
from tests.e2e.waiting import until

SOON_S = 0.95
"""A balancer's usual patience is a second."""


@contextlib.contextmanager
def frozen_postgres(town: Town) -> Iterator[None]:
    """With all its back ends, the newest too."""
    server = psutil.Process(town.postgres_pid)
    server.suspend()
    stopped = [server, *server.children(recursive=True)]
    for process in stopped[1:]:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(stopped):
            process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def frozen_redis(town: Town) -> Iterator[None]:
    town.freeze_redis()
    try:
        yield
    finally:
        town.resume_redis()


async def asked(http: aiohttp.ClientSession, node: NodeProcess) -> Answer:
    started = time.monotonic()
    answer = await Api(http, node.url).call("GET", "/readyz")
    took_s = time.monotonic() - started
    assert took_s < SOON_S, f"{took_s:.2f} s"
    return answer


async def all_say(http: aiohttp.ClientSession, town: Town, status: int, said: str) -> bool:
    answers = [await asked(http, node) for node in town.running]
    return all((answer.status, answer.body["status"]) == (status, said) for answer in answers)


async def test_every_node_answers_soon_while_redis_is_frozen_and_stays_in_service(
    town: Town, http: aiohttp.ClientSession
) -> None:
    with frozen_redis(town):
        await until(lambda: all_say(http, town, 200, "degraded"), what="degraded")
        for _ in range(20):
            assert await all_say(http, town, 200, "degraded")
    await until(lambda: all_say(http, town, 200, "ready"), what="ready")


async def test_every_node_answers_soon_while_postgres_is_frozen_and_is_out_of_service(
    town: Town, http: aiohttp.ClientSession
) -> None:
    with frozen_postgres(town):
        await until(lambda: all_say(http, town, 503, "unavailable"), what="unavailable")
        for _ in range(10):
            assert await all_say(http, town, 503, "unavailable")
    await until(lambda: all_say(http, town, 200, "ready"), what="ready")
