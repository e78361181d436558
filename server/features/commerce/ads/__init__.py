"""Advertising: campaigns that are paid in advance, whose short videos are shown with streams.

Which one is shown is decided from memory (``auction``); the money for it is leased to nodes (``running``).
"""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.commerce.ads import queries
from server.features.commerce.ads.campaigns import Campaigns
from server.features.commerce.ads.creatives import MAX_CREATIVES, Creatives
from server.features.commerce.ads.routes import CampaignRoutes
from server.features.commerce.ads.running import close_leases
from server.features.commerce.ads.shapes import MAX_DURATION_MS
from server.features.commerce.settings import AdSettings
from server.features.money.payments import Payments
from server.jobs import repeated
from server.outbound.settings import Site
from storage.postgres import Transaction

__all__ = ["build"]

CLOSE_S: Final = 30.0


def build(platform: Platform, *, settings: AdSettings, payments: Payments, site: Site) -> Feature:
    """Switched off, what it holds on people is exported and erased all the same, and what was paid goes back."""
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

    async def close() -> None:
        await close_leases(platform.db, platform.now())

    return Feature(
        name="ads",
        operations=CampaignRoutes(campaigns=campaigns, creatives=creatives).operations() if settings.ads else (),
        consumers=campaigns.consumers(),
        schedules=[repeated("ads.close_leases", close, every_s=CLOSE_S)],
        personal_data=PersonalData(tables=TABLES, sections=SECTIONS, erase=_erase, kept=KEPT),
        limits={
            "ad_campaigns": settings.max_campaigns,
            "ad_creatives": MAX_CREATIVES,
            "ad_duration_ms": MAX_DURATION_MS,
        },
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
