"""A hundred orders live random lives while the server's connections are cut amid them, as a node's death cuts them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from itertools import count
from typing import Any, Final

import pytest

from server.features.town.market.rules import ENDS, MOVES, Act, Party, State
from server.http.limits import TokenBuckets
from storage.errors import StorageError
from storage.postgres import Database
from tests.server.features.town.conftest import Scene
from tests.server.jobs.inline import make_due
from tests.server.kit import Kit

ORDERS: Final = 100
AT_ONCE: Final = 10
ROUNDS: Final = 20
PRICE: Final = 1_000
NET: Final = 900
ODD: Final = 0.2
"""Of the acts, how many are whatever comes into a head."""
RARE: Final = {"cancel": 0.8}
"""Else few would be shipped."""
BY_PEOPLE: Final = {"cancel", "ship", "receive", "dispute", "answer", "uphold", "dismiss"}
ACTS: Final[list[tuple[Party, Act, State]]] = [
    (party, act, state) for (state, act), move in MOVES.items() if act in BY_PEOPLE for party in sorted(move.by)
]
CUT: Final = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'
"""
"""What is amid a statement or a transaction dies with it; the others stay, as those of other nodes do."""


@pytest.fixture
def kit(kit: Kit) -> Kit:
    """An hour passes between any two calls for those who count them: no rate holds up a life."""
    kit.limiter = TokenBuckets(monotonic=count(0, 3_600).__next__)
    return kit


class Fair:
    """``other``: a database of its own, which cuts the server's connections."""

    def __init__(self, scene: Scene, other: Database, seed: int) -> None:
        self._scene = scene
        self._other = other
        self._random = random.Random(seed)
        self._buyers: dict[str, str] = {}
        self.answers: Counter[str] = Counter()
        self.cuts = 0

    async def run(self) -> None:
        self._buyers = {await self._scene.id_of(name): getattr(self._scene, name) for name in ("bob", "eve")}
        listings = [(await self._scene.list_for_sale(price=PRICE, stock=2 * ORDERS))["id"] for _ in range(2)]
        buyers = list(self._buyers.values())
        for numbers in (range(first, first + AT_ONCE) for first in range(0, ORDERS, AT_ONCE)):
            await self._cut_amid(*(self._buy(listings[number % 2], buyers[number % 3 % 2]) for number in numbers))
        for _ in range(ROUNDS):
            orders = await self._other.fetch("select id, state, buyer_id from market_orders order by id")
            some = self._random.sample(orders, AT_ONCE)
            await self._cut_amid(self._settle(), *(self._act(**one) for one in some))
        await self._end()

    async def _cut_amid(self, *under_way: Any) -> None:
        async def cut() -> None:
            for _ in range(self._random.randint(0, 60)):
                await asyncio.sleep(0)
            self.cuts += await self._other.fetchval(CUT)

        await asyncio.gather(*under_way, cut())

    async def _buy(self, listing_id: str, buyer: str) -> None:
        status, answer = await self._insist("/orders", buyer, {"listing_id": listing_id, "quantity": 1})
        assert status == 201, answer

    async def _act(self, *, id: str, state: State, buyer_id: str) -> None:
        possible = [one for one in ACTS if one[2] == state and self._random.random() >= RARE.get(one[1], ODD)]
        who, act, _ = self._random.choice(possible or ACTS)
        people = {"seller": self._scene.ada, "moderator": self._scene.admin, "buyer": self._buyers[buyer_id]}
        under = "moderation/orders" if who == "moderator" else "orders"
        body = {"reason": "So it is"} if act in {"dispute", "answer"} else {}
        status, _ = await self._insist(f"/{under}/{id}/{act}", people[who], body)
        self.answers[f"{act} {status}"] += 1

    async def _insist(self, path: str, who: str, body: Any) -> tuple[int, Any]:
        """Asks again until there is an answer."""
        for _ in range(100):
            status, answer = await self._scene.call("POST", path, who, json=body)
            if status < 500:
                return status, answer
            self.answers[f"again after {status}"] += 1
        raise AssertionError(f"{path}: {status} {answer}")

    async def _settle(self) -> None:
        """What workers and readers do, unless they die of it; what they leave is taken up later."""
        try:
            await self._scene.settle()
        except (StorageError, AssertionError):  # the latter by the kit, for a reader whose fact failed
            self.answers["workers died"] += 1
        await make_due(self._other)

    async def _end(self) -> None:
        """Every clock runs out, again and again."""
        for _ in range(4):
            await self._scene.settle()
            await self._scene.lapse()
        await self._scene.settle()


async def test_a_hundred_random_lives_of_orders_cut_amid_their_acts_leave_sound_books(
    scene: Scene, server_database_url: str
) -> None:
    other = await Database.connect(server_database_url, max_connections=1)  # which so never cuts itself
    try:
        fair = Fair(scene, other, seed=1)
        await fair.run()
        ends = dict(await other.fetch("select state, count(*) as orders from market_orders group by state"))
        stock = await other.fetchval("select sum(stock) from market_listings")
    finally:
        await other.close()
    assert set(ends) <= ENDS
    assert sum(ends.values()) >= ORDERS
    assert fair.cuts > 0
    assert fair.answers["again after 503"] > 0
    assert fair.answers["ship 200"] > 0
    assert await scene.balance() == (NET * ends.get("received", 0), 0)
    assert stock == 4 * ORDERS - ends.get("received", 0) - ends.get("refunded", 0)
    await scene.require_sound()
