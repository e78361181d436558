"""What owners of rooms, and the server, do not let be written: one row each, compiled for the rooms that ask."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from actors.screening import ChatFilter, Screen
from storage.postgres import Database, Transaction

SERVER: Final = "00000000-0000-0000-0000-000000000000"
"""The owner of the server's own filter, which holds in every room."""


class ChatFilters:
    """``actors.chat_log.ScreenLookup``, and the rows behind it. Raises ``Unavailable``."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def screen(self, owner_id: str) -> Screen:
        """The server's and the owner's filter in one. A large one takes its time to compile: not in the loop."""
        rows = await self._db.fetch(_BOTH, [SERVER, owner_id])
        filters = tuple(_filter(row["filter"]) for row in rows)
        return await asyncio.to_thread(_compiled, filters) if filters else Screen()

    async def screen_with(self, chat_filter: ChatFilter, owner_id: str) -> Screen:
        """As ``screen``, with this filter in place of the owner's; nothing is kept."""
        filters = [chat_filter] if owner_id == SERVER else [await self.read(SERVER), chat_filter]
        return await asyncio.to_thread(Screen, *filters)

    async def read(self, owner_id: str) -> ChatFilter:
        """An empty one where none was set."""
        found = await self._db.fetchval("select filter from chat_filters where owner_id = $1", owner_id)
        return ChatFilter() if found is None else _filter(found)


async def write_filter(tx: Transaction, owner_id: str, chat_filter: ChatFilter) -> None:
    await tx.execute(_WRITE, owner_id, msgspec.to_builtins(chat_filter))


def _filter(found: Mapping[str, Any]) -> ChatFilter:
    return msgspec.convert(found, ChatFilter)


@lru_cache(maxsize=64)
def _compiled(filters: tuple[ChatFilter, ...]) -> Screen:
    return Screen(*filters)


_BOTH: Final = "select filter from chat_filters where owner_id = any($1::uuid[]) order by owner_id"
_WRITE: Final = """
insert into chat_filters (owner_id, filter) values ($1, $2)
on conflict (owner_id) do update set filter = excluded.filter, changed_at = now()
"""
