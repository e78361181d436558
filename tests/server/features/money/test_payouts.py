"""Earnings and payouts: what is available leaves once, and comes again when it cannot be paid."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

from server.features.money.payouts.pdf import LINES, document
from server.features.money.payouts.statements import as_csv, cell
from tests.server.features.money.conftest import Shop


async def earn(shop: Shop, amount: int = 5_000) -> None:
    """A tip that was held for long enough."""
    await shop.tip(amount=amount)
    if shop.stripe is not None:
        shop.stripe.pay(list(shop.stripe.intents)[-1])
        await shop.deliver()
    await shop.settle()
    await shop.kit.database.execute("update payments set release_at = now() - interval '1 second'")
    [payments] = [one for one in shop.features if one.name == "payments"]
    await shop.kit.run_schedule(payments, "payments.release")


async def ask(shop: Shop, **body: Any) -> tuple[int, Any]:
    return await shop.call("POST", "/me/payouts", token=shop.ada, json={"currency": "USD", **body})


async def test_what_is_available_is_paid_out_once_and_shown_in_every_view(shop: Shop) -> None:
    await earn(shop)
    assert await shop.balance(shop.ada) == [{"currency": "USD", "available": 4_500, "pending": 0}]
    assert (await ask(shop))[0] == 409
    assert (await ask(shop, currency="QQQ"))[0] == 422
    _, account = await shop.call("POST", "/me/payout-account", token=shop.ada)
    assert account == {"onboarding_url": "https://live.test/settings/money", "is_ready": True}
    for wrong in ({"amount": 4_501}, {"amount": 99}, {"amount": 0}, {"currency": "EUR"}):
        assert (await ask(shop, **wrong))[0] == 422, wrong
    status, answer = await ask(shop, amount=1_000)
    assert (status, answer["payout"]["state"], answer["payout"]["amount"]) == (201, "pending", 1_000)
    found = await asyncio.gather(*(ask(shop, amount=3_000) for _ in range(3)))
    assert sorted(status for status, _ in found) == [201, 422, 422]
    await shop.settle()
    _, page = await shop.call("GET", "/me/payouts", token=shop.ada)
    assert [(one["amount"], one["state"]) for one in page["items"]] == [(3_000, "paid"), (1_000, "paid")]
    assert await shop.balance(shop.ada) == [{"currency": "USD", "available": 500, "pending": 0}]
    _, earned = await shop.call("GET", "/me/earnings", token=shop.ada)
    tip = {"currency": "USD", "kind": "tip", "transfers": 1, "paid": 5_000, "share": 500, "earned": 4_500}
    assert earned["earnings"] == [tip]
    assert earned["totals"] == [{"currency": "USD", "paid": 5_000, "share": 500, "earned": 4_500}]
    _, none = await shop.call("GET", "/me/earnings?from=2020-01-01&to=2020-02-01", token=shop.ada)
    assert none == {"from": "2020-01-01", "to": "2020-02-01", "earnings": [], "totals": []}
    assert (await shop.call("GET", "/me/earnings?from=2020-02-02&to=2020-02-01", token=shop.ada))[0] == 422
    assert (await shop.call("GET", "/me/earnings?from=yesterday", token=shop.ada))[0] == 422
    for path in ("/me/payouts/statement.csv", f"/me/payouts/{page['items'][0]['id']}/statement.csv"):
        lines = await read_csv(shop, path)
        assert {line["kind"] for line in lines} >= {"payout"}
        assert not [text for line in lines for text in line.values() if text.startswith(("=", "+", "-", "@"))]
    for one, before in zip(page["items"], [4_500 - 1_000, 4_500], strict=True):
        lines = await read_csv(shop, f"/me/payouts/{one['id']}/statement.csv")
        paid = [(line["subject"], int(line["out"])) for line in lines if line["kind"] == "payout"]
        assert paid == [(one["id"], one["amount"])]
        if before == 4_500:
            assert sum(int(line["in"]) - int(line["out"]) for line in lines) == before - one["amount"]
    lines = await read_csv(shop, "/me/payouts/statement.csv")
    assert sum(int(line["in"]) - int(line["out"]) for line in lines) == 500
    assert (await shop.call("GET", f"/me/payouts/{shop.room}/statement.csv", token=shop.ada))[0] == 404
    await shop.require_sound()


async def test_stripe_pays_an_account_that_is_ready_and_what_it_refuses_is_available_again(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await earn(shop)
    _, answer = await shop.call("POST", "/me/payout-account", token=shop.ada)
    account = answer["onboarding_url"].rpartition("/")[2]
    assert (await shop.call("POST", "/me/payout-account", token=shop.ada))[1] == answer
    assert (await ask(shop))[0] == 409
    stripe.account_changes(account, is_ready=True)
    await shop.deliver(stripe.events[-1])
    assert (await ask(shop, amount=1_000))[0] == 201
    await shop.settle()
    assert stripe.transferred == {account: 1_000}
    stripe.ready.clear()
    assert (await ask(shop))[0] == 201
    await shop.settle()
    _, page = await shop.call("GET", "/me/payouts", token=shop.ada)
    assert [one["state"] for one in page["items"]] == ["failed", "paid"]
    assert await shop.balance(shop.ada) == [{"currency": "USD", "available": 3_500, "pending": 0}]
    stripe.refund(next(iter(stripe.intents)))  # after the payout
    await shop.deliver(stripe.events[-1])
    assert await shop.balance(shop.ada) == [{"currency": "USD", "available": -1_000, "pending": 0}]
    assert (await ask(shop))[0] == 422
    await shop.require_sound()


async def read_csv(shop: Shop, path: str, token: str | None = None) -> list[dict[str, str]]:
    headers = {"Authorization": f"Bearer {token or shop.ada}"}
    async with shop.served.http.get(f"{shop.served.url}/api/v1{path}", headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, "text/csv")
        return list(csv.DictReader(io.StringIO(await answer.text())))


def test_no_cell_is_a_formula() -> None:
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff201"):
        assert cell(text) == f"'{text}"
    assert cell("tip") == "tip"
    assert as_csv([]) == "date,kind,subject,account,currency,in,out\r\n"


DETAILS = {"legal_name": "=Ada", "country": "GB", "tax_id": "AB-12", "address": "1 Street"}


async def test_tax_details_are_encrypted_at_rest_and_stand_beside_the_totals_of_a_year(shop: Shop) -> None:
    assert (await shop.call("GET", "/me/tax-details", token=shop.ada))[0] == 404
    for wrong in ({"country": "England"}, {"tax_id": ""}, {"legal_name": " "}, {"tax_id": 12}):
        status, _ = await shop.call("PUT", "/me/tax-details", token=shop.ada, json={**DETAILS, **wrong})
        assert status == 422, wrong
    status, answer = await shop.call("PUT", "/me/tax-details", token=shop.ada, json=DETAILS)
    assert (status, answer["tax_id"]) == (200, "AB-12")
    read = (await shop.call("GET", "/me/tax-details", token=shop.ada))[1]
    assert {name: read[name] for name in DETAILS} == DETAILS
    sealed = await shop.kit.database.fetchval("select sealed from tax_details")
    assert b"AB-12" not in sealed
    await earn(shop)
    await shop.call("POST", "/me/payout-account", token=shop.ada)
    assert (await ask(shop, amount=1_000))[0] == 201
    await shop.settle()
    _, mine = await shop.call("GET", "/me/tax-totals", token=shop.ada)
    assert mine["totals"] == [{"currency": "USD", "payouts": 1, "amount": 1_000, "withheld": 0}]
    assert (await shop.call("GET", "/me/tax-totals?year=2020", token=shop.ada))[1] == {"year": 2020, "totals": []}
    assert (await shop.call("GET", "/admin/tax-totals.csv", token=shop.ada))[0] == 403
    (line,) = await read_csv(shop, "/admin/tax-totals.csv", token=shop.admin)
    assert (line["username"], line["legal_name"], line["tax_id"], line["amount"]) == ("ada", "'=Ada", "AB-12", "1000")


async def test_a_payout_that_is_under_way_goes_out_while_a_dispute_takes_its_money(stripe_shop: Shop) -> None:
    """What was paid out is owed: the balance is below zero, and nothing is paid out before it is made up for."""
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    await earn(shop)
    _, answer = await shop.call("POST", "/me/payout-account", token=shop.ada)
    account = answer["onboarding_url"].rpartition("/")[2]
    stripe.account_changes(account, is_ready=True)
    await shop.deliver(stripe.events[-1])
    assert (await ask(shop, amount=4_000))[0] == 201
    stripe.dispute(next(iter(stripe.intents)), "needs_response")
    await shop.deliver(stripe.events[-1])
    assert stripe.transferred == {account: 4_000}
    assert await shop.balance(shop.ada) == [{"currency": "USD", "available": -4_000, "pending": 0}]
    assert (await ask(shop, amount=100))[0] == 422
    await shop.tip(amount=2_000)
    await shop.require_sound()


def test_a_printed_statement_is_a_pdf_whose_table_finds_each_object() -> None:
    lines = [f"line {n} (a\\b)" for n in range(LINES + 1)]
    written = document([*lines, "\u0627"])
    assert (written[:9], written[-6:]) == (b"%PDF-1.4\n", b"%%EOF\n")
    start = int(written.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    entries = written[start:].split(b"\n")[3:]
    places = [int(entry[:10]) for entry in entries if entry.endswith(b" n ")]
    assert [written[place:].split(b"\n")[0] for place in places] == [b"%d 0 obj" % n for n in range(1, 8)]
    assert written.count(b"/Type /Page ") == 2
    assert b"(line 0 \\(a\\\\b\\)) Tj" in written
    assert b"(?) Tj" in written
