"""What Redis carries for the cluster: it grows with what is said, not with who listens."""

from __future__ import annotations

import asyncio

from bench import app
from bench.clients import ClientPool, until
from bench.cluster import LocalCluster
from bench.nodes import Ledger, read_ledger
from tests.cluster.conftest import room_on
from tests.e2e.people import Account

MESSAGES = 60
GAP_S = 0.025
FEW, MANY = 5, 50


class Hall:
    """A room with guests on every node, and one who speaks on a node that does not own it."""

    def __init__(self, cluster: LocalCluster, room_id: str, token: str) -> None:
        self._cluster = cluster
        self._room_id = room_id
        self._said = 0
        self._guests = ClientPool(host="127.0.0.1", port=cluster.running[0].port)
        self._speaker = ClientPool(host="127.0.0.1", port=cluster.running[1].port)
        self._speaker.connect(1, says=lambda _: app.login(token))

    def fill(self, on_each: int) -> None:
        nodes = self._cluster.running
        more = on_each - len(self._guests) // len(nodes)
        for node in nodes:
            self._guests.connect(more, says=lambda _: app.joined(None, self._room_id), port=node.port)

    def carried(self) -> Ledger:
        """By Redis, while ``MESSAGES`` were said, at a steady rate, and reached everybody."""
        guests = self._guests
        wanted, before = guests.received + MESSAGES * len(guests), read_ledger(self._cluster.redis_url)
        for _ in range(MESSAGES):
            self._said += 1
            self._speaker.say(app.sent(self._said, self._room_id, f"~t~{self._said}", f"m{self._said}"))
            until(lambda: False, lambda: guests.pump(0.005), GAP_S)
        assert until(lambda: guests.received >= wanted, lambda: guests.pump(0.05), 10), "not everybody was reached"
        return read_ledger(self._cluster.redis_url) - before

    def close(self) -> None:
        self._guests.close()
        self._speaker.close()


async def test_ten_times_the_viewers_cost_redis_nothing_more(cluster: LocalCluster, persons: list[Account]) -> None:
    room_id = await room_on(cluster.running[0], cluster, persons[0])
    hall = await asyncio.to_thread(Hall, cluster, room_id, persons[0].token or "")
    try:
        await asyncio.to_thread(hall.fill, FEW)
        few = await asyncio.to_thread(hall.carried)
        await asyncio.to_thread(hall.fill, MANY)
        many = await asyncio.to_thread(hall.carried)
    finally:
        hall.close()
    assert few.commands >= MESSAGES, "each message goes to its room's owner and from there to the other nodes"
    assert many.commands < 1.3 * few.commands
    assert many.total_bytes < 1.3 * few.total_bytes
