"""The Python client while its node is stopped and another begins."""

from __future__ import annotations

import asyncio
from pathlib import Path

from socialflow_client import Client

from storage.postgres import Database
from tests.clients.proxy import Proxy
from tests.e2e.waiting import until_true
from tests.server.live.core_node import core_node

MISSED = 10_000


async def post_without_a_node(database_url: str, room_id: str, user_id: str) -> None:
    """What another node would have let in meanwhile."""
    database = await Database.connect(database_url, max_connections=1)
    await database.execute(
        'insert into chat_messages (room_id, "offset", id, user_id, client_id, text, sent_at)'
        " select $1, last_offset + n, gen_random_uuid(), $2, n::text, 'missed ' || n, now()"
        " from chat_rooms, generate_series(1, $3::int) n where chat_rooms.id = $1",
        room_id, user_id, MISSED,
    )  # fmt: skip
    await database.execute("update chat_rooms set last_offset = last_offset + $2 where id = $1", room_id, MISSED)
    await database.close()


async def test_over_a_restart_ten_thousand_messages_are_read_and_one_that_waits_is_posted_once(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    engines = {"database_url": database_url, "redis_url": redis_url, "data_dir": tmp_path, "cluster_name": "again"}
    async with Proxy(0) as proxy:
        async with core_node(**engines) as first:
            proxy.port = first.app.ports.http_port
            ada = await first.person("ada")
            stream = await ada.prepare("Goes on")
            client = Client(proxy.url, token=ada.token)
            room = await client.watch(stream["id"])
            await room.send("before")
        sending = asyncio.create_task(room.send("while it is away", deadline_s=120))
        await post_without_a_node(database_url, room.id, ada.id)
        await until_true(lambda: client._link.last is not None, within_s=30, what="an attempt in vain")
        async with core_node(**engines) as second, client:
            proxy.port = second.app.ports.http_port
            async with asyncio.timeout(120):
                texts = [(await anext(room)).text for _ in range(MISSED + 2)]
            assert texts == ["before", *[f"missed {n}" for n in range(1, MISSED + 1)], "while it is away"]
            assert (await sending).offset == MISSED + 2
