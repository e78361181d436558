"""Help: articles that are searched, and tickets that agents answer in a conversation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.messages.conversations import ConversationMessage
from server.features.town.help import macros as macro_rows
from server.features.town.help import queries
from server.features.town.help.articles import Articles, Words
from server.features.town.help.macros import MAX_MACROS, Macros
from server.features.town.help.routes import AGENTS, CHANGING, HelpRoutes
from server.features.town.help.shapes import MAX_TEXT, TICKET
from server.features.town.help.tickets import Gatherings, Tickets
from server.features.town.settings import OptionalRoomSettings
from server.jobs import repeated
from storage.facts import Consumer
from storage.postgres import Transaction

__all__ = ["HelpRoom", "build"]

CLOCK_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class HelpRoom:
    feature: Feature
    articles: Articles
    tickets: Tickets


def build(
    platform: Platform,
    *,
    settings: OptionalRoomSettings,
    gatherings: Gatherings,
    words: Words,
    when_changed: Callable[[], Awaitable[None]],
) -> HelpRoom:
    tickets = Tickets(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        gatherings=gatherings,
        publish=platform.publish,
        when_changed=when_changed,
        most=settings.max_open_tickets,
        answer_in=timedelta(hours=settings.ticket_answer_hours),
    )
    articles = Articles(words=words, folder=settings.help_dir)
    macros = Macros(db=platform.db, ids=platform.ids, now=platform.now)
    feature = Feature(
        name="help",
        operations=[
            *HelpRoutes(tickets=tickets, articles=articles).operations(),
            *macros.operations(agents=AGENTS, rate=CHANGING),
        ],
        sent=(TICKET,),
        consumers=(Consumer(ConversationMessage, tickets.wrote),),
        schedules=[repeated("help.clock", tickets.clock, every_s=CLOCK_S)],
        personal_data=PersonalData(
            tables=frozenset({"help_tickets", "help_notes", "help_macros"}), sections=SECTIONS, erase=_erase
        ),
        limits={"open_tickets": settings.max_open_tickets, "ticket_chars": MAX_TEXT, "macros": MAX_MACROS},
    )
    return HelpRoom(feature=feature, articles=articles, tickets=tickets)


SECTIONS: Final = (
    rows_by_id(
        "tickets",
        "id, subject, text, category, state, priority, created_at, solved_at, score, score_text",
        "help_tickets where person_id = $1",
    ),
    rows_by_id("macros", "id, title, text, created_at", "help_macros where author_id = $1"),
    rows_by_id("ticket_notes", "id, ticket_id, text, created_at", "help_notes where author_id = $1"),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    """The rooms of the tickets go with the person's conversations."""
    for sql in (*queries.ERASE, macro_rows.ERASE):
        await tx.execute(sql, person_id)
