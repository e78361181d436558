"""Tips: money for who streams, with a message that the room sees once it is paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.money.payments import Payments
from server.features.rooms.state_sender import StateOf
from server.features.rooms.tips import queries
from server.features.rooms.tips.routes import TipRoutes
from server.features.rooms.tips.shapes import MAX_MESSAGE, TIP
from server.features.rooms.tips.tips import Tips
from server.outbound.settings import Site
from storage.chat_filters import ChatFilters
from storage.postgres import Transaction

__all__ = ["build"]


@dataclass(frozen=True, kw_only=True)
class TipsRoom:
    """``tip``: the body of the event that shows one, by its id; None when it has gone."""

    feature: Feature
    tip: StateOf


def build(platform: Platform, *, payments: Payments, site: Site) -> TipsRoom:
    tips = Tips(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        payments=payments,
        filters=ChatFilters(db=platform.db),
        publish=platform.publish,
        origin=site.origin,
    )
    feature = Feature(
        name="tips",
        operations=TipRoutes(tips=tips, db=platform.db).operations(),
        sent=(TIP,),
        consumers=tips.consumers(),
        personal_data=PersonalData(tables=frozenset({"tips"}), sections=SECTIONS, erase=_erase),
        codes={"silenced": 403},
        limits={"tip_message_chars": MAX_MESSAGE},
    )
    return TipsRoom(feature=feature, tip=tips.event)


SECTIONS: Final = (
    rows_by_id("tips_given", "id, amount, currency, message, state, created_at", "tips where person_id = $1"),
    rows_by_id(
        "tips_received", "id, amount, currency, message, paid_at", "tips where owner_id = $1 and state = 'succeeded'"
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute(queries.ERASE, person_id)
