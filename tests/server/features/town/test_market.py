"""The market: what is for sale is found, bought once, and paid to its seller when it is received."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.features.town.market import orders as order_verbs
from server.features.town.market.orders import Orders
from server.features.town.market.rules import ENDS, MOVES
from server.http.errors import Problem
from tests.server.features.town.conftest import Scene
from tests.server.kit import Kit
from tests.server.served import PASSWORD


async def test_a_listing_is_found_by_words_category_and_place_while_it_is_for_sale(scene: Scene) -> None:
    place = {"lat": 52.52, "lon": 13.405, "name": "Berlin"}
    lamp = await scene.list_for_sale(title="A Brass Lamp", category="Home", place=place)
    await scene.list_for_sale(title="سجادة", category="Rugs")
    assert lamp["place"]["lat"] != 52.52, "rounded to a kilometre"

    async def found(query: str) -> list[str]:
        return [one["title"] for one in (await scene.get(f"/listings?{query}"))["items"]]

    assert await found("") == ["سجادة", "A Brass Lamp"]
    assert await found("q=brass") == ["A Brass Lamp"]
    assert await found("q=%25") == []
    assert await found("category=rugs") == ["سجادة"]
    assert await found("near=52.5,13.4&radius_km=10") == ["A Brass Lamp"]
    assert await found("near=48.1,11.5&radius_km=100") == []
    near = await scene.get("/listings?near=52.5,13.4")
    assert 1 < near["items"][0]["distance_km"] < 4
    assert (await scene.call("PATCH", f"/listings/{lamp['id']}", scene.ada, json={"state": "closed"}))[0] == 200
    assert await found("q=brass") == []
    assert (await scene.call("GET", f"/listings/{lamp['id']}"))[0] == 404
    assert await scene.get(f"/listings/{lamp['id']}", scene.ada)
    assert (await scene.call("DELETE", f"/listings/{lamp['id']}"))[0] == 404, "bob's it is not"
    assert (await scene.call("DELETE", f"/listings/{lamp['id']}", scene.ada))[0] == 204


async def test_what_is_near_comes_nearest_first_page_by_page_and_not_from_who_is_apart(scene: Scene) -> None:
    for title, lat, stock in (("far", 52.7, 1), ("near", 52.51, 1), ("sold out", 52.52, 0), ("middle", 52.6, 1)):
        await scene.list_for_sale(title=title, stock=stock, place={"lat": lat, "lon": 13.4, "name": "Berlin"})

    async def walked(query: str, token: str) -> list[str]:
        titles, cursor = [], ""
        while cursor is not None:
            page = await scene.get(f"/listings?near=52.5,13.4&radius_km=50&limit=1{query}{cursor}", token)
            titles += [one["title"] for one in page["items"]]
            cursor = f"&cursor={page['next']}" if page["next"] else None
        return titles

    assert await walked("", scene.bob) == ["near", "middle", "far"]
    assert await walked("&seller=ada", scene.bob) == ["near", "middle", "far"]
    assert await walked("&seller=ada", scene.ada) == ["near", "sold out", "middle", "far"]
    assert await walked("&seller=bob", scene.bob) == []
    assert (await scene.call("PUT", "/users/ada/block"))[0] < 300
    assert await walked("", scene.bob) == []
    assert await walked("", scene.eve) == ["near", "middle", "far"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"title": ""}, "title"),
    ({"price": 0}, "price"),
    ({"price": 100_001}, "price"),
    ({"currency": "XYZ"}, "currency"),
    ({"stock": -1}, "stock"),
    ({"pictures": [{"upload_id": "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"}]}, "pictures.0.upload_id"),
    ({"place": {"lat": 90.1, "lon": 0}}, "place.lat"),
    ({"place": {"lat": 0, "lon": 181}}, "place.lon"),
]


async def test_what_cannot_be_sold_or_bought_is_refused(scene: Scene) -> None:
    for more, field in WRONG:
        body = {"title": "A lamp", "price": 1_000, "currency": "USD", **more}
        status, problem = await scene.call("POST", "/listings", scene.ada, json=body)
        assert (status, [one["field"] for one in problem["errors"]]) == (422, [field])
    for near in ("91,0", "0,180.5", "x", "nan,0", "1"):
        assert (await scene.call("GET", f"/listings?near={near}"))[0] == 422
    lamp = await scene.list_for_sale(price=60_000)
    for body, status in (
        ({"listing_id": lamp["id"], "quantity": 0}, 422),
        ({"listing_id": lamp["id"], "quantity": 2}, 422),
        ({"listing_id": lamp["id"], "quantity": 4}, 409),
        ({"listing_id": lamp["id"], "quantity": 1, "price": 50_000}, 409),
        ({"listing_id": "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", "quantity": 1}, 404),
    ):
        assert (await scene.call("POST", "/orders", json=body))[0] == status
    own = await scene.call("POST", "/orders", scene.ada, json={"listing_id": lamp["id"], "quantity": 1})
    assert own[0] == 422
    assert (await scene.get(f"/listings/{lamp['id']}"))["stock"] == 3


async def test_money_is_held_until_the_order_is_received_and_only_its_buyer_reviews(scene: Scene) -> None:
    lamp = await scene.list_for_sale(shipping=200)
    order = await scene.order(lamp["id"], quantity=2, deliver_to="Main St 1")
    assert (order["state"], order["amount"], order["is_test"]) == ("pending", 2_200, True)
    assert (await scene.act(order["id"], "ship", scene.ada))[0] == 409
    await scene.call("PATCH", f"/listings/{lamp['id']}", scene.ada, json={"price": 5_000})
    await scene.settle()
    await scene.kit.run_schedule(scene.feature("payments"), "payments.release")
    assert await scene.balance() == (0, 1_980)
    assert (await scene.act(order["id"], "receive"))[0] == 409
    assert (await scene.act(order["id"], "ship"))[0] == 403
    assert (await scene.act(order["id"], "ship", scene.eve))[0] == 404
    assert await scene.act(order["id"], "ship", scene.ada, json={"tracking": "T1"}) == (200, "shipped")
    assert (await scene.act(order["id"], "cancel", scene.ada))[0] == 409
    review = {"json": {"stars": 4, "text": "Bright"}}
    assert (await scene.call("PUT", f"/orders/{order['id']}/review", **review))[0] == 409
    assert await scene.act(order["id"], "receive") == (200, "received")
    assert await scene.balance() == (1_980, 0)
    assert (await scene.act(order["id"], "receive"))[0] == 409
    assert (await scene.call("PUT", f"/orders/{order['id']}/review", scene.ada, **review))[0] == 403
    assert (await scene.call("PUT", f"/orders/{order['id']}/review", scene.eve, **review))[0] == 404
    assert (await scene.call("PUT", f"/orders/{order['id']}/review", **review))[0] == 200
    assert (await scene.get(f"/listings/{lamp['id']}"))["rating"] == {"stars": 4.0, "count": 1}
    assert [one["text"] for one in (await scene.get(f"/listings/{lamp['id']}/reviews"))["items"]] == ["Bright"]
    assert [one["tracking"] for one in (await scene.get("/orders"))["items"]] == ["T1"]
    assert [one["deliver_to"] for one in (await scene.get("/orders?role=seller", scene.ada))["items"]] == ["Main St 1"]
    assert (await scene.get("/orders", scene.eve))["items"] == []
    await scene.require_sound()


async def test_an_act_with_a_key_is_carried_out_once_and_answered_the_same(scene: Scene) -> None:
    lamp, rug = await scene.list_for_sale(), await scene.list_for_sale(title="A rug")

    async def twice(token: str, path: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": path}
        url = f"{scene.served.url}/api/v1{path}"
        answers = []
        for _ in range(2):
            async with scene.served.http.post(url, headers=headers) as answer:
                answers.append((answer.status, await answer.json()))
        assert answers[0][0] == 200, answers
        assert answers[0] == answers[1]

    order, other = await scene.paid(lamp["id"]), await scene.paid(rug["id"])
    await twice(scene.ada, f"/orders/{order}/ship")
    await twice(scene.bob, f"/orders/{order}/receive")
    await twice(scene.bob, f"/orders/{other}/dispute")
    await twice(scene.ada, f"/orders/{other}/answer")
    await scene.kit.database.execute("update users set roles = '{moderator}' where username_key = 'eve'")
    _, signed = await scene.call("POST", "/auth/login", json={"login": "eve", "password": PASSWORD})
    await twice(signed["access_token"], f"/moderation/orders/{other}/uphold")
    await scene.require_sound()


async def test_of_fifty_who_buy_the_last_one_at_once_one_has_it(scene: Scene) -> None:
    lamp = await scene.list_for_sale(stock=1)
    body = {"listing_id": lamp["id"], "quantity": 1}
    tokens = [scene.bob, scene.eve] * 25
    answers = await asyncio.gather(*(scene.call("POST", "/orders", one, json=body) for one in tokens))
    assert sorted(status for status, _ in answers if status != 429).count(201) == 1
    assert {status for status, _ in answers} <= {201, 409}
    assert await scene.kit.database.fetchval("select count(*) from market_orders") == 1


async def test_an_order_that_is_called_off_gives_money_and_goods_back(scene: Scene) -> None:
    lamp = await scene.list_for_sale()
    unpaid = await scene.order(lamp["id"])
    assert await scene.act(unpaid["id"], "cancel") == (200, "cancelled")
    await scene.settle()
    assert await scene.balance() == (0, 0), "what is paid afterwards goes back"
    order = await scene.paid(lamp["id"], quantity=2)
    assert (await scene.get(f"/listings/{lamp['id']}"))["stock"] == 1
    assert await scene.act(order, "cancel", scene.ada) == (200, "cancelled")
    assert (await scene.get(f"/listings/{lamp['id']}"))["stock"] == 3
    assert await scene.balance() == (0, 0)
    await scene.settle()
    assert (await scene.get(f"/orders/{order}"))["state"] == "cancelled"
    await scene.require_sound()


async def test_clocks_go_on_with_orders_that_nobody_does(scene: Scene) -> None:
    lamp = await scene.list_for_sale(stock=9)
    states = {}
    for name, acts in {
        "unpaid": [],
        "unshipped": [],
        "unreceived": [("ship", scene.ada)],
        "unanswered": [("ship", scene.ada), ("dispute", scene.bob)],
        "undecided": [("ship", scene.ada), ("dispute", scene.bob), ("answer", scene.ada)],
    }.items():
        order = (await scene.order(lamp["id"]))["id"]
        if name != "unpaid":
            await scene.settle()
        for act, token in acts:
            assert (await scene.act(order, act, token, json={} if act == "ship" else {"reason": "x"}))[0] == 200
        await scene.lapse()
        states[name] = (await scene.get(f"/orders/{order}"))["state"]
        await scene.settle()
    assert states == {
        "unpaid": "cancelled", "unshipped": "cancelled", "unreceived": "received", "unanswered": "refunded",
        "undecided": "received",
    }  # fmt: skip
    assert await scene.balance() == (1_800, 0)
    await scene.require_sound()


async def test_a_moderator_decides_a_dispute(scene: Scene) -> None:
    lamp = await scene.list_for_sale()
    order = await scene.paid(lamp["id"])
    assert (await scene.act(order, "dispute", scene.ada))[0] == 403
    assert await scene.act(order, "dispute", json={"reason": "Never came"}) == (200, "disputed")
    assert (await scene.call("GET", "/moderation/orders", scene.bob))[0] == 403
    assert [one["reason"] for one in (await scene.get("/moderation/orders", scene.admin))["items"]] == ["Never came"]
    status, answer = await scene.call("POST", f"/moderation/orders/{order}/uphold", scene.admin)
    assert (status, answer["order"]["state"]) == (200, "refunded")
    assert (await scene.call("POST", f"/moderation/orders/{order}/dismiss", scene.admin))[0] == 409
    assert await scene.balance() == (0, 0)


async def test_buyer_and_seller_are_notified_of_what_the_other_one_or_the_server_does(scene: Scene) -> None:
    lamp = await scene.list_for_sale(title="مصباح")
    order = await scene.paid(lamp["id"])
    unpaid = (await scene.order(lamp["id"]))["id"]
    await scene.act(unpaid, "cancel")
    page = f"/market/orders/{order}"
    assert (await scene.call("PUT", "/users/ada/block"))[0] < 300
    await scene.act(order, "ship", scene.ada)
    await scene.act(order, "dispute", json={"reason": "Broken"})
    await scene.act(order, "answer", scene.ada, json={"reason": "No"})
    await scene.call("POST", f"/moderation/orders/{order}/dismiss", scene.admin)
    bobs = ["order_paid", "order_shipped", "order_contested", "order_decided"]
    adas = ["order_sold", "order_disputed", "order_decided"]
    assert await scene.news_of(scene.bob) == [(one, "مصباح", page) for one in bobs]
    for who, other in ((scene.bob, "ada"), (scene.ada, "bob")):
        news = (await scene.get("/notifications?kind=order", who))["items"]
        assert {person["username"] for one in news for person in one["people"]} == {other}
    assert await scene.news_of(scene.ada) == [(one, "مصباح", page) for one in adas]
    assert await scene.news_of(scene.eve) == []
    await scene.call("DELETE", "/me", scene.ada, json={"password": PASSWORD})
    notifications = scene.feature("notifications").personal_data
    assert notifications is not None
    assert notifications.erase_large is not None
    await notifications.erase_large(await scene.id_of("ada"))
    news = (await scene.get("/notifications?kind=order"))["items"]
    assert [(len(one["people"]), one["count"]) for one in news] == [(0, 1)] * len(bobs), "what they had stays, unnamed"


async def test_a_buyer_whose_order_lapsed_unpaid_is_told_and_its_seller_never_knew(scene: Scene) -> None:
    lamp = await scene.list_for_sale()
    await scene.order(lamp["id"])
    await scene.lapse()
    assert [one[0] for one in await scene.news_of(scene.bob)] == ["order_cancelled"]
    assert await scene.news_of(scene.ada) == []


async def test_a_room_that_is_switched_off_has_no_calls_and_schedules_but_still_forgets_people(kit: Kit) -> None:
    off = {one.name: one for one in kit.install(rooms=()).features}
    assert not any(off[name].operations for name in ("market", "local", "help"))
    assert not off["help"].schedules
    assert all(off[name].personal_data is not None for name in ("market", "local", "help"))


async def test_orders_under_way_come_to_their_end_while_the_market_is_switched_off(scene: Scene) -> None:
    lamp = await scene.list_for_sale(stock=3)
    unpaid = (await scene.order(lamp["id"]))["id"]
    shipped = await scene.paid(lamp["id"])
    await scene.act(shipped, "ship", scene.ada)
    off = next(one for one in scene.kit.install(rooms=(), test_money=True).features if one.name == "market")
    for _ in range(2):
        await scene.kit.database.execute("update market_orders set due_at = now() where due_at is not null")
        await scene.kit.run_schedule(off, "market.clock")
        await scene.kit.run_jobs(scene.features)
        await scene.kit.read_facts([off])
    states = [(await scene.get(f"/orders/{one}"))["state"] for one in (unpaid, shipped)]
    assert (states[1], states[0] in ENDS) == ("received", True)
    assert await scene.balance() == (900, 0)
    await scene.require_sound()


async def test_clocks_go_on_with_more_orders_than_are_read_at_once_and_past_one_that_cannot(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_verbs, "DUE_AT_ONCE", 2)
    lamp = await scene.list_for_sale(stock=5)
    orders = [(await scene.order(lamp["id"]))["id"] for _ in range(5)]
    move = Orders._move

    async def fails_once(self: Orders, tx: Any, row: Any, *args: Any, **more: Any) -> None:
        if row["id"] == orders[1]:
            raise Problem(409, "It cannot go on")
        await move(self, tx, row, *args, **more)

    monkeypatch.setattr(Orders, "_move", fails_once)
    await scene.lapse()
    states = [(await scene.get(f"/orders/{one}"))["state"] for one in orders]
    assert states == ["cancelled", "pending", "cancelled", "cancelled", "cancelled"]


def test_every_state_that_is_no_end_has_a_clock_and_a_lapse() -> None:
    states = {move.to for move in MOVES.values()}
    assert all(move.clock is not None for move in MOVES.values() if move.to not in ENDS)
    assert {state for state in states if state not in ENDS} | {"pending"} == {
        state for state, act in MOVES if act == "lapse"
    }
