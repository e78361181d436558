"""The shelf of a stream as its viewers see it while it is live."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.server.live.core_node import CoreNode, node_of_file

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(
    postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CoreNode]:
    async with node_of_file(postgres_url, redis_server_url, tmp_path_factory, test_money=True) as made:
        yield made


async def test_who_watches_sees_the_shelf_live_and_what_is_left_of_it(shop: CoreNode) -> None:
    ada, bob = await shop.person("ada"), await shop.person("bob")
    made = await ada.prepare()
    await shop.publish(made)
    listing = {"title": "A lamp", "price": 1_000, "currency": "USD", "stock": 2}
    lamp = (await ada.done("POST", "/listings", listing))["listing"]["id"]
    phone = await bob.connect()
    await phone.done("chat:join", {"room_id": made["chat"]["room_id"]})
    await ada.done("PUT", f"/streams/{made['id']}/shelf/{lamp}", {})
    told = await phone.until("market:shelf")
    assert told == {"stream_id": made["id"], **await bob.done("GET", f"/streams/{made['id']}/shelf")}
    await bob.done("POST", "/orders", {"listing_id": lamp})
    assert [one["stock"] for one in (await phone.until("market:shelf"))["items"]] == [1]
    await ada.done("PATCH", f"/listings/{lamp}", {"price": 900})
    assert [one["price"] for one in (await phone.until("market:shelf"))["items"]] == [900]
    await ada.done("DELETE", f"/streams/{made['id']}/shelf/{lamp}")
    assert (await phone.until("market:shelf"))["items"] == []
