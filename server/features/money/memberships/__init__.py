"""Memberships: tiers of creators and subscriptions to them, which give rights until what was paid is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.money.memberships import gift_queries, queries
from server.features.money.memberships.billing import Billing, BillingEvents
from server.features.money.memberships.changes import Changes
from server.features.money.memberships.checkouts import Checkouts
from server.features.money.memberships.dunning import Dunning
from server.features.money.memberships.gifts import Gifts, InRoom
from server.features.money.memberships.routes import MembershipRoutes
from server.features.money.memberships.shapes import MAX_TIERS
from server.features.money.memberships.subscriptions import Subscriptions
from server.features.money.memberships.tiers import Tiers
from server.features.money.payments import PaymentsRoom
from server.features.money.settings import MoneySettings
from server.features.people.accounts import AccountMails
from server.jobs import repeated
from server.outbound.settings import Site
from storage.postgres import Transaction

__all__ = ["InRoom", "MembershipsRoom", "Subscriptions", "build"]

RENEW_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class MembershipsRoom:
    feature: Feature
    subscriptions: Subscriptions


def build(
    platform: Platform,
    *,
    settings: MoneySettings,
    paying: PaymentsRoom,
    in_room: InRoom,
    mails: AccountMails,
    site: Site,
) -> MembershipsRoom:
    dunning = Dunning(mails=mails)
    billing = None if paying.stripe is None else Billing(stripe=paying.stripe)
    checkouts = Checkouts(
        db=platform.db,
        now=platform.now,
        jobs=platform.jobs,
        payments=paying.payments,
        billing=billing,
        origin=site.origin,
    )
    changes = Changes(db=platform.db, now=platform.now, payments=paying.payments, billing=billing, origin=site.origin)
    tiers = Tiers(db=platform.db, ids=platform.ids, now=platform.now, most=settings.max_payment)
    subscriptions = Subscriptions(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        payments=paying.payments,
        billing=billing,
        checkouts=checkouts,
        changes=changes,
        gifts=lambda: gifts,
        dunning=dunning,
        origin=site.origin,
    )
    gifts = Gifts(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        jobs=platform.jobs,
        payments=paying.payments,
        in_room=in_room,
        end=subscriptions.end,
        origin=site.origin,
    )
    events = BillingEvents(
        payments=paying.payments, end=subscriptions.end, dunning=dunning, now=platform.now, origin=site.origin
    )
    paying.inbox.add(events.handle)
    feature = Feature(
        name="memberships",
        operations=MembershipRoutes(
            db=platform.db, tiers=tiers, subscriptions=subscriptions, changes=changes
        ).operations(),
        consumers=[*subscriptions.consumers(), *gifts.consumers()],
        jobs=[gifts.job, checkouts.job],
        schedules=[repeated("memberships.renew", subscriptions.renew, every_s=RENEW_S)],
        personal_data=PersonalData(
            tables=frozenset({"tiers", "subscriptions", "subscription_gifts"}),
            sections=SECTIONS,
            erase=_erase,
            erase_large=subscriptions.cancel_all_of,
        ),
        limits={"tiers": MAX_TIERS},
    )
    return MembershipsRoom(feature=feature, subscriptions=subscriptions)


SECTIONS: Final = (
    rows_by_id("tiers", "id, name, description, amount, currency", "tiers where owner_id = $1"),
    rows_by_id(
        "subscriptions",
        "id, amount, currency, state, months, created_at, paid_until",
        "subscriptions where (person_id = $1 or payer_id = $1)",
    ),
    rows_by_id(
        "subscription_gifts",
        "id, amount, currency, count, placed, state, created_at",
        "subscription_gifts where payer_id = $1",
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in (gift_queries.ERASE, *queries.ERASE):
        await tx.execute(sql, person_id)
