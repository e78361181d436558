"""The model of Redis against Redis: the very scripts, at the very times, give the very answers."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from storage.members import Keys
from storage.redis import Redis, Script
from tests.sim.engines import Data, RedisModel
from tests.sim.simulation import WALL, Simulation

KEYS = Keys.of("model")
SILENT_MS = 1600


class Both:
    """Asks both the same at the same time, which the scripts are told instead of asking for it."""

    def __init__(self, redis: Redis, seed: int) -> None:
        self.redis = redis
        self.model = RedisModel(Simulation(seed))

    async def run(self, script: Script, keys: list[str], args: list[Any]) -> Any:
        us = self.model.time_us()
        text = script.text.replace("redis.call('TIME')", f"{{{us // 1_000_000}, {us % 1_000_000}}}")
        real = await self.redis.run(Script(text=text), keys=keys, args=args)
        modelled = self.model.run(script.digest, keys, args)
        assert in_order(real) == in_order(modelled)
        return real


def in_order(answer: Any) -> Any:
    """Pairs in one order, since a hash has none."""
    if not isinstance(answer, list):
        return answer
    return [sorted(zip(part[::2], part[1::2], strict=True)) if isinstance(part, list) else part for part in answer]


@pytest.mark.parametrize("seed", range(10))
async def test_the_model_answers_as_redis_does(redis: Redis, seed: int) -> None:
    rng = random.Random(seed)
    both = Both(redis, seed)
    beat, shards = Script.load("beat"), Script.load("shards")
    names = [("a", 1), ("a", 2), ("b", 3), ("c", 4)]
    known = dict.fromkeys(names, 0)
    for _ in range(150):
        both.model.simulation.now += rng.choice((0.001, 0.1, 0.4, 0.4, 1.0, 1.7))
        if rng.random() < 0.03:
            both.model.ahead_s += rng.choice((-30.0, -1.0, 1.0, 30.0))
        if rng.random() < 0.02:
            await redis.command("FLUSHALL")
            both.model.data = Data()
        who = rng.choice(names)
        name, incarnation = who[0], f"{who[1]:016x}"
        if rng.random() < 0.6:
            cluster = "other" if rng.random() < 0.02 else "ours"
            what = rng.choices(("stay", "join", "leave"), weights=(8, 2, 1))[0]
            record = msgspec.msgpack.encode(rng.random())
            version = known[who] if rng.random() < 0.7 else 0
            keys = [*KEYS.state, KEYS.inbox(name)]
            answer = await both.run(beat, keys, [cluster, name, incarnation, record, SILENT_MS, version, what])
            if answer[0] == b"ok":
                known[who] = int(answer[2])
        else:
            to = [rng.choice(names) for _ in range(rng.randint(1, 4))]
            pairs = [word for name, number in to for word in (rng.randrange(6), f"{name}@{number:016x}")]
            await both.run(shards, KEYS.state, [f"{name}@{incarnation}", SILENT_MS, *pairs])


async def test_the_models_streams_are_read_as_redis_streams_are(redis: Redis) -> None:
    model = RedisModel(Simulation(1))
    inbox = KEYS.inbox("a")
    ids: list[str] = []
    for number in range(5):
        model.append(inbox, b"%d" % number, 100)
        ids.append(model.last_id(inbox))
        await redis.command("XADD", inbox, ids[-1], "m", b"%d" % number)
    for after in ("0-0", *ids):
        real = await redis.command("XREAD", "COUNT", 3, "STREAMS", inbox, after)
        batch: list[Any] = []
        waiter = model.read(inbox, after, 3, 1.0, give=batch.extend, lose=batch.clear)
        assert [(entry_id.decode(), fields[1]) for entry_id, fields in (real[0][1] if real else [])] == batch
        assert (waiter is None) == bool(batch)
    assert ids[0].startswith(str(round((WALL + model.simulation.now) * 1000)))


async def test_the_model_forgets_its_last_id_when_the_stream_goes_as_redis_does(redis: Redis) -> None:
    model = RedisModel(Simulation(1))
    inbox = KEYS.inbox("a")
    model.append(inbox, b"x", 100)
    model.flush()
    assert model.last_id(inbox) == "0-0"
    assert await redis.command("XREVRANGE", inbox, "+", "-", "COUNT", 1) == []
