"""What nobody should send: each has its stated answer, nothing is half done, and the books are even."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.server.features.money.conftest import Shop
from tests.server.features.money.test_payouts import DETAILS, ask, earn, read_csv
from tests.server.features.money.test_withholding import RULES, rule
from tests.server.features.money.test_withholding import settle as settle_withheld

ODD: list[Any] = [0, -1, 1.5, "5", True, 2**60, [], {"amount": 5}]


async def test_an_odd_amount_is_a_422_wherever_money_is_asked_for(shop: Shop) -> None:
    await earn(shop)
    await shop.call("POST", "/me/payout-account", token=shop.ada)
    [payment] = (await shop.call("GET", "/admin/payments", token=shop.admin))[1]["items"]
    now = datetime.now(UTC)
    campaign = {
        "name": "Lamps", "budget": 1_000, "bid": 500, "currency": "USD", "click_url": "https://shop.example/lamps",
        "starts_at": now.isoformat(), "ends_at": (now + timedelta(days=1)).isoformat(),
    }  # fmt: skip
    status, answer = await shop.call("POST", "/ads/campaigns", json=campaign)
    assert status == 201, answer
    paying = f"/ads/campaigns/{answer['campaign']['id']}/payments"
    held = {"user": "ada", "currency": "USD", "to": "release"}
    tier = {"name": "Friend", "currency": "USD"}
    calls: list[tuple[str, str, str, Any]] = [
        ("POST", "/tips", shop.bob, lambda odd: {"user": "ada", "amount": odd, "currency": "USD"}),
        ("PUT", "/me/tiers", shop.ada, lambda odd: {"tiers": [{**tier, "amount": odd}]}),
        ("POST", "/me/payouts", shop.ada, lambda odd: {"amount": odd, "currency": "USD"}),
        ("POST", f"/admin/payments/{payment['id']}/refund", shop.admin, lambda odd: {"amount": odd}),
        ("POST", "/admin/withholding/settlements", shop.admin, lambda odd: {**held, "amount": odd}),
        ("POST", "/ads/campaigns", shop.bob, lambda odd: {**campaign, "budget": odd}),
        ("POST", "/ads/campaigns", shop.bob, lambda odd: {**campaign, "bid": odd}),
        ("POST", paying, shop.bob, lambda odd: {"amount": odd}),
        ("POST", "/listings", shop.ada, lambda odd: {"title": "A lamp", "price": odd, "currency": "USD", "stock": 1}),
        ("POST", "/subscriptions", shop.bob, lambda odd: {"user": "ada", "tier": "Friend", "gift_count": odd}),
    ]
    for method, path, token, body in calls:
        for odd in ODD:
            status, problem = await shop.call(method, path, token=token, json=body(odd))
            assert (status, bool(problem.get("errors"))) == (422, True), (path, body(odd), status, problem)
    for currency in ("XYZ", "US", "USDT", "", None, 5, "usd "):
        for method, path, token, body in calls[:3]:
            sent = body(500)
            (sent["tiers"][0] if "tiers" in sent else sent)["currency"] = currency
            assert (await shop.call(method, path, token=token, json=sent))[0] == 422, (path, currency)
    assert await shop.balance(shop.ada) == [{"currency": "USD", "available": 4_500, "pending": 0}]
    assert await shop.kit.database.fetchval("select count(*) from payments") == 1
    await shop.require_sound()


async def refund(shop: Shop, payment_id: str, **body: Any) -> int:
    path = f"/admin/payments/{payment_id}/refund"
    return (await shop.call("POST", path, token=shop.admin, json=body))[0]


async def only_payment(shop: Shop) -> Any:
    [payment] = (await shop.call("GET", "/admin/payments", token=shop.admin))[1]["items"]
    return payment


async def test_what_was_asked_to_go_back_is_not_asked_for_again_before_stripe_has_told_of_it(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await shop.tip()
    stripe.pay(next(iter(stripe.intents)))
    await shop.deliver()
    payment = (await only_payment(shop))["id"]
    answers = await asyncio.gather(*(refund(shop, payment, amount=300) for _ in range(3)))
    assert sorted(answers) == [202, 422, 422]
    assert (await only_payment(shop))["refunding"] == 300
    assert await refund(shop, payment, amount=201) == 422
    assert await refund(shop, payment) == 202  # what is left
    assert await refund(shop, payment) == 409
    await shop.settle()
    assert [charge["amount_refunded"] for charge in stripe.charges.values()] == [500]
    await shop.deliver()
    told = await only_payment(shop)
    assert (told["refunded"], told["refunding"], told["refund_refused"]) == (500, 0, "")
    assert await refund(shop, payment) == 409
    await shop.require_sound()


async def test_a_refund_that_stripe_refuses_is_told_and_may_be_asked_for_again(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await shop.tip()
    (intent,) = stripe.intents
    stripe.pay(intent)
    await shop.deliver()
    stripe.events.clear()
    payment = (await only_payment(shop))["id"]
    stripe.refund(intent, 400)  # on Stripe's own page, which has not been told here yet
    assert await refund(shop, payment) == 202
    await shop.settle()
    told = await only_payment(shop)
    assert (told["net"], told["refunding"]) == (500, 0)
    assert "greater than unrefunded amount" in told["refund_refused"]
    await shop.deliver()
    assert await refund(shop, payment) == 202
    await shop.settle()
    await shop.deliver()
    told = await only_payment(shop)
    assert (told["refunded"], told["net"], told["refund_refused"]) == (500, 0, "")
    await shop.require_sound()


async def test_a_refund_after_the_payout_is_owed_and_holds_back_what_comes(shop: Shop) -> None:
    await earn(shop)
    await shop.call("POST", "/me/payout-account", token=shop.ada)
    assert (await ask(shop))[0] == 201
    await shop.settle()
    payment = (await only_payment(shop))["id"]
    assert await refund(shop, payment) == 202
    assert await refund(shop, payment) == 409
    await shop.settle()
    assert await shop.balance(shop.ada) == [{"currency": "USD", "available": -4_500, "pending": 0}]
    assert (await ask(shop, amount=100))[0] == 422
    await shop.require_sound()


async def test_a_payout_at_the_moment_of_a_dispute_is_paid_and_owed_or_not_paid(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await earn(shop)
    _, answer = await shop.call("POST", "/me/payout-account", token=shop.ada)
    stripe.account_changes(answer["onboarding_url"].rpartition("/")[2], is_ready=True)
    await shop.deliver(stripe.events[-1])
    stripe.dispute(next(iter(stripe.intents)), "needs_response")
    answers = await asyncio.gather(ask(shop), shop.deliver(stripe.events[-1]), ask(shop, amount=4_500))
    paid = [status for status, _ in (answers[0], answers[2])].count(201)
    await shop.settle()
    assert paid <= 1
    assert (await shop.balance(shop.ada))[0]["available"] == -4_500 * paid
    assert sum(stripe.transferred.values()) == 4_500 * paid
    for status in ("lost", "won"):  # the bank changes its mind
        stripe.dispute(next(iter(stripe.intents)), status, "closed")
        await shop.deliver(stripe.events[-1])
    assert (await shop.balance(shop.ada))[0]["available"] == 4_500 * (1 - paid)
    await shop.require_sound()


FORMULAS = ["=HYPERLINK(1)", "+1", "-1+1", "@SUM(A1)", "\uff1d1", '=1","=2']


async def test_no_field_that_a_person_gives_is_a_formula_in_any_file(shop: Shop) -> None:
    await rule(shop, RULES)
    await earn(shop)
    await shop.call("POST", "/me/payout-account", token=shop.ada)
    await shop.call("PUT", "/me/tax-details", token=shop.ada, json=DETAILS)
    assert (await ask(shop))[0] == 201
    await shop.settle()
    for text in FORMULAS:
        given = {**DETAILS, "legal_name": text, "tax_id": text, "address": text}
        assert (await shop.call("PUT", "/me/tax-details", token=shop.ada, json=given))[0] == 200
        (line,) = await read_csv(shop, "/admin/tax-totals.csv", token=shop.admin)
        assert [line[name] for name in ("legal_name", "tax_id", "address")] == [f"'{text}"] * 3
    assert (await settle_withheld(shop, to="release"))[0] == 201
    for line in await read_csv(shop, "/me/payouts/statement.csv"):
        assert not [value for value in line.values() if value.startswith(("=", "+", "-", "@"))]
    await shop.require_sound()
