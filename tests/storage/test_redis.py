"""Redis: answers stay with their commands, every wait ends, and rates are shared."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.embedded.redis import EmbeddedRedis
from storage.errors import StorageError, Unavailable
from storage.redis import Limit, Redis, RedisRateLimiter, Script
from tests.storage.engine_kill import kill


async def keep_pinging(redis: Redis) -> None:
    for _ in range(1000):
        await redis.ping()


@pytest.fixture
async def own_engine() -> AsyncIterator[EmbeddedRedis]:
    with tempfile.TemporaryDirectory(prefix="sf-") as folder:
        engine = EmbeddedRedis(data_dir=Path(folder))
        yield engine
        engine.stop()


async def test_a_command_has_its_answer(redis: Redis) -> None:
    await redis.command("SET", "k", "v")
    assert await redis.command("GET", "k") == b"v"


async def test_a_pipeline_answers_in_order_and_keeps_a_refusal_in_its_place(redis: Redis) -> None:
    answers = await redis.pipeline([("SET", "k", "v"), ("INCR", "k"), ("GET", "k")])
    assert answers[0] == b"OK"
    assert isinstance(answers[1], StorageError)
    assert answers[2] == b"v"


async def test_a_refused_command_is_not_an_outage(redis: Redis) -> None:
    with pytest.raises(StorageError) as caught:
        await redis.command("NOSUCH")
    assert not isinstance(caught.value, Unavailable)


async def test_a_cancelled_command_never_hands_its_answer_to_another(redis_url: str) -> None:
    redis = await Redis.connect(redis_url, max_connections=1)
    for turn in range(50):
        waiting = asyncio.create_task(redis.command("BLPOP", "empty", 5))
        for _ in range(turn % 7):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await redis.command("ECHO", f"mine-{turn}") == f"mine-{turn}".encode()
    await redis.close()


async def test_a_command_past_its_deadline_is_unavailable(redis: Redis) -> None:
    with pytest.raises(Unavailable):
        await redis.command("BLPOP", "empty", 30, timeout_s=0.05)
    await redis.ping()


async def test_a_script_runs_on_a_server_that_has_never_seen_it(redis: Redis) -> None:
    await redis.command("SCRIPT", "FLUSH")
    script = Script(text="return {KEYS[1], ARGV[1]}")
    for _ in range(2):
        assert await redis.run(script, keys=["k"], args=["a"]) == [b"k", b"a"]


async def test_after_a_kill_commands_are_unavailable_and_go_on_once_the_server_is_back(
    own_engine: EmbeddedRedis,
) -> None:
    redis = await Redis.connect(own_engine.start())
    await kill(own_engine)
    with pytest.raises(Unavailable):
        await keep_pinging(redis)
    await asyncio.to_thread(own_engine.start)
    await redis.ping()
    await redis.close()


@pytest.mark.parametrize("url", ["unix:///nonexistent/redis.sock", "redis://127.0.0.1:1/0", "nonsense://x"])
async def test_nobody_home_is_unavailable(url: str) -> None:
    with pytest.raises(Unavailable):
        await Redis.connect(url)


async def test_a_rate_allows_its_burst_and_says_when_to_come_again(redis: Redis) -> None:
    limiter = RedisRateLimiter(redis=redis)
    verdicts = [await limiter.take("ann", rate=0.1, burst=3) for _ in range(4)]
    assert [verdict.is_allowed for verdict in verdicts] == [True, True, True, False]
    assert 5 < verdicts[3].retry_after_s <= 10
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert [round(verdict.full_in_s) for verdict in verdicts] == [10, 20, 30, 30]
    assert (await limiter.take("bob", rate=0.1, burst=3)).is_allowed


async def test_a_rate_refills_with_time_and_forgets_who_is_full_again(redis: Redis) -> None:
    limiter = RedisRateLimiter(redis=redis)
    while (await limiter.take("ann", rate=50, burst=2)).is_allowed:
        pass
    async with asyncio.timeout(30):
        while not (await limiter.take("ann", rate=50, burst=2)).is_allowed:
            pass
    assert 0 < await redis.command("PTTL", "rate:ann") <= 1000


async def test_a_cost_above_what_is_left_takes_nothing(redis: Redis) -> None:
    limiter = RedisRateLimiter(redis=redis)
    assert not (await limiter.take("ann", rate=0.1, burst=3, cost=4)).is_allowed
    assert (await limiter.take("ann", rate=0.1, burst=3, cost=3)).is_allowed


async def test_all_buckets_give_or_none_does(redis: Redis) -> None:
    limiter = RedisRateLimiter(redis=redis)
    wide, narrow = Limit("wide", rate=0.1, burst=3), Limit("narrow", rate=0.01, burst=1)
    verdicts = [await limiter.take_all([wide, narrow]) for _ in range(9)]
    assert [verdict.is_allowed for verdict in verdicts] == [True, *[False] * 8]
    assert 90 < verdicts[1].retry_after_s <= 100
    await limiter.take_all([wide, narrow], cost=-1)
    assert (await limiter.take_all([wide, narrow])).is_allowed
    assert [(await limiter.take_all([wide])).is_allowed for _ in range(3)] == [True, True, False]


async def test_rates_fall_open_while_redis_is_away_and_count_again_later(own_engine: EmbeddedRedis) -> None:
    now = 0.0
    redis = await Redis.connect(own_engine.start())
    limiter = RedisRateLimiter(redis=redis, rest_s=1.0, clock=lambda: now)
    await kill(own_engine)
    verdicts = [await limiter.take("ann", rate=0.1, burst=1) for _ in range(3)]
    assert all(verdict.is_allowed for verdict in verdicts)
    assert verdicts[-1].is_blind
    await asyncio.to_thread(own_engine.start)
    assert (await limiter.take("ann", rate=0.1, burst=1)).is_blind
    now = 1.0
    assert [(await limiter.take("ann", rate=0.1, burst=1)).is_allowed for _ in range(2)] == [True, False]
    await redis.close()


async def test_what_is_given_back_does_not_count(redis: Redis) -> None:
    limiter = RedisRateLimiter(redis=redis)
    for _ in range(5):
        assert (await limiter.take("back", rate=0.01, burst=2)).is_allowed
        assert (await limiter.take("back", rate=0.01, burst=2, cost=-1)).is_allowed
    verdicts = [(await limiter.take("back", rate=0.01, burst=2)).is_allowed for _ in range(3)]
    assert verdicts == [True, True, False]


async def test_a_clock_of_redis_that_is_put_back_costs_the_wait_for_one_at_most(redis: Redis) -> None:
    limiter = RedisRateLimiter(redis=redis)
    await redis.command("SET", "rate:back in time", str(round((time.time() + 3600) * 1e6)))
    verdict = await limiter.take("back in time", rate=1.0, burst=5)
    assert not verdict.is_allowed
    assert 0 < verdict.retry_after_s <= 1.0


async def test_few_connections_serve_many_one_after_the_other_and_one_that_was_ended_is_opened_anew(
    redis_url: str,
) -> None:
    few = await Redis.connect(redis_url, max_connections=2)
    answers = await asyncio.gather(*(few.command("ECHO", str(number)) for number in range(50)))
    assert answers == [str(number).encode() for number in range(50)]
    ids = set(await asyncio.gather(few.command("CLIENT", "ID"), few.command("CLIENT", "ID")))
    assert len(ids) == 2
    other = await Redis.connect(redis_url, max_connections=1)
    for one in ids:
        await other.command("CLIENT", "KILL", "ID", one)
    await other.close()
    async with asyncio.timeout(30):
        while not all(await asyncio.gather(*(one.can_read() for one in few._idle))):  # noqa: ASYNC110 - of the server
            await asyncio.sleep(0.01)
    answers = await asyncio.gather(*(few.command("ECHO", str(number)) for number in range(50)))
    assert answers == [str(number).encode() for number in range(50)]
    await few.close()
