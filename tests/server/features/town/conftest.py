"""The town's rooms over the shared Postgres, with test money."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from server.feature import Feature
from tests.server.features.test_cluster import ADMIN, token
from tests.server.kit import Kit
from tests.server.served import Served


@dataclass
class Scene:
    """``ada`` sells, ``bob`` buys, ``eve`` is anybody else. ``features`` do what workers and readers do."""

    kit: Kit
    served: Served
    features: Sequence[Feature]
    ada: str
    bob: str
    eve: str
    admin: str

    async def call(self, method: str, path: str, token: str | None = None, **more: Any) -> tuple[int, Any]:
        return await self.served.call(method, path, token=token or self.bob, **more)

    async def get(self, path: str, token: str | None = None) -> Any:
        status, answer = await self.call("GET", path, token)
        assert status == 200, answer
        return answer

    def feature(self, name: str) -> Feature:
        return next(one for one in self.features if one.name == name)

    async def id_of(self, username: str) -> str:
        found: str = await self.kit.database.fetchval("select id from users where username_key = $1", username)
        return found

    async def settle(self) -> None:
        """Have jobs and readers do what is due."""
        await self.kit.run_jobs(self.features)
        await self.kit.read_facts([self.feature("market")])

    async def news_of(self, token: str) -> list[tuple[str, str, str]]:
        """What a person has been notified of, the newest last: its subject, title and page."""
        await self.kit.read_facts([self.feature("notifications")])
        items = (await self.get("/notifications?kind=order", token))["items"]
        return [(one["subject"]["type"], one["subject"]["title"], one["subject"]["path"]) for one in reversed(items)]

    async def list_for_sale(self, **more: Any) -> Any:
        body = {"title": "A lamp", "price": 1_000, "currency": "USD", "stock": 3, "category": "Home", **more}
        status, answer = await self.call("POST", "/listings", self.ada, json=body)
        assert status == 201, answer
        return answer["listing"]

    async def order(self, listing_id: str, **more: Any) -> Any:
        """Bob's, not paid yet."""
        status, answer = await self.call("POST", "/orders", json={"listing_id": listing_id, "quantity": 1, **more})
        assert status == 201, answer
        return answer["order"]

    async def paid(self, listing_id: str, **more: Any) -> str:
        order_id: str = (await self.order(listing_id, **more))["id"]
        await self.settle()
        return order_id

    async def act(self, order_id: str, act: str, token: str | None = None, **more: Any) -> tuple[int, Any]:
        """The status, and the state of the order afterwards, or the problem."""
        status, answer = await self.call("POST", f"/orders/{order_id}/{act}", token, **more)
        return status, answer["order"]["state"] if status == 200 else answer

    async def balance(self) -> tuple[int, int]:
        """What ada can have paid out, and what is held for her."""
        found = (await self.get("/me/balance", self.ada))["balances"]
        return (found[0]["available"], found[0]["pending"]) if found else (0, 0)

    async def lapse(self) -> None:
        """Have the clocks of all open orders run out."""
        await self.kit.database.execute("update market_orders set due_at = now() where due_at is not null")
        await self.kit.run_schedule(self.feature("market"), "market.clock")

    async def require_sound(self) -> None:
        told = await self.get("/admin/ledger/check", self.admin)
        assert (told["sum"], told["differences"]) == (0, [])


@pytest.fixture
async def scene(kit: Kit) -> AsyncIterator[Scene]:
    async with kit.serve(test_money=True) as served:
        admin = token(kit.identity, ADMIN, "admin")["Authorization"].removeprefix("Bearer ")
        ada, bob, eve = [await served.register(name) for name in ("ada", "bob", "eve")]
        yield Scene(kit, served, kit.install(test_money=True).features, ada, bob, eve, admin)
