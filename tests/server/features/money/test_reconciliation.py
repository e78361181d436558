"""What Stripe keeps and what it has, beside the ledger: fees, events that never came, differences."""

from __future__ import annotations

from typing import Any

from server.features.money.payments.reconciliation import differences
from tests.server.features.money.conftest import Shop


async def held(shop: Shop) -> dict[str, int]:
    """By kind of account."""
    _, whole = await shop.call("GET", "/admin/ledger", token=shop.admin)
    return {one["account"]: one["balance"] for one in whole["totals"]}


async def reconcile(shop: Shop) -> dict[str, Any]:
    status, _ = await shop.call("POST", "/admin/payments/reconciliations", token=shop.admin)
    assert status == 202
    await shop.settle()  # the events, and what they say
    await shop.kit.database.execute("update jobs set due_at = now() where name = 'payments.compare'")
    await shop.settle()
    _, page = await shop.call("GET", "/admin/payments/reconciliations", token=shop.admin)
    return dict(page["items"][0])


async def test_a_fee_is_an_entry_of_its_own_and_stays_when_the_payment_goes_back(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    stripe.fee = None
    await shop.tip()
    (intent,) = stripe.intents
    stripe.pay(intent)
    await shop.deliver()
    assert await held(shop) == {"stripe": -500, "platform": 50, "pending": 450}
    stripe.take_fee(intent, 45)
    await shop.kit.database.execute("update jobs set due_at = now() where name = 'payments.fee'")
    await shop.settle()
    assert await held(shop) == {"stripe": -500, "platform": 5, "pending": 450, "provider_fees": 45}
    stripe.dispute(intent, "needs_response", fees=[1_500])
    stripe.dispute(intent, "won", "closed", fees=[1_500, -1_500])
    opened, won = stripe.events[-2:]
    await shop.deliver(opened)
    assert await held(shop) == {"stripe": 0, "platform": -1_545, "pending": 0, "provider_fees": 1_545}
    await shop.deliver(won, opened)
    assert await held(shop) == {"stripe": -500, "platform": 5, "pending": 450, "provider_fees": 45}
    stripe.refund(intent)
    await shop.deliver()
    assert await held(shop) == {"stripe": 0, "platform": -45, "pending": 0, "provider_fees": 45}
    _, page = await shop.call("GET", "/admin/payments", token=shop.admin)
    assert [fee["amount"] for fee in page["items"][0]["fees"]] == [45, 0]
    _, earned = await shop.call("GET", "/me/earnings", token=shop.ada)
    assert all(one["paid"] == one["share"] + one["earned"] for one in earned["earnings"])
    await shop.require_sound()


async def test_events_that_never_came_are_found_page_by_page_and_carried_out(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    stripe.page_size = 2
    for _ in range(3):
        await shop.tip()
    for intent in tuple(stripe.intents):
        stripe.pay(intent)
    stripe.refund(next(iter(stripe.intents)))
    await shop.deliver(stripe.events[1])
    found = await reconcile(shop)
    assert (found["recovered"], found["differing"]) == (3, 0)
    assert len(shop.shown()) == 3
    assert (await shop.balance(shop.ada))[0]["pending"] == 2 * 450
    assert (await reconcile(shop))["recovered"] == 0
    await shop.require_sound()


async def test_what_stripe_has_and_the_ledger_has_not_is_listed(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    assert (await shop.call("POST", "/admin/payments/reconciliations"))[0] == 403
    await shop.tip()
    await shop.tip()
    first, second = stripe.intents
    stripe.pay(first)
    await shop.deliver()
    stripe.pay(second)
    stripe.events.clear()  # Stripe keeps events for a month
    for charge in stripe.charges.values():
        charge["created"] -= 3_600
    await shop.kit.database.execute("update payments set paid_at = paid_at - interval '1 hour'")
    found = await reconcile(shop)
    assert (found["charges"], found["differing"], found["ended_at"] is not None) == (2, 1, True)
    assert found["differences"] == [
        {"payment_id": None, "intent_id": second, "currency": "USD", "at_provider": 500, "in_ledger": 0}
    ]
    stripe.charges.clear()
    (difference,) = (await reconcile(shop))["differences"]
    assert (difference["intent_id"], difference["at_provider"], difference["in_ledger"]) == (first, 0, 500)


async def test_without_stripe_there_is_nothing_to_compare_with(shop: Shop) -> None:
    status, problem = await shop.call("POST", "/admin/payments/reconciliations", token=shop.admin)
    assert (status, problem["type"]) == (503, "/problems/payments-not-configured")


def test_a_charge_that_went_back_as_a_whole_or_is_disputed_differs_in_nothing() -> None:
    same = {"currency": "usd", "amount": 500}
    charges = [
        {**same, "payment_intent": "pi_second", "amount_refunded": 500},
        {**same, "payment_intent": "pi_disputed", "amount_refunded": 100},
        {**same, "payment_intent": "pi_more", "amount_refunded": 100},
    ]
    nets = {
        "pi_disputed": {"id": "p1", "net": 0, "disputed": 500},
        "pi_more": {"id": "p2", "net": 500, "disputed": 0},
    }
    assert [(one["payment_id"], one["at_provider"]) for one in differences(charges, nets)] == [("p2", 400)]
