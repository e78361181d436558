"""A month of a subscription that is not paid: who pays is told three times, then the rights end."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from server.features.money.memberships.dunning import stage_after
from tests.server.features.money.conftest import Shop
from tests.server.features.money.test_memberships import is_subscriber, mine, offer, pass_time, subscribe, subscribe_as

TEMPLATES = ["subscription_unpaid", "subscription_unpaid_still", "subscription_unpaid_last"]


async def begin(shop: Shop) -> str:
    """Its id at Stripe."""
    assert shop.stripe is not None
    await offer(shop)
    await subscribe(shop)
    (session,) = shop.stripe.sessions
    shop.stripe.begin_subscription(session)
    await shop.deliver()
    shop.stripe.events.clear()
    (stripe_id,) = shop.stripe.subscriptions
    return stripe_id


async def end_month(shop: Shop) -> None:
    """What was paid was over an hour ago."""
    await shop.kit.database.execute("update subscriptions set paid_until = now() - interval '1 hour'")
    await pass_time(shop, 0)


async def told(shop: Shop) -> list[str]:
    """The mails to who pays."""
    rows = await shop.kit.database.fetch("select template from mails where template like 'subscription%' order by id")
    return [row["template"] for row in rows]


async def notified(shop: Shop) -> list[str]:
    await shop.kit.read_facts([one for one in shop.features if one.name == "notifications"])
    return [one["kind"] for one in (await shop.call("GET", "/notifications"))[1]["items"]]


async def test_who_pays_is_told_at_once_after_a_day_and_a_last_time_and_keeps_the_rights_until_the_end(
    stripe_shop: Shop,
) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    stripe_id = await begin(shop)
    await end_month(shop)
    assert (await mine(shop))[0]["state"] == "past_due"
    assert (await told(shop), await is_subscriber(shop)) == ([], True)
    for _ in range(2):  # Stripe tries again the next day: another event of the same month
        stripe.fail_payment(stripe_id)
        await shop.deliver()
    assert await told(shop) == TEMPLATES[:1]
    assert "subscription_unpaid" in await notified(shop)
    for passed, templates, has_rights in ((1, TEMPLATES[:2], True), (1, TEMPLATES, True), (1, TEMPLATES, False)):
        await pass_time(shop, passed)
        await pass_time(shop, 0)
        assert (await told(shop), await is_subscriber(shop)) == (templates, has_rights)
    assert (await mine(shop))[0]["state"] == "ended"
    await shop.require_sound()


async def test_a_month_that_is_paid_late_goes_on_and_the_next_unpaid_one_is_told_anew(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    stripe_id = await begin(shop)
    for months in (2, 3):
        await end_month(shop)
        stripe.fail_payment(stripe_id)
        await shop.deliver()
        assert (await mine(shop))[0]["state"] == "past_due"
        stripe.bill(stripe_id)
        await shop.deliver()
        (one,) = await mine(shop)
        assert (one["state"], one["months"]) == ("active", months)
    assert await told(shop) == TEMPLATES[:1] * 2


@pytest.mark.parametrize("seed", range(3))
async def test_failures_and_payments_in_any_order_and_number_end_as_paid(stripe_shop: Shop, seed: int) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    stripe_id = await begin(shop)
    await end_month(shop)
    stripe.fail_payment(stripe_id)
    stripe.fail_payment(stripe_id)
    stripe.bill(stripe_id)
    events = [*stripe.events, *stripe.events]
    random.Random(seed).shuffle(events)
    await shop.deliver(*events)
    (one,) = await mine(shop)
    assert (one["state"], one["months"]) == ("active", 2)
    assert await told(shop) in ([], TEMPLATES[:1])
    assert await is_subscriber(shop)
    await shop.require_sound()


async def test_what_was_cancelled_ends_with_what_was_paid_and_a_dearer_tier_that_is_not_paid_is_no_month(
    stripe_shop: Shop,
) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    stripe_id = await begin(shop)
    await pass_time(shop, 20)
    stripe.fail_payment(stripe_id, reason="subscription_update")
    await shop.deliver()
    assert ((await mine(shop))[0]["state"], await told(shop)) == ("active", [])
    assert (await shop.call("DELETE", f"/subscriptions/{(await mine(shop))[0]['id']}"))[0] == 204
    await end_month(shop)
    assert ((await mine(shop))[0]["state"], await is_subscriber(shop)) == ("ended", False)
    assert await told(shop) == []


async def test_a_mail_is_in_the_language_of_who_pays(stripe_shop: Shop) -> None:
    shop, stripe = stripe_shop, stripe_shop.stripe
    assert stripe is not None
    stripe_id = await begin(shop)
    await shop.kit.database.execute("update users set language = 'ar' where username_key = 'bob'")
    await end_month(shop)
    stripe.fail_payment(stripe_id)
    await shop.deliver()
    row = await shop.kit.database.fetchrow("select language, data from mails where template = 'subscription_unpaid'")
    assert row is not None
    assert (row["language"], row["data"]["creator"], row["data"]["tier"]) == ("ar", "ada", "Friend")


async def test_more_unpaid_ones_than_a_batch_keep_none_behind_them_waiting(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.features.money.memberships.subscriptions.BATCH", 1)
    await offer(shop)
    for name in ("cyd", "dan"):
        await subscribe_as(shop, await shop.served.register(name))
    await subscribe(shop)
    await shop.settle()
    db = shop.kit.database
    await db.execute("update subscriptions set is_test = false where person_id <> $1", await shop.id_of("bob"))
    await db.execute("update subscriptions set paid_until = now() - make_interval(hours => 1 + (not is_test)::int)")
    await pass_time(shop, 0)
    assert (await mine(shop))[0]["months"] == 2


def test_reminders_leave_the_first_day_to_the_provider() -> None:
    hours = [0, 23, 24, 47, 48, 71]
    assert [stage_after(timedelta(hours=n)) for n in hours] == [None, None, 2, 2, 3, 3]
