"""The shelf of a stream: what its streamer shows is bought beside the player, and a drop not before its moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from server.features.town.market.shelf import Shelf
from server.live.viewings import Viewer
from tests.server.features.town.conftest import Scene
from tests.server.kit import PublishedEvents


async def stream_of(scene: Scene, owner: str = "ada", *, visibility: str = "public", state: str = "live") -> str:
    stream, room, owner_id = str(uuid4()), str(uuid4()), await scene.id_of(owner)
    await scene.kit.database.execute(
        "insert into streams (id, owner_id, room_id, title, stream_key, state, visibility)"
        " values ($1, $2, $3, 'Show', $1::uuid::text, $5, $4)",
        stream, owner_id, room, visibility, state,
    )  # fmt: skip
    return stream


async def shown(scene: Scene, stream: str, token: str | None = None) -> list[str]:
    return [one["title"] for one in (await scene.get(f"/streams/{stream}/shelf", token))["items"]]


async def test_a_streamer_shows_their_own_listings_in_their_own_streams(scene: Scene) -> None:
    stream, bobs = await stream_of(scene), await stream_of(scene, "bob")
    lamp, rug = await scene.list_for_sale(), await scene.list_for_sale(title="سجادة")
    at = f"/streams/{stream}/shelf/{{}}".format
    assert (await scene.call("PUT", at(lamp["id"])))[0] == 403
    assert (await scene.call("PUT", f"/streams/{bobs}/shelf/{lamp['id']}"))[0] == 404, "ada's it is"
    assert (await scene.call("PUT", f"/streams/{uuid4()}/shelf/{lamp['id']}", scene.ada))[0] == 404
    assert (await scene.call("PUT", at(rug["id"]), scene.ada))[0] == 200
    for _ in range(2):
        status, shelf = await scene.call("PUT", at(lamp["id"]), scene.ada, json={})
        assert status == 200
    assert shelf["items"][1] | {"listing_id": "", "stock": 0} == {
        "listing_id": "", "title": "A lamp", "price": 1_000, "currency": "USD", "shipping": 0, "stock": 0,
        "opens_at": None, "picture_url": None, "picture_alt": "",
    }  # fmt: skip
    assert await shown(scene, stream) == ["سجادة", "A lamp"]
    await scene.call("PATCH", f"/listings/{rug['id']}", scene.ada, json={"state": "closed"})
    assert await shown(scene, stream) == ["A lamp"]
    assert (await scene.call("PUT", at(rug["id"]), scene.ada))[0] == 409, "not for sale"
    assert (await scene.call("DELETE", at(lamp["id"])))[0] == 403
    for _ in range(2):
        assert (await scene.call("DELETE", at(lamp["id"]), scene.ada))[0] == 204
    assert await shown(scene, stream) == []


async def test_the_room_of_a_stream_is_told_of_its_shelf_before_it_is_live_and_not_after_its_end(scene: Scene) -> None:
    coming, ended = await stream_of(scene, state="scheduled"), await stream_of(scene, state="ended")
    lamp, published = await scene.list_for_sale(), PublishedEvents()
    shelf = Shelf(db=scene.kit.database, now=lambda: datetime.now(UTC), publish=published)
    ada = Viewer(id=await scene.id_of("ada"))
    await shelf.show(ada, coming, lamp["id"], None)
    [(_, event, body)] = published.events
    assert (event, body["stream_id"], [one["title"] for one in body["items"]]) == ("market:shelf", coming, ["A lamp"])
    status, problem = await scene.call("PUT", f"/streams/{ended}/shelf/{lamp['id']}", scene.ada)
    assert (status, problem["type"].rpartition("/")[2]) == (409, "stream-ended")


async def test_a_shelf_is_seen_by_who_may_see_the_stream_and_holds_ten(scene: Scene) -> None:
    stream = await stream_of(scene, visibility="private")
    for number in range(11):
        lamp = await scene.list_for_sale(title=f"Lamp {number}")
        status, _ = await scene.call("PUT", f"/streams/{stream}/shelf/{lamp['id']}", scene.ada)
        assert status == (200 if number < 10 else 409)
    assert len(await shown(scene, stream, scene.ada)) == 10
    assert (await scene.call("GET", f"/streams/{stream}/shelf"))[0] == 404
    for seconds in (-1, 86_401, "5", True):
        body = {"opens_in_s": seconds}
        assert (await scene.call("PUT", f"/streams/{stream}/shelf/{lamp['id']}", scene.ada, json=body))[0] == 422


async def test_a_drop_is_sold_from_its_moment_on_and_no_oftener_than_there_are(scene: Scene) -> None:
    stream, drop = await stream_of(scene), await scene.list_for_sale(stock=5)
    await scene.call("PATCH", f"/listings/{drop['id']}", scene.ada, json={"state": "closed"})
    at = f"/streams/{stream}/shelf/{drop['id']}"
    status, shelf = await scene.call("PUT", at, scene.ada, json={"opens_in_s": 600})
    assert status == 200
    assert shelf["items"][0]["opens_at"] is not None
    body = {"listing_id": drop["id"], "quantity": 1}

    async def buy_at_once(*buyers: str) -> Counter[tuple[int, str]]:
        asked: list[Any] = [scene.call("POST", "/orders", one, json=body) for one in buyers * 25]
        answers = await asyncio.gather(*asked)
        return Counter((status, answer.get("type", "").rpartition("/")[2]) for status, answer in answers)

    assert await buy_at_once(scene.bob, scene.eve) == {(409, "not-open"): 50}
    assert (await scene.call("POST", "/orders", scene.eve, json=body))[1]["opens_at"].endswith("Z")
    assert (await scene.call("PUT", at, scene.ada, json={"opens_in_s": 0}))[0] == 200
    others = [await scene.served.register(name) for name in ("cleo", "dan")]
    assert await buy_at_once(*others) == {(201, ""): 5, (409, "sold-out"): 45}
    assert (await scene.get(f"/listings/{drop['id']}", scene.ada))["stock"] == 0
    assert await scene.kit.database.fetchval("select sum(quantity) from market_orders") == 5
