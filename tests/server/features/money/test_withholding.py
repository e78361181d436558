"""What is withheld of payouts for taxes by the operator's rules, released and remitted."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.features.money.payouts.withholding import part_of
from tests.server.features.money.conftest import Shop
from tests.server.features.money.test_payouts import DETAILS, ask, earn, read_csv

RULES = {"rules": [{"country": None, "percent": 24}, {"country": "GB", "percent": 30}]}


async def rule(shop: Shop, rules: Any = RULES) -> Any:
    status, answer = await shop.call("PUT", "/admin/withholding", token=shop.admin, json=rules)
    assert status == 200, answer
    return answer


async def settle(shop: Shop, **body: Any) -> tuple[int, Any]:
    given = {"user": "ada", "currency": "USD", **body}
    return await shop.call("POST", "/admin/withholding/settlements", token=shop.admin, json=given)


async def test_a_payout_is_less_what_the_rule_says_and_each_view_shows_it(shop: Shop) -> None:
    await rule(shop)
    await earn(shop)
    await shop.call("POST", "/me/payout-account", token=shop.ada)
    _, answer = await ask(shop, amount=1_001)
    assert (answer["payout"]["amount"], answer["payout"]["withheld"]) == (1_001, 240)
    await shop.call("PUT", "/me/tax-details", token=shop.ada, json=DETAILS)
    _, answer = await ask(shop, amount=1_000)
    assert answer["payout"]["withheld"] == 300
    await shop.settle()
    _, mine = await shop.call("GET", "/me/tax-totals", token=shop.ada)
    assert mine["totals"] == [{"currency": "USD", "payouts": 2, "amount": 2_001, "withheld": 540}]
    (line,) = await read_csv(shop, "/admin/tax-totals.csv", token=shop.admin)
    assert line["withheld"] == "540"
    lines = await read_csv(shop, "/me/payouts/statement.csv", token=shop.ada)
    kept = [line["in"] for line in lines if line["account"] == "withheld"]
    assert kept == ["240", "300"]
    _, told = await shop.call("GET", "/admin/withholding", token=shop.admin)
    assert [(one["username"], one["currency"], one["amount"]) for one in told["held"]] == [("ada", "USD", 540)]
    await shop.require_sound()


async def test_what_is_withheld_is_released_or_remitted_and_no_more_than_there_is(shop: Shop) -> None:
    await rule(shop)
    await earn(shop)
    await shop.call("POST", "/me/payout-account", token=shop.ada)
    assert (await settle(shop, to="remit"))[0] == 409
    await ask(shop, amount=1_000)
    await shop.settle()
    before = (await shop.balance(shop.ada))[0]["available"]
    for body, status in (
        ({"to": "release", "amount": 241}, 422),
        ({"to": "release", "amount": 0}, 422),
        ({"to": "burn"}, 422),
        ({"to": "remit", "user": "nobody"}, 404),
        ({"to": "remit", "currency": "EUR"}, 409),
    ):
        assert (await settle(shop, **body))[0] == status, body
    assert await settle(shop, to="release", amount=40) == (201, {"amount": 40, "left": 200})
    assert (await shop.balance(shop.ada))[0]["available"] == before + 40
    assert await settle(shop, to="remit") == (201, {"amount": 200, "left": 0})
    assert (await settle(shop, to="remit"))[0] == 409
    assert (await shop.call("GET", "/admin/withholding", token=shop.admin))[1]["held"] == []
    assert (await shop.call("GET", "/me/earnings", token=shop.ada))[1]["totals"][0]["earned"] > 0
    await shop.require_sound()


async def test_a_payout_that_stripe_refuses_is_available_again_with_what_was_withheld(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await rule(shop)
    await earn(shop)
    _, answer = await shop.call("POST", "/me/payout-account", token=shop.ada)
    account = answer["onboarding_url"].rpartition("/")[2]
    stripe.account_changes(account, is_ready=True)
    await shop.deliver(stripe.events[-1])
    before = await shop.balance(shop.ada)
    stripe.ready.discard(account)
    assert (await ask(shop, amount=1_000))[0] == 201
    await shop.settle()
    assert await shop.balance(shop.ada) == before
    stripe.ready.add(account)
    assert (await ask(shop, amount=1_000))[0] == 201
    await shop.settle()
    assert stripe.transferred == {account: 760}
    await shop.require_sound()


async def test_rules_are_the_operators_alone_and_one_a_country(shop: Shop) -> None:
    assert (await rule(shop))["rules"] == RULES["rules"]
    for wrong in (
        {"rules": [{"country": "GB", "percent": 5}, {"country": "GB", "percent": 6}]},
        {"rules": [{"country": "gb", "percent": 5}]},
        {"rules": [{"country": "GB", "percent": 101}]},
        {"rules": [{"country": "GB", "percent": 0}]},
        {"rules": [{"country": "GB", "percent": 1.5}]},
        {"rules": [{"percent": 5}]},
        {},
    ):
        status, _ = await shop.call("PUT", "/admin/withholding", token=shop.admin, json=wrong)
        assert status == 422, wrong
    assert (await shop.call("PUT", "/admin/withholding", token=shop.ada, json=RULES))[0] == 403
    assert (await shop.call("GET", "/admin/withholding", token=shop.ada))[0] == 403
    assert (await shop.call("POST", "/admin/withholding/settlements", token=shop.ada, json={}))[0] == 403
    assert (await rule(shop, {"rules": []}))["rules"] == []


@given(amount=st.integers(1, 2**53), percent=st.integers(1, 100))
def test_what_is_withheld_is_never_more_than_the_percentage(amount: int, percent: int) -> None:
    assert 0 <= part_of(amount, percent) <= amount
    assert part_of(amount, percent) * 100 <= amount * percent
