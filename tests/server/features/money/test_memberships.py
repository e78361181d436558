"""Tiers and subscriptions: paid by the month, renewed, cancelled, given, ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.features.money.memberships.months import month_after, month_before, prorated
from storage.relationships import Relationships
from storage.seen_streams import seen_stream
from tests.server.features.money.conftest import Shop

TIERS = {
    "tiers": [
        {"name": "Friend", "amount": 499, "currency": "USD", "description": "A badge"},
        {"name": "Patron", "amount": 2_500, "currency": "eur"},
    ]
}


GIFT = {"user": "ada", "tier": "friend", "gift_count": 5}


async def offer(shop: Shop) -> list[dict[str, Any]]:
    status, answer = await shop.call("PUT", "/me/tiers", token=shop.ada, json=TIERS)
    assert status == 200, answer
    return list(answer["tiers"])


async def subscribe(shop: Shop, **more: Any) -> dict[str, Any]:
    status, answer = await shop.call("POST", "/subscriptions", json={"user": "ada", "tier": "friend", **more})
    assert status == 201, answer
    return dict(answer)


async def subscribe_as(shop: Shop, token: str) -> None:
    body = {"user": "ada", "tier": "friend"}
    assert (await shop.call("POST", "/subscriptions", token=token, json=body))[0] == 201


async def mine(shop: Shop, token: str | None = None) -> list[dict[str, Any]]:
    return list((await shop.call("GET", "/subscriptions", token=token))[1]["items"])


async def is_subscriber(shop: Shop) -> bool:
    """For chat, and for streams that are for subscribers."""
    db, ada, bob = shop.kit.database, await shop.id_of("ada"), await shop.id_of("bob")
    await db.execute("update streams set visibility = 'subscribers'")
    sees = await seen_stream(db, shop.stream, bob) is not None
    assert (await Relationships(db=db).relationship(owner_id=ada, user_id=bob)).is_subscriber is sees
    return sees


async def pass_time(shop: Shop, days: int) -> None:
    """As if the subscriptions were so much older."""
    await shop.kit.database.execute(
        "update subscriptions set paid_until = paid_until - make_interval(days => $1)", days
    )
    [memberships] = [one for one in shop.features if one.name == "memberships"]
    await shop.kit.run_schedule(memberships, "memberships.renew")
    await shop.settle()


async def test_tiers_are_replaced_and_keep_their_ids(shop: Shop) -> None:
    friend, patron = await offer(shop)
    assert (friend["name"], friend["amount"], patron["currency"]) == ("Friend", 499, "EUR")
    assert (await shop.call("GET", "/users/ada/tiers"))[1]["tiers"] == [friend, patron]
    body = {"tiers": [{**patron, "amount": 3_000}]}
    _, answer = await shop.call("PUT", "/me/tiers", token=shop.ada, json=body)
    assert (
        answer == {"tiers": [{**patron, "amount": 3_000}]} == (await shop.call("GET", "/me/tiers", token=shop.ada))[1]
    )
    wrong = {
        "tiers.0.amount": [{"name": "a", "amount": 1, "currency": "USD"}],
        "tiers.1.currency": [TIERS["tiers"][0], {"name": "b", "amount": 500, "currency": "QQQ"}],
        "tiers.0.name": [{"name": " ", "amount": 500, "currency": "USD"}],
        "tiers": [TIERS["tiers"][0], {**TIERS["tiers"][0], "name": "FRIEND"}],
        "tiers.0.id": [{**TIERS["tiers"][0], "id": shop.room}],
    }
    for field, tiers in wrong.items():
        status, problem = await shop.call("PUT", "/me/tiers", token=shop.ada, json={"tiers": tiers})
        assert (status, [error["field"] for error in problem["errors"]]) == (422, [field])


async def test_a_subscription_gives_its_rights_once_paid_and_the_room_is_sent_it(shop: Shop) -> None:
    await offer(shop)
    answer = await subscribe(shop)
    assert (answer["subscription"]["state"], answer["checkout_url"]) == ("pending", "https://live.test/@ada")
    assert not await is_subscriber(shop)
    await shop.settle()
    assert await is_subscriber(shop)
    (one,) = await mine(shop)
    assert (one["state"], one["months"], one["tier"], one["to"]["username"]) == ("active", 1, "Friend", "ada")
    assert [one["id"] for one in (await shop.call("GET", "/me/subscribers", token=shop.ada))[1]["items"]] == [one["id"]]
    (shown,) = [body for _, event, body in shop.kit.published.events if event == "subscription"]
    assert (shown["room_id"], shown["user"]["username"], shown["months"]) == (shop.room, "bob", 1)
    assert await shop.balance(shop.ada) == [{"currency": "USD", "available": 0, "pending": 499 - 49}]
    again = {"user": "ada", "tier": "patron"}
    assert (await shop.call("POST", "/subscriptions", json=again))[0] == 409
    await shop.require_sound()


async def test_it_is_renewed_until_it_is_cancelled_and_ends_with_what_was_paid(shop: Shop) -> None:
    await offer(shop)
    await subscribe(shop)
    await shop.settle()
    await pass_time(shop, 32)
    (one,) = await mine(shop)
    assert (one["state"], one["months"]) == ("active", 2)
    assert (await shop.call("DELETE", f"/subscriptions/{one['id']}", token=shop.ada))[0] == 404
    for _ in range(2):
        assert (await shop.call("DELETE", f"/subscriptions/{one['id']}"))[0] == 204
    (one,) = await mine(shop)
    assert (one["state"], one["is_cancelled"]) == ("active", True)
    assert await is_subscriber(shop)
    await pass_time(shop, 32)
    (one,) = await mine(shop)
    assert (one["state"], one["months"]) == ("ended", 2)
    assert not await is_subscriber(shop)
    changes = await shop.kit.database.fetch("select kind from rights_changes where kind = 'subscription'")
    assert len(changes) >= 3
    await subscribe(shop)
    await shop.settle()
    assert [(one["state"], one["months"]) for one in await mine(shop)] == [("active", 1), ("ended", 2)]


async def test_a_gift_is_one_month_for_another_person(shop: Shop) -> None:
    await offer(shop)
    eve = await shop.served.register("eve")
    for gift_to, status in (("ada", 422), ("nobody", 404)):
        body = {"user": "ada", "tier": "Friend", "gift_to": gift_to}
        assert (await shop.call("POST", "/subscriptions", json=body))[0] == status
    await subscribe(shop, gift_to="EVE")
    await shop.settle()
    (one,) = await mine(shop, eve)
    assert (one["user"]["username"], one["gift_from"]["username"], one["state"]) == ("eve", "bob", "active")
    assert not await is_subscriber(shop)  # bob has paid, and has none
    await pass_time(shop, 32)
    assert [one["state"] for one in await mine(shop, eve)] == ["ended"]


async def test_what_is_given_back_ends_the_subscription(shop: Shop) -> None:
    await offer(shop)
    await subscribe(shop)
    await shop.settle()
    _, page = await shop.call("GET", "/admin/payments", token=shop.admin)
    path = f"/admin/payments/{page['items'][0]['id']}/refund"
    assert (await shop.call("POST", path, token=shop.admin, json={}))[0] == 202
    await shop.settle()
    assert [one["state"] for one in await mine(shop)] == ["ended"]
    assert not await is_subscriber(shop)


async def test_what_cannot_be_subscribed_to_is_refused(shop: Shop) -> None:
    await offer(shop)
    for body, status in (
        ({"user": "nobody", "tier": "Friend"}, 404),
        ({"user": "ada", "tier": "None"}, 404),
        ({"user": "bob", "tier": "Friend"}, 404),
        ({"user": "ada"}, 422),
        ({"user": "ada", "tier": 5}, 422),
    ):
        assert (await shop.call("POST", "/subscriptions", json=body))[0] == status, body
    assert (await shop.call("POST", "/subscriptions", token=shop.ada, json={"user": "ada", "tier": "Friend"}))[0] == 422
    assert (await shop.call("DELETE", f"/subscriptions/{shop.room}"))[0] == 404


async def test_stripe_bills_each_month_by_an_invoice_which_counts_once(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await offer(shop)
    answer = await subscribe(shop)
    (session,) = stripe.sessions
    assert answer["checkout_url"] == stripe.sessions[session]["url"]
    stripe.begin_subscription(session)
    first = list(stripe.events)
    await shop.deliver(*reversed(first), *first)
    (one,) = await mine(shop)
    assert (one["state"], one["months"]) == ("active", 1)
    (stripe_id,) = stripe.subscriptions
    stripe.bill(stripe_id)
    await shop.deliver()
    (one,) = await mine(shop)
    assert one["months"] == 2
    assert datetime.fromisoformat(one["paid_until"]) - datetime.now(UTC) > timedelta(days=50)
    assert (await shop.balance(shop.ada))[0]["pending"] == 2 * 450
    assert (await shop.call("DELETE", f"/subscriptions/{one['id']}"))[0] == 204
    assert stripe.subscriptions[stripe_id]["cancel_at_period_end"] is True
    await shop.kit.database.execute("update subscriptions set paid_until = now()")
    stripe.end_subscription(stripe_id)
    await shop.deliver()
    assert [one["state"] for one in await mine(shop)] == ["ended"]
    await shop.require_sound()


@pytest.mark.parametrize(("at", "then"), [("2027-01-31", "2027-02-28"), ("2027-12-05", "2028-01-05")])
def test_a_month_ends_on_the_same_day_or_the_last_one(at: str, then: str) -> None:
    assert month_after(datetime.fromisoformat(at)) == datetime.fromisoformat(then)


async def test_a_gift_to_the_room_finds_persons_there_and_the_rest_goes_back(shop: Shop) -> None:
    await offer(shop)
    names = ["eve", "dan", "fay"]
    tokens = {name: await shop.served.register(name) for name in names}
    await subscribe_as(shop, tokens["fay"])  # who has one draws none
    await shop.settle()
    people = [*names, "ada", "bob"]
    shop.kit.present += [await shop.id_of(name) for name in people]
    assert (await shop.call("POST", "/subscriptions", json={**GIFT, "gift_count": 2}))[0] == 422
    assert (await shop.call("POST", "/subscriptions", json={**GIFT, "gift_to": "eve"}))[0] == 422
    assert (await shop.call("POST", "/subscriptions", token=shop.ada, json=GIFT))[0] == 422
    status, answer = await shop.call("POST", "/subscriptions", json=GIFT)
    assert (status, answer["subscription"], answer["gift"]["amount"]) == (201, None, 5 * 499)
    assert (await mine(shop, tokens["eve"])) == []
    await shop.settle()
    for name in ("eve", "dan"):
        (one,) = await mine(shop, tokens[name])
        assert (one["state"], one["gift_from"]["username"], one["is_cancelled"]) == ("active", "bob", True)
    assert len(await mine(shop)) == 2
    assert (await shop.balance(shop.ada))[0]["pending"] == 450 + 2 * 499 - 99  # what went to nobody came back
    shown = [body for _, event, body in shop.kit.published.events if event == "subscription" and body["gift_from"]]
    assert sorted(one["user"]["username"] for one in shown) == ["dan", "eve"]
    await pass_time(shop, 32)
    assert [one["state"] for one in await mine(shop, tokens["eve"])] == ["ended"]
    await shop.require_sound()


async def test_a_gift_that_is_given_back_gives_no_rights(shop: Shop) -> None:
    await offer(shop)
    eve = await shop.served.register("eve")
    shop.kit.present.append(await shop.id_of("eve"))
    assert (await shop.call("POST", "/subscriptions", json={**GIFT, "gift_count": 1}))[0] == 201
    await shop.settle()
    assert [one["state"] for one in await mine(shop, eve)] == ["active"]
    _, page = await shop.call("GET", "/admin/payments", token=shop.admin)
    path = f"/admin/payments/{page['items'][0]['id']}/refund"
    assert (await shop.call("POST", path, token=shop.admin, json={}))[0] == 202
    await shop.settle()
    assert [one["state"] for one in await mine(shop, eve)] == ["ended"]


async def change(shop: Shop, subscription_id: str, tier: str, **more: Any) -> tuple[int, Any]:
    return await shop.call("PATCH", f"/subscriptions/{subscription_id}", json={"tier": tier}, **more)


async def test_a_dearer_tier_holds_at_once_and_costs_the_rest_of_the_month(shop: Shop) -> None:
    tiers = [{"name": name, "amount": amount, "currency": "USD"} for name, amount in (("Friend", 499), ("Hero", 1_499))]
    euro = {"name": "Euro", "amount": 500, "currency": "EUR"}
    await shop.call("PUT", "/me/tiers", token=shop.ada, json={"tiers": [*tiers, euro]})
    one = (await subscribe(shop))["subscription"]
    assert (await change(shop, one["id"], "hero"))[0] == 409  # not paid
    await shop.settle()
    assert (await change(shop, one["id"], "hero", token=shop.ada))[0] == 404
    assert (await change(shop, one["id"], "none"))[0] == 404
    status, problem = await change(shop, one["id"], "euro")
    assert (status, problem["errors"][0]["field"]) == (422, "tier")
    status, changed = await change(shop, one["id"], "hero")
    assert (status, changed["tier"], changed["amount"], changed["months"]) == (200, "Hero", 1_499, 1)
    await shop.settle()
    _, page = await shop.call("GET", "/admin/payments", token=shop.admin)
    proration, first = page["items"]
    assert (proration["kind"], first["kind"]) == ("proration", "subscription")
    assert 990 <= proration["net"] <= 1_000
    assert [(found["months"], found["state"]) for found in await mine(shop)] == [(1, "active")]
    assert (await change(shop, one["id"], "friend"))[1]["amount"] == 499
    await shop.settle()
    await pass_time(shop, 32)
    _, page = await shop.call("GET", "/admin/payments", token=shop.admin)
    assert (page["items"][0]["kind"], page["items"][0]["net"]) == ("subscription", 499)
    assert (await shop.call("POST", "/me/billing-portal"))[1] == {"url": "https://live.test/settings/money"}
    await shop.require_sound()


async def test_stripe_prorates_a_dearer_tier_by_an_invoice_that_is_no_month(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    assert (await shop.call("POST", "/me/billing-portal"))[0] == 409
    tiers = [{"name": name, "amount": amount, "currency": "USD"} for name, amount in (("Friend", 500), ("Hero", 1_500))]
    await shop.call("PUT", "/me/tiers", token=shop.ada, json={"tiers": tiers})
    one = (await subscribe(shop))["subscription"]
    stripe.begin_subscription(next(iter(stripe.sessions)))
    await shop.deliver()
    status, changed = await change(shop, one["id"], "Hero")
    assert (status, changed["tier"]) == (200, "Hero")
    (subscription,) = stripe.subscriptions.values()
    assert subscription["amount"] == 1_500
    await shop.deliver()
    (found,) = await mine(shop)
    assert (found["months"], found["amount"]) == (1, 1_500)
    assert (await shop.balance(shop.ada))[0]["pending"] == 450 + 450
    assert (await change(shop, one["id"], "Friend"))[0] == 200
    stripe.bill(subscription["id"])
    await shop.deliver()
    assert [found["months"] for found in await mine(shop)] == [2]
    _, portal = await shop.call("POST", "/me/billing-portal")
    assert portal == {"url": f"https://billing.stripe.test/{subscription['customer']}"}
    await shop.require_sound()


def test_the_rest_of_a_month_costs_its_part_by_time() -> None:
    ends = datetime(2027, 3, 1, tzinfo=UTC)
    assert month_before(ends) == datetime(2027, 2, 1, tzinfo=UTC)
    for days, due in ((28, 1_000), (14, 500), (0, 0), (-1, 0), (40, 1_000)):
        assert prorated(1_000, ends=ends, now=ends - timedelta(days=days)) == due
