"""Payments through Stripe: its events in any order and number, forged and late ones, and Stripe away."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from server.features.money.currencies import CURRENCIES, fault_in, from_stripe, to_stripe
from tests.server.features.money.conftest import Shop


async def test_a_tip_is_paid_by_the_clients_secret_or_on_the_page_of_checkout(stripe_shop: Shop) -> None:
    stripe = stripe_shop.stripe
    assert stripe is not None
    first, second = await stripe_shop.tip(), await stripe_shop.tip(amount=700)
    (intent, other), (_, session) = list(stripe.intents), list(stripe.sessions)
    assert first["client_secret"] == stripe.intents[intent]["client_secret"]
    assert second["checkout_url"] == stripe.sessions[session]["url"]
    assert first["tip"]["is_test"] is False
    stripe.pay(intent)
    stripe.pay_session(session)
    assert stripe_shop.shown() == []
    await stripe_shop.deliver()
    assert sorted(one["amount"] for one in stripe_shop.shown()) == [500, 700]
    assert (await stripe_shop.balance(stripe_shop.ada))[0]["pending"] == 450 + 630
    await stripe_shop.settle()  # the other way to pay each is closed
    assert stripe.intents[other]["status"] == "canceled"
    assert sorted(one["status"] for one in stripe.sessions.values()) == ["complete", "expired"]
    await stripe_shop.deliver()
    assert len(stripe_shop.shown()) == 2
    await stripe_shop.require_sound()


@pytest.mark.parametrize("seed", range(3))
async def test_events_in_any_order_and_number_come_to_the_same(stripe_shop: Shop, seed: int) -> None:
    stripe = stripe_shop.stripe
    assert stripe is not None
    await stripe_shop.tip()
    await stripe_shop.tip()
    (intent, disputed), _ = list(stripe.intents), list(stripe.sessions)
    stripe.pay(intent)
    stripe.refund(intent, 200)
    stripe.refund(intent, 100)
    stripe.pay(disputed)
    stripe.dispute(disputed, "needs_response")
    stripe.dispute(disputed, "won", "closed")
    stripe.dispute(disputed, "lost", "closed")
    events = [*stripe.events, *stripe.events[::2]]
    random.Random(seed).shuffle(events)
    await stripe_shop.deliver(*events)
    assert await stripe_shop.balance(stripe_shop.ada) == [{"currency": "USD", "available": 0, "pending": 180}]
    states = await stripe_shop.kit.database.fetch("select state from payment_events")
    assert [row["state"] for row in states] == ["done"] * 7
    await stripe_shop.require_sound()


async def test_a_dispute_that_is_won_after_it_was_lost_gives_the_money_again(stripe_shop: Shop) -> None:
    stripe = stripe_shop.stripe
    assert stripe is not None
    await stripe_shop.tip()
    (intent,) = stripe.intents
    stripe.pay(intent)
    pending = []
    for status in ("warning_needs_response", "needs_response", "lost", "won"):
        stripe.dispute(intent, status, "updated")
        await stripe_shop.deliver()
        pending.append((await stripe_shop.balance(stripe_shop.ada))[0]["pending"])
    assert pending == [450, 0, 0, 450]
    await stripe_shop.require_sound()


async def test_what_is_paid_in_both_ways_goes_back_once(stripe_shop: Shop) -> None:
    stripe = stripe_shop.stripe
    assert stripe is not None
    await stripe_shop.tip()
    (intent,), (session,) = stripe.intents, stripe.sessions
    stripe.pay(intent)
    stripe.pay_session(session)
    await stripe_shop.deliver()
    await stripe_shop.deliver()
    assert [charge["amount_refunded"] for charge in stripe.charges.values()] == [0, 500]
    assert (await stripe_shop.balance(stripe_shop.ada))[0]["pending"] == 450
    assert len(stripe_shop.shown()) == 1


async def test_events_that_stripe_has_not_signed_lately_are_refused(stripe_shop: Shop) -> None:
    stripe = stripe_shop.stripe
    assert stripe is not None
    await stripe_shop.tip()
    stripe.pay(next(iter(stripe.intents)))
    (event,) = stripe.events
    body, signature = stripe.signed(event)
    forged = stripe.signed(event, secret="whsec_other")
    late = stripe.signed(event, at=int(time.time()) - 301)
    early = stripe.signed(event, at=int(time.time()) + 4_000)
    odd = stripe.signed({"id": "evt_x"})
    named = [stripe.signed({**event, "id": name}) for name in ("", "evt\u0000", "evt 1", "e" * 256)]
    broken = [(body + b" ", signature), (body, ""), (body, "t=1"), (b"\xff", signature)]
    refused = [forged, late, early, odd, *named, *broken]
    assert [await stripe_shop.post(*one) for one in refused] == [400] * len(refused)
    await stripe_shop.settle()
    assert stripe_shop.shown() == []
    assert await stripe_shop.kit.database.fetchval("select count(*) from payment_events") == 0
    await stripe_shop.require_sound()


async def test_while_the_webhooks_secret_changes_stripe_signs_with_both_and_one_is_enough(stripe_shop: Shop) -> None:
    stripe = stripe_shop.stripe
    assert stripe is not None
    await stripe_shop.tip()
    stripe.pay(next(iter(stripe.intents)))
    (event,) = stripe.events
    at = int(time.time())
    body, ours = stripe.signed(event, at=at)
    _, others = stripe.signed(event, secret="whsec_next", at=at)
    assert await stripe_shop.post(body, f"{others},{ours.partition(',')[2]}") == 200
    await stripe_shop.settle()
    assert len(stripe_shop.shown()) == 1


async def test_events_of_other_things_are_ignored_and_wrong_ones_kept_for_the_operator(stripe_shop: Shop) -> None:
    stripe = stripe_shop.stripe
    assert stripe is not None
    await stripe_shop.tip()
    stripe.pay(next(iter(stripe.intents)))
    (paid,) = stripe.events
    wrong = {**paid, "id": "evt_wrong", "data": {"object": {**paid["data"]["object"], "amount_received": 1}}}
    others = [
        {**paid, "id": "evt_live", "livemode": True},
        {**paid, "id": "evt_account", "account": "acct_1"},
        {**paid, "id": "evt_type", "type": "product.created"},
        {**paid, "id": "evt_shape", "data": {"object": {}}},
        wrong,
    ]
    await stripe_shop.deliver(*others)
    assert stripe_shop.shown() == []
    _, page = await stripe_shop.call("GET", "/admin/webhooks/stripe?limit=10", token=stripe_shop.admin)
    assert [(one["id"], one["state"]) for one in reversed(page["items"])] == [
        ("evt_live", "ignored"), ("evt_account", "ignored"), ("evt_type", "ignored"), ("evt_shape", "failed"),
        ("evt_wrong", "failed"),
    ]  # fmt: skip
    await stripe_shop.deliver(paid)
    for event_id in (paid["id"], "evt_wrong"):
        path = f"/admin/webhooks/stripe/{event_id}/replay"
        assert (await stripe_shop.call("POST", path))[0] == 403
        assert (await stripe_shop.call("POST", path, token=stripe_shop.admin))[0] == 202
    await stripe_shop.settle()
    assert len(stripe_shop.shown()) == 1
    assert (await stripe_shop.balance(stripe_shop.ada))[0]["pending"] == 450
    await stripe_shop.require_sound()


async def test_when_stripe_is_away_the_tip_is_a_503_and_nothing_is_left_half_done(stripe_shop: Shop) -> None:
    stripe = stripe_shop.stripe
    assert stripe is not None
    stripe.is_away = True
    body = {"stream_id": stripe_shop.stream, "amount": 500, "currency": "USD"}
    assert (await stripe_shop.call("POST", "/tips", json=body))[0] == 503
    stripe.is_away = False
    stripe.has_checkout = False
    assert (await stripe_shop.tip())["checkout_url"] is None
    stripe.pay(next(iter(stripe.intents)))
    await asyncio.gather(*(stripe_shop.post(*stripe.signed(stripe.events[0])) for _ in range(3)))
    await stripe_shop.settle()
    assert len(stripe_shop.shown()) == 1
    await stripe_shop.require_sound()


def test_bounds_follow_the_currency_and_its_minor_units() -> None:
    for code, currency in CURRENCIES.items():
        amount = currency.dollar * 10
        assert fault_in(amount, code, most=1_000) is None, code
        assert fault_in(amount * 101, code, most=1_000) is not None
        assert from_stripe(to_stripe(amount, code), code) == amount
    assert (to_stripe(500, "JPY"), to_stripe(5_000, "KWD"), to_stripe(150, "ISK")) == (500, 5_000, 15_000)
