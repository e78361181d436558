"""A subscription begun twice is paid once, and one that was cancelled goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.features.money.conftest import Shop
from tests.server.features.money.test_memberships import change, mine, offer, pass_time, subscribe

TWO = [{"name": name, "amount": amount, "currency": "USD"} for name, amount in (("Friend", 499), ("Hero", 1_499))]


async def payments(shop: Shop) -> list[dict[str, Any]]:
    return list((await shop.call("GET", "/admin/payments", token=shop.admin))[1]["items"])


async def test_a_second_attempt_before_the_first_is_paid_is_the_same_one(shop: Shop) -> None:
    await offer(shop)
    first, again = await subscribe(shop), await subscribe(shop)
    assert again == first
    await shop.settle()
    assert [(one["state"], one["months"]) for one in await mine(shop)] == [("active", 1)]
    assert [one["net"] for one in await payments(shop)] == [499]
    await shop.require_sound()


async def test_an_attempt_at_another_tier_takes_the_place_of_the_first_and_what_it_paid_goes_back(shop: Shop) -> None:
    await shop.call("PUT", "/me/tiers", token=shop.ada, json={"tiers": TWO})
    first, second = await subscribe(shop), await subscribe(shop, tier="hero")
    assert first["subscription"]["id"] != second["subscription"]["id"]
    await shop.settle()
    (one,) = await mine(shop)
    assert (one["id"], one["state"], one["months"]) == (second["subscription"]["id"], "active", 1)
    assert sorted(one["net"] for one in await payments(shop)) == [0, 1_499]
    assert await shop.balance(shop.ada) == [{"currency": "USD", "available": 0, "pending": 1_499 - 149}]
    await shop.require_sound()


async def test_an_attempt_that_was_given_up_is_paid_back(shop: Shop) -> None:
    await offer(shop)
    begun = await subscribe(shop)
    assert (await shop.call("DELETE", f"/subscriptions/{begun['subscription']['id']}"))[0] == 204
    await shop.settle()
    assert [(one["state"], one["months"]) for one in await mine(shop)] == [("ended", 0)]
    assert [one["net"] for one in await payments(shop)] == [0]
    await shop.require_sound()


async def test_what_two_persons_pay_for_the_same_one_is_given_back_to_the_second(shop: Shop) -> None:
    await offer(shop)
    eve = await shop.served.register("eve")
    await subscribe(shop)
    gift = {"user": "ada", "tier": "friend", "gift_to": "bob"}
    assert (await shop.call("POST", "/subscriptions", token=eve, json=gift))[0] == 201
    await shop.settle()
    assert sorted((one["state"], one["months"]) for one in await mine(shop)) == [("active", 1), ("ended", 0)]
    assert sorted(one["net"] for one in await payments(shop)) == [0, 499]
    await shop.require_sound()


async def test_a_second_checkout_of_stripe_is_the_same_page_or_closes_the_first(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await shop.call("PUT", "/me/tiers", token=shop.ada, json={"tiers": TWO})
    first, again = await subscribe(shop), await subscribe(shop)
    assert again == first
    assert len(stripe.sessions) == 1
    second = await subscribe(shop, tier="hero")
    assert second["checkout_url"] != first["checkout_url"]
    await shop.settle()
    assert [one["status"] for one in stripe.sessions.values()] == ["expired", "open"]
    await shop.call("DELETE", f"/subscriptions/{second['subscription']['id']}")
    await shop.settle()
    assert [one["status"] for one in stripe.sessions.values()] == ["expired", "expired"]


@pytest.mark.parametrize("first", [0, 1])
async def test_what_is_paid_on_a_page_that_was_left_open_goes_back_and_bills_no_further_month(
    stripe_shop: Shop, first: int
) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await shop.call("PUT", "/me/tiers", token=shop.ada, json={"tiers": TWO})
    await subscribe(shop)
    hero = await subscribe(shop, tier="hero")
    for session in (list(stripe.sessions)[first], list(stripe.sessions)[1 - first]):
        stripe.begin_subscription(session)  # before Stripe is asked to close it
    for _ in range(2):
        await shop.deliver()
    (one,) = [one for one in await mine(shop) if one["state"] == "active"]
    assert (one["id"], one["months"]) == (hero["subscription"]["id"], 1)
    assert sorted((one["amount"], one["status"]) for one in stripe.subscriptions.values()) == [
        (499, "canceled"),
        (1_499, "active"),
    ]
    assert sorted((one["net"], one["refunded"]) for one in await payments(shop)) == [(0, 499), (1_499, 0)]
    await shop.require_sound()


async def test_a_gift_by_stripe_that_is_replaced_can_no_longer_be_paid(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await shop.served.register("eve")
    await shop.call("PUT", "/me/tiers", token=shop.ada, json={"tiers": TWO})
    first = await subscribe(shop, gift_to="eve")
    assert await subscribe(shop, gift_to="eve") == first
    await subscribe(shop, gift_to="eve", tier="hero")
    await shop.settle()
    assert [one["status"] for one in stripe.sessions.values()] == ["expired", "open"]
    assert [one["status"] for one in stripe.intents.values()] == ["canceled", "requires_payment_method"]


async def test_one_that_was_cancelled_and_is_still_paid_goes_on(shop: Shop) -> None:
    await shop.call("PUT", "/me/tiers", token=shop.ada, json={"tiers": TWO})
    one = (await subscribe(shop))["subscription"]
    await shop.settle()
    for resume in (lambda: shop.call("POST", "/subscriptions", json={"user": "ada", "tier": "friend"}),
                   lambda: change(shop, one["id"], "friend")):  # fmt: skip
        await shop.call("DELETE", f"/subscriptions/{one['id']}")
        status, answer = await resume()
        assert status in (200, 201), answer
        (found,) = await mine(shop)
        assert (found["id"], found["state"], found["is_cancelled"]) == (one["id"], "active", False)
    await shop.settle()
    assert len(await payments(shop)) == 1
    await pass_time(shop, 32)
    assert [(found["state"], found["months"]) for found in await mine(shop)] == [("active", 2)]
    await shop.call("DELETE", f"/subscriptions/{one['id']}")
    _, answer = await shop.call("POST", "/subscriptions", json={"user": "ada", "tier": "hero"})
    assert (answer["subscription"]["tier"], answer["checkout_url"]) == ("Hero", None)
    await shop.call("DELETE", f"/subscriptions/{one['id']}")
    await shop.kit.database.execute("update subscriptions set paid_until = now()")
    assert (await change(shop, one["id"], "hero"))[0] == 409
    await shop.require_sound()


async def test_stripe_is_told_that_one_goes_on(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await offer(shop)
    one = (await subscribe(shop))["subscription"]
    stripe.begin_subscription(next(iter(stripe.sessions)))
    await shop.deliver()
    await shop.call("DELETE", f"/subscriptions/{one['id']}")
    (held,) = stripe.subscriptions.values()
    assert held["cancel_at_period_end"] is True
    status, answer = await shop.call("POST", "/subscriptions", json={"user": "ada", "tier": "friend"})
    assert (status, answer["subscription"]["is_cancelled"], answer["checkout_url"]) == (201, False, None)
    assert held["cancel_at_period_end"] is False
