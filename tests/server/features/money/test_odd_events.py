"""Events that Stripe has signed and that have another shape than it says: settled once, and the books are even."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from tests.server.features.money.conftest import Shop
from tests.server.features.money.test_memberships import mine, offer, subscribe

JUNK: list[Any] = [None, "", -1, 1.5, 2**70, True, {}]
READ = {
    *("id", "amount", "amount_received", "amount_total", "amount_refunded", "amount_paid", "currency", "status"),
    *("payment_intent", "payment_status", "balance_transactions", "mode", "customer", "subscription", "parent"),
    *("payments", "payouts_enabled"),
}


def spoiled(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The object without each of the fields that are read, and with something else in its place."""
    for field in sorted(READ & found.keys()):
        yield {name: value for name, value in found.items() if name != field}
        yield from ({**found, field: junk} for junk in JUNK)


async def deliver_spoiled(shop: Shop, *events: dict[str, Any]) -> None:
    stripe, number = shop.stripe, itertools.count()
    assert stripe is not None
    for event in events:
        for odd in spoiled(event["data"]["object"]):
            body, signature = stripe.signed({**event, "id": f"evt_odd_{next(number)}", "data": {"object": odd}})
            assert await shop.post(body, signature) == 200
    for _ in range(2):
        await shop.settle()
    await shop.kit.database.execute("delete from jobs where name = 'payments.event'")
    waiting = await shop.kit.database.fetch("select body from payment_events where state = 'waiting'")
    assert waiting == [], "only what is of nothing known may wait, and not for ever"


async def test_signed_events_of_payments_in_any_shape_change_nothing_more(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await shop.tip()
    (intent,), (session,) = stripe.intents, stripe.sessions
    stripe.pay(intent)
    stripe.refund(intent, 100)
    stripe.dispute(intent, "won", fees=(1_500,))
    await shop.deliver()
    before = await shop.balance(shop.ada)
    completed = {"type": "checkout.session.completed", "data": {"object": stripe.sessions[session]}}
    await deliver_spoiled(shop, *stripe.events, {**stripe.events[0], **completed})
    row = await shop.kit.database.fetchrow("select refunded, disputed, booked_net from payments")
    assert (dict(row or {}), await shop.balance(shop.ada)) == (
        {"refunded": 100, "disputed": 0, "booked_net": 400}, before,
    )  # fmt: skip
    await shop.require_sound()


async def test_signed_events_of_subscriptions_and_accounts_in_any_shape_change_nothing_more(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await offer(shop)
    await subscribe(shop)
    stripe.begin_subscription(next(iter(stripe.sessions)))
    await shop.deliver()
    stripe.fail_payment(next(iter(stripe.subscriptions)))
    _, answer = await shop.call("POST", "/me/payout-account", token=shop.ada)
    stripe.account_changes(answer["onboarding_url"].rpartition("/")[2], is_ready=True)
    before = await mine(shop), await shop.balance(shop.ada)
    paid = next(one for one in stripe.events if one["type"] == "invoice.paid")
    other = {**paid["data"]["object"], "currency": "jpy", "id": "in_other"}
    await deliver_spoiled(shop, *stripe.events, {**paid, "data": {"object": other}})
    assert (await mine(shop), await shop.balance(shop.ada)) == before
    await shop.require_sound()
