"""Orders of the market through Stripe: paid, held, released and given back as its events say."""

from __future__ import annotations

import random
from typing import Any

import pytest

from server.features.town.market.rules import ENDS
from tests.server.features.money.conftest import Shop


async def settle(shop: Shop) -> None:
    """Stripe's events are delivered, each once, and what follows of them is done."""
    assert shop.stripe is not None
    market = [one for one in shop.features if one.name == "market"]
    while True:
        events, shop.stripe.events[:] = list(shop.stripe.events), []
        if events:
            await shop.deliver(*events)
        await shop.kit.read_facts(market)
        await shop.kit.run_jobs(shop.features)
        if not shop.stripe.events:
            return


async def listing_of(shop: Shop, **more: Any) -> str:
    body = {"title": "A lamp", "price": 1_000, "currency": "USD", "stock": 5, **more}
    status, answer = await shop.call("POST", "/listings", token=shop.ada, json=body)
    assert status == 201, answer
    return str(answer["listing"]["id"])


async def order_of(shop: Shop, listing_id: str) -> Any:
    status, answer = await shop.call("POST", "/orders", json={"listing_id": listing_id})
    assert status == 201, answer
    return answer


async def state_of(shop: Shop, order_id: str) -> str:
    return str((await shop.call("GET", f"/orders/{order_id}"))[1]["state"])


async def act(shop: Shop, order_id: str, name: str, token: str) -> int:
    return (await shop.call("POST", f"/orders/{order_id}/{name}", token=token))[0]


async def stock_of(shop: Shop, listing_id: str) -> int:
    return int((await shop.call("GET", f"/listings/{listing_id}", token=shop.ada))[1]["stock"])


async def held(shop: Shop) -> tuple[int, int]:
    """What ada can have paid out, and what is held for her."""
    found = await shop.balance(shop.ada)
    return (found[0]["available"], found[0]["pending"]) if found else (0, 0)


async def test_an_order_is_paid_on_the_page_of_checkout_and_its_seller_is_paid_when_it_is_received(
    stripe_shop: Shop,
) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    lamp = await listing_of(shop)
    opened = await order_of(shop, lamp)
    order = opened["order"]["id"]
    [session] = stripe.sessions
    assert (opened["checkout_url"], opened["order"]["is_test"]) == (stripe.sessions[session]["url"], False)
    await settle(shop)
    assert await state_of(shop, order) == "pending", "nobody has paid yet"
    assert await act(shop, order, "ship", shop.ada) == 409
    stripe.pay_session(session)
    await settle(shop)
    assert (await state_of(shop, order), await held(shop)) == ("paid", (0, 900))
    assert await act(shop, order, "ship", shop.ada) == 200
    assert await act(shop, order, "receive", shop.bob) == 200
    assert (await state_of(shop, order), await held(shop)) == ("received", (900, 0))
    await shop.require_sound()


async def test_an_order_that_is_called_off_is_refunded_by_stripe_once_and_its_goods_come_back_once(
    stripe_shop: Shop,
) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    lamp = await listing_of(shop)
    order = (await order_of(shop, lamp))["order"]["id"]
    stripe.pay(next(iter(stripe.intents)))
    await settle(shop)
    assert await stock_of(shop, lamp) == 4
    assert await act(shop, order, "cancel", shop.ada) == 200
    for _ in range(2):
        await settle(shop)
    assert (await state_of(shop, order), await held(shop), await stock_of(shop, lamp)) == ("cancelled", (0, 0), 5)
    assert [one for one in stripe.calls if one == "POST refunds"] == ["POST refunds"]
    await shop.require_sound()


async def test_money_that_the_buyers_bank_takes_back_ends_the_order(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    order = (await order_of(shop, await listing_of(shop)))["order"]["id"]
    intent = next(iter(stripe.intents))
    stripe.pay(intent)
    await settle(shop)
    assert await act(shop, order, "ship", shop.ada) == 200
    stripe.dispute(intent, "needs_response")
    stripe.dispute(intent, "lost", "closed")
    await settle(shop)
    assert (await state_of(shop, order), await held(shop)) == ("refunded", (0, 0))
    await shop.require_sound()


@pytest.mark.parametrize("seed", [1])
async def test_lives_of_orders_in_any_order_of_events_end_and_the_books_are_even(stripe_shop: Shop, seed: int) -> None:
    shop, stripe, chance = stripe_shop, stripe_shop.stripe, random.Random(seed)
    assert stripe is not None
    lamp = await listing_of(shop)
    orders = [(await order_of(shop, lamp))["order"]["id"] for _ in range(4)]
    for intent in chance.sample(list(stripe.intents), 3):
        stripe.pay(intent)
    for _ in range(12):
        name, token = chance.choice(
            [("ship", shop.ada), ("receive", shop.bob), ("cancel", shop.bob), ("dispute", shop.bob)]
        )
        await act(shop, chance.choice(orders), name, token)
        if chance.random() < 0.3:
            await settle(shop)
    market = next(one for one in shop.features if one.name == "market")
    for _ in range(3):
        await settle(shop)
        await shop.kit.database.execute("update market_orders set due_at = now() where due_at is not null")
        await shop.kit.run_schedule(market, "market.clock")
    await settle(shop)
    states = [await state_of(shop, one) for one in orders]
    assert set(states) <= ENDS
    assert await held(shop) == (900 * states.count("received"), 0)
    assert await stock_of(shop, lamp) == 5 - states.count("received") - states.count("refunded")
    await shop.require_sound()
