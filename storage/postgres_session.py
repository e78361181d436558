"""A connection of the pool: how it plans, and what it need not ask the server again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import asyncpg

from storage.plans import SWITCH
from storage.postgres_codecs import set_codecs

FIRST_OWN_OID: Final = 16_384
"""Below it are the types that Postgres is made with: they are the same for every connection (FirstNormalObjectId)."""

Types = dict[frozenset[int], Any]
"""What the server answers about types, by their ids."""


class _Asked(NamedTuple):
    """In place of the statement that asks for types, where it was not needed."""

    name: str = "known"


class Session(asyncpg.Connection):
    """It plans each statement anew until it is told otherwise."""

    plans_once: bool | None = False
    """How it plans now; None while that is not known."""
    _known: Types | None = None

    @property
    def itself(self) -> Session:
        """The connection within what the pool gives out for one use of it."""
        return self

    async def begin(self, known: Types) -> None:
        """``known`` is shared by the connections of a pool: the driver has every new one ask what arrays are made of,
        with a statement that takes the server longer to plan than hundreds of ours to run.
        """
        self._known = known
        await set_codecs(self)

    async def plan(self, *, once: bool) -> None:
        """Have what follows planned once, or each time. Not within a transaction."""
        if self.plans_once is once:
            return
        self.plans_once = None  # not known until the server has answered
        await self.execute(SWITCH[once])
        self.plans_once = once

    async def _introspect_types(self, typeoids: Iterable[int], timeout: float) -> Any:
        asked = frozenset(typeoids)
        known = self._known if max(asked) < FIRST_OWN_OID else None
        if known is not None and asked in known:
            return known[asked], _Asked()
        rows, statement = await super()._introspect_types(typeoids, timeout)  # type: ignore[misc]
        if known is not None:
            known[asked] = rows
        return rows, statement
