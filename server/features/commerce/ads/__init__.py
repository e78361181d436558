"""Advertising: campaigns that are paid in advance, whose short videos are shown with streams.

Which one is shown is decided from memory (``auction``); the money for it is leased to nodes (``running``).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.commerce.ads import queries, showing_queries
from server.features.commerce.ads.beacons import Beacons
from server.features.commerce.ads.breaks import BREAK, Breaks
from server.features.commerce.ads.campaigns import Campaigns
from server.features.commerce.ads.creatives import MAX_CREATIVES, Creatives
from server.features.commerce.ads.decisions import Decisions
from server.features.commerce.ads.preferences import Preferences
from server.features.commerce.ads.routes import CampaignRoutes
from server.features.commerce.ads.running import Leases, Running, close_leases
from server.features.commerce.ads.settlement import Settlement
from server.features.commerce.ads.shapes import MAX_DURATION_MS
from server.features.commerce.ads.showing_routes import ShowingRoutes
from server.features.commerce.ads.tokens import Seals, Tokens
from server.features.commerce.settings import AdSettings
from server.features.money.ledger import Ledger
from server.features.money.payments import Payments
from server.jobs import repeated
from server.live.addresses import MediaAddresses
from server.live.footage import FootageFinder
from server.outbound.settings import Site
from storage.postgres import Transaction

__all__ = ["build"]

CLOSE_S: Final = 30.0
SETTLE_S: Final = 60.0
BREAKS_S: Final = 15.0
FORGET_S: Final = 3_600.0
SHOWN_KEPT: Final = timedelta(days=2)
IMPRESSIONS_KEPT: Final = timedelta(days=30)
"""One by one; afterwards as sums of days, a day at a time."""
ROLL_UP_S: Final = 60.0


def build(
    platform: Platform,
    *,
    settings: AdSettings,
    is_on: bool,
    payments: Payments,
    ledger: Ledger,
    seals: Seals,
    addresses: MediaAddresses,
    footage: FootageFinder,
    site: Site,
) -> Feature:
    """Switched off, it has no calls, and shows nothing; what was shown is settled, and what is left goes back."""
    campaigns = Campaigns(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        payments=payments,
        origin=site.origin,
        floor=settings.ad_minimum_bid,
        most=settings.max_campaigns,
    )
    creatives = Creatives(db=platform.db, ids=platform.ids, now=platform.now, audit=platform.audit)
    breaks = Breaks(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        footage=footage,
        publish=platform.publish,
        node=platform.node,
    )
    settlement = Settlement(db=platform.db, now=platform.now, ledger=ledger, payments=payments)
    showing = _showing(platform, settings=settings, seals=seals, addresses=addresses, breaks=breaks)
    operations = [*CampaignRoutes(campaigns=campaigns, creatives=creatives).operations(), *showing.operations()]

    async def close() -> None:
        await close_leases(platform.db, platform.now())

    async def forget() -> None:
        await platform.db.execute(showing_queries.FORGET_SHOWN, platform.now().date() - SHOWN_KEPT)
        await platform.db.execute(showing_queries.ROLL_UP, platform.now() - IMPRESSIONS_KEPT, timeout_s=ROLL_UP_S)

    return Feature(
        name="ads",
        operations=operations if is_on else (),
        sent=(BREAK,) if is_on else (),
        consumers=campaigns.consumers(),
        schedules=[
            repeated("ads.close_leases", close, every_s=CLOSE_S),
            repeated("ads.settle", settlement.settle, every_s=SETTLE_S),
            repeated("ads.give_back", settlement.give_back, every_s=SETTLE_S),
            repeated("ads.breaks", breaks.keep_schedules, every_s=BREAKS_S),
            repeated("ads.forget", forget, every_s=FORGET_S),
        ],
        personal_data=PersonalData(tables=TABLES, sections=SECTIONS, erase=_erase, kept=KEPT),
        limits={
            "ad_campaigns": settings.max_campaigns,
            "ad_creatives": MAX_CREATIVES,
            "ad_duration_ms": MAX_DURATION_MS,
        },
    )


def _showing(
    platform: Platform, *, settings: AdSettings, seals: Seals, addresses: MediaAddresses, breaks: Breaks
) -> ShowingRoutes:
    db, now, percent = platform.db, platform.now, settings.ad_share_percent
    tokens = Tokens(seals=seals)
    decisions = Decisions(
        db=db,
        ids=platform.ids,
        now=now,
        running=Running(db=db, now=now, floor=settings.ad_minimum_bid),
        leases=Leases(db=db, ids=platform.ids, now=now, node_name=platform.node_name),
        tokens=tokens,
        addresses=addresses,
        a_day=settings.ads_per_day,
        gap=timedelta(seconds=settings.ad_gap_s),
    )
    return ShowingRoutes(
        db=db,
        now=now,
        decisions=decisions,
        beacons=Beacons(db=db, now=now, tokens=tokens, percent=percent),
        breaks=breaks,
        preferences=Preferences(db=db, now=now, percent=percent),
        tokens=tokens,
        addresses=addresses,
    )


TABLES: Final = frozenset({"ads_campaigns", "ads_earnings", "ads_preferences", "ads_creators"})
KEPT: Final = {
    "ads_campaigns": "books are kept; they name the account by its id alone",
    "ads_earnings": "books are kept; they name the account by its id alone",
}
SECTIONS: Final = (
    rows_by_id(
        "ad_campaigns",
        "id, name, state, budget, paid, bid, currency, starts_at, ends_at, targeting, avoid, cap, click_url,"
        " created_at",
        "ads_campaigns where owner_id = $1",
    ),
    rows_by_id(
        "ad_earnings", "campaign_id, impressions, settled, parted", "ads_earnings where owner_id = $1", "campaign_id"
    ),
    rows_by_id(
        "ad_preferences", "person_id, consents, interests, changed_at", "ads_preferences where person_id = $1",
        "person_id",
    ),
    rows_by_id(
        "ad_creator", "owner_id, is_on, warnings, refuses, break_minutes, changed_at",
        "ads_creators where owner_id = $1", "owner_id",
    ),
)  # fmt: skip


async def _erase(tx: Transaction, person_id: str) -> None:
    """Videos are taken out first, for they are found by the campaigns' owner."""
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
