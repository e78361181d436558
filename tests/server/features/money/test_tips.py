"""Tips with test money: paid, shown once, refused."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from actors.screening import ChatFilter
from storage.chat_filters import write_filter
from tests.server.features.money.conftest import Shop
from tests.server.kit import Kit


async def test_a_tip_is_shown_in_the_room_when_it_is_paid_and_not_before(shop: Shop) -> None:
    answer = await shop.tip()
    tip = answer["tip"]
    assert (tip["state"], tip["amount"], tip["currency"], tip["message"]) == ("pending", 500, "USD", "wow")
    assert (tip["user"]["username"], tip["to"]["username"], tip["is_test"]) == ("bob", "ada", True)
    assert answer["client_secret"]
    assert answer["checkout_url"] == f"https://live.test/watch/{shop.stream}"
    assert shop.shown() == []
    await shop.settle()
    (shown,) = shop.shown()
    assert (shown["id"], shown["room_id"], shown["amount"], shown["user"]["username"]) == (
        tip["id"], shop.room, 500, "bob",
    )  # fmt: skip
    assert (await shop.call("GET", f"/tips/{tip['id']}"))[1]["state"] == "succeeded"
    assert [one["id"] for one in (await shop.call("GET", f"/streams/{shop.stream}/tips"))[1]["items"]] == [tip["id"]]
    assert [one["id"] for one in (await shop.call("GET", "/me/tips", token=shop.ada))[1]["items"]] == [tip["id"]]
    assert await shop.balance(shop.ada) == [{"currency": "USD", "available": 0, "pending": 450}]
    assert await shop.balance(shop.bob) == []
    _, moved = await shop.call("GET", "/me/ledger", token=shop.ada)
    assert [(one["kind"], one["subject"]) for one in moved["items"]] == [("tip", tip["id"])]
    await shop.settle()
    assert len(shop.shown()) == 1
    await shop.require_sound()


async def test_a_tip_to_a_person_who_is_live_is_shown_in_that_room_else_to_the_two_alone(shop: Shop) -> None:
    await shop.tip(stream_id=None, user="ADA")
    await shop.kit.database.execute("update streams set state = 'ended'")
    await shop.tip(stream_id=None, user=await shop.id_of("ada"), currency="jpy", amount=400)
    await shop.settle()
    shown = [(to, body["room_id"], body["currency"]) for to, event, body in shop.kit.published.events if event == "tip"]
    assert shown[0][1:] == (shop.room, "USD")
    assert shown[1:] == [(await shop.id_of(name), None, "JPY") for name in ("ada", "bob")]


REFUSED: list[tuple[dict[str, Any], int, str | None]] = [
    ({"amount": 0}, 422, "amount"),
    ({"amount": -5}, 422, "amount"),
    ({"amount": 5.5}, 422, "amount"),
    ({"amount": "500"}, 422, "amount"),
    ({"amount": 49}, 422, "amount"),
    ({"amount": 100_001}, 422, "amount"),
    ({"amount": 2**60}, 422, "amount"),
    ({"currency": "XYZ"}, 422, "currency"),
    ({"currency": "dollar"}, 422, "currency"),
    ({"currency": "KWD", "amount": 1_001}, 422, "amount"),
    ({"message": "x" * 301}, 422, "message"),
    ({"user": "ada"}, 422, "user"),
    ({"stream_id": None}, 422, "user"),
    ({"stream_id": None, "user": "nobody"}, 404, None),
    ({"stream_id": None, "user": "bob"}, 422, "user"),
    ({"stream_id": "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"}, 404, None),
]


async def test_what_cannot_be_a_tip_is_refused(shop: Shop) -> None:
    for change, status, field in REFUSED:
        body = {"stream_id": shop.stream, "amount": 500, "currency": "USD", **change}
        answered, problem = await shop.call("POST", "/tips", json=body)
        assert answered == status, (change, problem)
        if field is not None:
            assert [error["field"] for error in problem["errors"]] == [field], change
    await shop.settle()
    assert shop.shown() == []
    assert await shop.kit.database.fetchval("select count(*) from payments") == 0
    await shop.require_sound()


async def test_all_that_is_wrong_with_a_tip_is_told_at_once(shop: Shop) -> None:
    for body, fields in (
        ({}, ["amount", "currency", "user"]),
        ({"amount": 0, "currency": "USD"}, ["amount", "user"]),
        ({"stream_id": "x", "amount": 500, "currency": "USD"}, ["stream_id"]),
    ):
        status, problem = await shop.call("POST", "/tips", json=body)
        assert (status, sorted(error["field"] for error in problem["errors"])) == (422, fields)
    gift = {"user": "ada", "tier": 5, "gift_to": "eve", "gift_count": 5}
    status, problem = await shop.call("POST", "/subscriptions", json=gift)
    assert (status, sorted(error["field"] for error in problem["errors"])) == (422, ["gift_count", "tier"])


async def test_who_may_not_be_paid_is_not_found_and_who_may_not_write_is_refused(shop: Shop) -> None:
    body = {"stream_id": shop.stream, "amount": 500, "currency": "USD"}
    assert (await shop.call("POST", "/tips", token=shop.ada, json=body))[0] == 422
    db, bob = shop.kit.database, await shop.id_of("bob")
    await db.execute("insert into chat_sanctions (room_id, user_id, by_id) values ($1, $2, $2)", shop.room, bob)
    assert (await shop.call("POST", "/tips", json=body))[0] == 403
    await db.execute("delete from chat_sanctions")
    await db.execute("insert into blocks (user_id, blocked_id) values ($1, $2)", await shop.id_of("ada"), bob)
    assert (await shop.call("POST", "/tips", json=body))[0] == 404
    assert (await shop.call("POST", "/tips", json={**body, "stream_id": None, "user": "ada"}))[0] == 404
    await db.execute("delete from blocks")
    await db.execute("update users set suspended_until = now() + interval '1 day' where username_key = 'ada'")
    assert (await shop.call("POST", "/tips", json=body))[0] == 404


async def test_the_same_key_pays_once_and_no_key_pays_each_time(shop: Shop) -> None:
    first = await shop.tip_with_key("k")
    assert first[0] == 201
    assert await shop.tip_with_key("k") == first
    assert (await shop.tip_with_key("k", amount=501))[0] == 422
    await asyncio.gather(*(shop.tip() for _ in range(2)))
    at_once = await asyncio.gather(*(shop.tip_with_key("other") for _ in range(4)))
    assert {status for status, _ in at_once} <= {201, 409}
    assert len({answer["tip"]["id"] for status, answer in at_once if status == 201}) == 1
    await shop.settle()
    assert len(shop.shown()) == 4
    assert (await shop.balance(shop.ada))[0]["pending"] == 4 * 450
    await shop.require_sound()


async def test_without_a_provider_the_problem_says_what_is_missing(kit: Kit) -> None:
    async with kit.serve() as served:
        bob = await served.register("bob")
        await served.register("ada")
        body = {"user": "ada", "amount": 500, "currency": "USD"}
        status, problem = await served.call("POST", "/tips", token=bob, json=body)
        assert (status, problem["type"]) == (503, "/problems/payments-not-configured")
        assert "test_money" in problem["detail"]
        assert (await served.call("POST", "/tips", token=bob, json={**body, "amount": 0}))[0] == 422


async def test_what_is_given_back_leaves_the_balance_and_no_more_than_was_paid(shop: Shop) -> None:
    tip = (await shop.tip())["tip"]
    await shop.settle()
    _, page = await shop.call("GET", "/admin/payments", token=shop.admin)
    path = f"/admin/payments/{page['items'][0]['id']}/refund"
    assert (await shop.call("POST", path, json={}))[0] == 403
    assert (await shop.call("POST", path, token=shop.admin, json={"amount": 501}))[0] == 422
    assert (await shop.call("POST", path, token=shop.admin, json={"amount": 201}))[0] == 202
    await shop.settle()
    assert await shop.balance(shop.ada) == [{"currency": "USD", "available": 0, "pending": 299 - 29}]
    assert (await shop.call("POST", path, token=shop.admin, json={"amount": 300}))[0] == 422
    assert (await shop.call("POST", path, token=shop.admin, json={}))[0] == 202
    assert (await shop.call("POST", path, token=shop.admin, json={}))[0] == 409
    await shop.settle()
    assert await shop.balance(shop.ada) == [{"currency": "USD", "available": 0, "pending": 0}]
    assert (await shop.call("GET", f"/tips/{tip['id']}"))[1]["state"] == "refunded"
    await shop.require_sound()


async def test_a_message_that_the_room_would_not_let_be_written_is_no_tip(shop: Shop) -> None:
    words = {"words": [{"text": "scam", "action": "refuse"}, {"text": "spoiler", "action": "hold"}]}
    async with shop.kit.database.transaction() as tx:
        await write_filter(tx, await shop.id_of("ada"), msgspec.convert(words, ChatFilter))
    body = {"stream_id": shop.stream, "amount": 500, "currency": "USD"}
    for message in ("a SCAM", "spoiler"):
        status, problem = await shop.call("POST", "/tips", json={**body, "message": message})
        assert (status, problem["errors"][0]["field"]) == (422, "message")
    await shop.tip(message="fine")
    await shop.settle()
    assert [one["message"] for one in shop.shown()] == ["fine"]
