"""A person's own tickets and orders, as their rooms show them to the person."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from server.features.town.assistant.passages import Passage
from server.features.town.assistant.retrieval import OwnThings
from server.features.town.help.shapes import TicketsQuery
from server.features.town.help.tickets import Tickets
from server.features.town.market.orders import Orders

LATEST: Final = 5


def own_things(rooms: Sequence[str], *, tickets: Tickets, orders: Orders) -> Sequence[OwnThings]:
    """Of the rooms that are there."""
    of_rooms: dict[str, OwnThings] = {"help": partial(_tickets, tickets), "market": partial(_orders, orders)}
    return [of_rooms[room] for room in of_rooms if room in rooms]


async def _tickets(tickets: Tickets, person_id: str) -> Sequence[Passage]:
    rows = await tickets.page(person_id, TicketsQuery(mine=True, limit=LATEST), is_agent=False)
    return [
        Passage(
            kind="ticket", title=row["subject"], url=f"/help/tickets/{row['id']}",
            text=f"Ticket, {row['state']}, opened {row['created_at']:%Y-%m-%d}. {row['text']}",
        )
        for row in rows
    ]  # fmt: skip


async def _orders(orders: Orders, person_id: str) -> Sequence[Passage]:
    rows = await orders.given(person_id, None, LATEST)
    return [
        Passage(
            kind="order", title=row["title"], url=f"/market/orders/{row['id']}",
            text=f"Order of {row['quantity']}, {row['state']}, ordered {row['created_at']:%Y-%m-%d}. {row['tracking']}",
        )
        for row in rows
    ]  # fmt: skip
