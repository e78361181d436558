"""A session that ends is refused on every node, also while Redis is away."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AbstractContextManager

import aiohttp
import pytest

from bench.cluster import LocalCluster, NodeProcess
from tests.cluster.test_readiness import frozen_redis
from tests.e2e.people import PASSWORD, Account, Api, register
from tests.e2e.talking import talker
from tests.e2e.waiting import until

REDIS = ("there", "frozen")


@pytest.mark.parametrize("redis", REDIS)
async def test_an_ended_session_is_refused_on_every_node_and_its_sockets_close(
    cluster: LocalCluster, http: aiohttp.ClientSession, redis: str
) -> None:
    here, *_, there = cluster.running
    person = await register(http, here.url)
    other = Account(http, there.url, await _signed_in(person))
    async with talker(there.url, other.token) as socket:
        with _engine(cluster, redis):
            await person.done("DELETE", "auth/sessions")
            await asyncio.gather(*(_until_refused(node, other) for node in cluster.running))
            await socket.event("session:revoked")
    assert (await person.call("GET", "me")).status == 200


async def _signed_in(person: Account) -> dict[str, object]:
    given = {"login": person.username, "password": PASSWORD}
    body: dict[str, object] = await person.done("POST", "auth/login", given)
    return body


def _engine(cluster: LocalCluster, redis: str) -> AbstractContextManager[None]:
    return frozen_redis(cluster) if redis == "frozen" else contextlib.nullcontext()


async def _until_refused(node: NodeProcess, person: Account) -> None:
    """Asks by a call that counts for no limit, so that Redis has no part in it."""
    api = Api(person.http, node.url, person.token)

    async def is_refused() -> bool:
        return (await api.call("GET", "me")).status == 401

    await until(is_refused, within_s=30, what=f"a refusal on {node.name}")
