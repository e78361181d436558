"""People with a stream, the server's features over the shared Postgres, and a stand-in for Stripe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from server.feature import Feature
from server.jobs import RetryLater
from storage.ids import Ids
from tests.server.features.test_cluster import ADMIN, token
from tests.server.jobs.inline import make_due
from tests.server.kit import Kit
from tests.server.served import Served
from tests.stripe_stand_in import StripeStandIn
from tests.stripe_stand_in.server import SECRET_KEY, WEBHOOK_SECRET

IDS = Ids()
READERS = ("tips", "memberships", "subscribers")


def new_id() -> str:
    return IDS.uuid7(datetime.now(UTC).timestamp())


@dataclass
class Shop:
    """``ada`` streams, ``bob`` pays. ``features`` do what workers and readers do."""

    kit: Kit
    served: Served
    features: Sequence[Feature]
    ada: str
    bob: str
    admin: str
    stripe: StripeStandIn | None = None
    stream: str = field(default_factory=new_id)
    room: str = field(default_factory=new_id)

    async def open_stream(self) -> None:
        ada_id = await self.id_of("ada")
        await self.kit.database.execute(
            "insert into streams (id, owner_id, room_id, title, stream_key, state)"
            " values ($1, $2, $3, 'Show', 'k', 'live')",
            self.stream, ada_id, self.room,
        )  # fmt: skip
        await self.kit.database.execute(
            "insert into chat_rooms (id, stream_id, owner_id, log_epoch) values ($1, $2, $3, 'e')",
            self.room, self.stream, ada_id,
        )  # fmt: skip

    async def id_of(self, username: str) -> str:
        found: str = await self.kit.database.fetchval("select id from users where username_key = $1", username)
        return found

    async def tip_with_key(self, key: str, **more: Any) -> tuple[int, Any]:
        body = {"stream_id": self.stream, "amount": 500, "currency": "USD", **more}
        headers = {"Authorization": f"Bearer {self.bob}", "Idempotency-Key": key}
        url = f"{self.served.url}/api/v1/tips"
        async with self.served.http.post(url, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def call(self, method: str, path: str, token: str | None = None, **more: Any) -> tuple[int, Any]:
        return await self.served.call(method, path, token=token or self.bob, **more)

    async def tip(self, **more: Any) -> Any:
        body = {"stream_id": self.stream, "amount": 500, "currency": "USD", "message": "wow", **more}
        status, answer = await self.call("POST", "/tips", json=body)
        assert status == 201, answer
        return answer

    async def settle(self) -> None:
        """Have jobs and readers do what is due, until nothing is; a job that asks for it is tried again."""
        for _ in range(3):
            try:
                await self.kit.run_jobs(self.features)
            except RetryLater:
                await make_due(self.kit.database)
            await self.kit.read_facts(
                [one for one in self.features if one.name in ("tips", "memberships", "subscribers")]
            )

    async def post(self, body: bytes, signature: str) -> int:
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        async with self.served.http.post(
            f"{self.served.url}/api/v1/webhooks/stripe", data=body, headers=headers
        ) as answer:
            return answer.status

    async def deliver(self, *events: dict[str, Any]) -> None:
        """Those, or all that the stand-in has; carried out one by one, in this order."""
        assert self.stripe is not None
        for event in events or tuple(self.stripe.events):
            assert await self.post(*self.stripe.signed(event)) == 200
            await self.settle()

    def shown(self) -> list[dict[str, Any]]:
        """The tips that were shown."""
        return [body for _, event, body in self.kit.published.events if event == "tip"]

    async def balance(self, who: str) -> Any:
        return (await self.call("GET", "/me/balance", token=who))[1]["balances"]

    async def require_sound(self) -> None:
        _, told = await self.call("GET", "/admin/ledger/check", token=self.admin)
        assert (told["sum"], told["differences"]) == (0, [])


async def _opened(kit: Kit, served: Served, stripe: StripeStandIn | None, **settings: Any) -> Shop:
    admin = token(kit.identity, ADMIN, "admin")["Authorization"].removeprefix("Bearer ")
    ada, bob = [await served.register(name) for name in ("ada", "bob")]
    features = kit.install(**settings).features
    shop = Shop(kit, served, features, ada, bob, admin, stripe)
    await shop.open_stream()
    return shop


@pytest.fixture
async def shop(kit: Kit) -> AsyncIterator[Shop]:
    """With test money."""
    async with kit.serve(test_money=True) as served:
        yield await _opened(kit, served, None, test_money=True)


@pytest.fixture
async def stripe_shop(kit: Kit) -> AsyncIterator[Shop]:
    stripe = StripeStandIn()
    base = await stripe.start()
    keys = {"stripe_secret_key": SECRET_KEY, "stripe_webhook_secret": WEBHOOK_SECRET, "stripe_api_base": base}
    async with kit.serve(**keys) as served:
        shop = await _opened(kit, served, stripe, **keys)
        yield shop
        for feature in shop.features:
            if feature.close is not None and feature.name == "payments":
                await feature.close()
    await stripe.close()
