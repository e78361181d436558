"""An advertiser, a creator on the air and a viewer, with test money."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.feature import Feature
from storage.ids import Ids
from tests.server.features.test_cluster import ADMIN, token
from tests.server.kit import Kit
from tests.server.served import Served

IDS = Ids()


def new_id() -> str:
    return IDS.uuid7(datetime.now(UTC).timestamp())


@dataclass
class Agency:
    """``ada`` streams, ``bob`` watches, ``eve`` advertises."""

    kit: Kit
    served: Served
    features: Sequence[Feature]
    ada: str
    bob: str
    eve: str
    admin: str
    stream: str

    async def call(self, method: str, path: str, token: str | None = None, **more: Any) -> tuple[int, Any]:
        return await self.served.call(method, path, token=token or self.eve, **more)

    async def done(self, method: str, path: str, token: str | None = None, **more: Any) -> Any:
        status, answer = await self.call(method, path, token, **more)
        assert status in (200, 201, 204), answer
        return answer

    def feature(self, name: str) -> Feature:
        return next(one for one in self.features if one.name == name)

    async def settle(self) -> None:
        """Have jobs and readers do what is due."""
        await self.kit.run_jobs(self.features)
        await self.kit.read_facts([self.feature("ads")])

    async def id_of(self, username: str) -> str:
        found: str = await self.kit.database.fetchval("select id from users where username_key = $1", username)
        return found

    async def video(self, owner: str = "eve", **more: Any) -> str:
        fields = {
            "id": new_id(), "owner_id": await self.id_of(owner), "title": "Ad", "state": "ready", "edition": 1,
            "duration_ms": 6_000, "created_at": datetime.now(UTC), **more,
        }  # fmt: skip
        places = ", ".join(f"${n}" for n in range(1, len(fields) + 1))
        await self.kit.database.execute(f"insert into videos ({', '.join(fields)}) values ({places})", *fields.values())
        return str(fields["id"])

    async def campaign(self, **more: Any) -> Any:
        return (await self.done("POST", "/ads/campaigns", json=draft(**more)))["campaign"]

    async def pay(self, campaign_id: str, amount: int) -> Any:
        paid = await self.done("POST", f"/ads/campaigns/{campaign_id}/payments", json={"amount": amount})
        await self.settle()
        return paid

    async def running(self, *, labels: Sequence[str] = (), **more: Any) -> Any:
        """A campaign that is paid, with a video that is approved."""
        made = await self.campaign(**more)
        await self.pay(made["id"], made["budget"])
        body = {"video_id": await self.video(), "labels": list(labels)}
        added = await self.done("POST", f"/ads/campaigns/{made['id']}/creatives", json=body)
        path = f"/admin/ads/creatives/{added['creative']['id']}"
        await self.done("PUT", path, self.admin, json={"state": "approved"})
        return await self.done("GET", f"/ads/campaigns/{made['id']}")

    async def require_sound(self) -> None:
        _, told = await self.call("GET", "/admin/ledger/check", token=self.admin)
        assert (told["sum"], told["differences"]) == (0, [])

    async def held(self) -> dict[str, int]:
        """What the accounts of the ledger hold, in dollars' cents."""
        totals = (await self.done("GET", "/admin/ledger", self.admin))["totals"]
        return {one["account"]: one["balance"] for one in totals if one["currency"] == "USD"}


def draft(**more: Any) -> dict[str, Any]:
    """Ten dollars, half of whose dates have gone, at five dollars for a thousand."""
    now = datetime.now(UTC)
    return {
        "name": "Lamps", "budget": 1_000, "bid": 500, "currency": "USD", "click_url": "https://shop.example/lamps",
        "starts_at": (now - timedelta(days=1)).isoformat(), "ends_at": (now + timedelta(days=1)).isoformat(), **more,
    }  # fmt: skip


@pytest.fixture
async def agency(kit: Kit) -> AsyncIterator[Agency]:
    settings: dict[str, Any] = {"test_money": True, "ad_gap_s": 0}
    async with kit.serve(**settings) as served:
        admin = token(kit.identity, ADMIN, "admin")["Authorization"].removeprefix("Bearer ")
        ada, bob, eve = [await served.register(name) for name in ("ada", "bob", "eve")]
        found = Agency(kit, served, kit.install(**settings).features, ada, bob, eve, admin, new_id())
        ada_id = await found.id_of("ada")
        await kit.database.execute(
            "insert into streams (id, owner_id, room_id, title, stream_key, state, category, language)"
            " values ($1, $2, $3, 'Show', 'k', 'live', 'Games', 'en')",
            found.stream, ada_id, new_id(),
        )  # fmt: skip
        yield found
