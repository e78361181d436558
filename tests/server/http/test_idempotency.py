from __future__ import annotations

import asyncio
from typing import Any

from server.http.errors import Problem
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Shape
from tests.server.conftest import ApiFixture, Serve, Someone


class Thing(Body):
    name: str


class Made(Shape):
    number: int


class Maker:
    """Counts what it makes; fails while ``is_failing``; waits for ``gate`` when there is one."""

    def __init__(self) -> None:
        self.made = 0
        self.is_failing = False
        self.began = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def make(self, call: Call[Thing, None]) -> Answer:
        self.began.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.is_failing:
            raise Problem(503)
        self.made += 1
        return Answer(201, Made(number=self.made), {"Location": f"/things/{self.made}"})

    def operation(self) -> Operation:
        return Operation(
            method="POST", path="/things", handler=self.make, name="make", summary="Make", tag="t", body=Thing,
            answers={201: Made}, auth="required", idempotent_key=True,
        )  # fmt: skip


async def _post(client: Any, someone: Someone, key: str | None, name: str = "x") -> Any:
    headers = {**someone.headers, **({"Idempotency-Key": key} if key is not None else {})}
    return await client.post("/things", json={"name": name}, headers=headers)


async def test_same_key_and_body_is_carried_out_once_and_answered_twice(api: ApiFixture, serve: Serve) -> None:
    maker, ada = Maker(), await api.register("ada")
    client = await serve(maker.operation())
    first, second = await _post(client, ada, "k"), await _post(client, ada, "k")
    assert (first.status, await first.json()) == (second.status, await second.json()) == (201, {"number": 1})
    assert first.headers["Location"] == second.headers["Location"]
    assert maker.made == 1


async def test_without_a_key_or_with_another_it_is_carried_out_again(api: ApiFixture, serve: Serve) -> None:
    maker, ada, bob = Maker(), await api.register("ada"), await api.register("bob")
    client = await serve(maker.operation())
    for someone, key in ((ada, None), (ada, None), (ada, "a"), (ada, "b"), (bob, "a")):
        assert (await _post(client, someone, key)).status == 201
    assert maker.made == 5


async def test_same_key_with_another_body_is_a_422(api: ApiFixture, serve: Serve) -> None:
    maker, ada = Maker(), await api.register("ada")
    client = await serve(maker.operation())
    await _post(client, ada, "k", "x")
    answer = await _post(client, ada, "k", "y")
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["field"] == "Idempotency-Key"
    assert maker.made == 1


async def test_second_call_while_the_first_is_under_way_is_a_409(api: ApiFixture, serve: Serve) -> None:
    maker, ada = Maker(), await api.register("ada")
    maker.gate = asyncio.Event()
    client = await serve(maker.operation())
    first = asyncio.ensure_future(_post(client, ada, "k"))
    await asyncio.wait_for(maker.began.wait(), 30)
    second = await _post(client, ada, "k")
    maker.gate.set()
    assert second.status == 409
    assert second.headers["Retry-After"] == "1"
    assert (await first).status == 201
    assert maker.made == 1


async def test_failed_call_may_be_repeated_with_its_key(api: ApiFixture, serve: Serve) -> None:
    maker, ada = Maker(), await api.register("ada")
    client = await serve(maker.operation())
    maker.is_failing = True
    assert (await _post(client, ada, "k")).status == 503
    maker.is_failing = False
    assert (await _post(client, ada, "k")).status == 201


async def test_call_whose_node_died_is_taken_over_after_a_minute(api: ApiFixture, serve: Serve) -> None:
    maker, ada = Maker(), await api.register("ada")
    client = await serve(maker.operation())
    await _post(client, ada, "k")
    await api.database.execute("update idempotency_keys set status = null, answer = null")
    assert (await _post(client, ada, "k")).status == 409
    await api.database.execute("update idempotency_keys set created_at = now() - interval '61 s'")
    assert (await _post(client, ada, "k")).status == 201


async def test_key_is_forgotten_after_a_day(api: ApiFixture, serve: Serve) -> None:
    maker, ada = Maker(), await api.register("ada")
    client = await serve(maker.operation())
    await _post(client, ada, "k", "x")
    await api.database.execute("update idempotency_keys set created_at = now() - interval '25 h'")
    assert (await _post(client, ada, "k", "y")).status == 201
    assert maker.made == 2


async def test_key_of_a_wrong_form_is_a_422(api: ApiFixture, serve: Serve) -> None:
    maker, ada = Maker(), await api.register("ada")
    client = await serve(maker.operation())
    for key in ("", "x" * 256, "a b", "é"):
        assert (await _post(client, ada, key)).status == 422
    assert maker.made == 0
