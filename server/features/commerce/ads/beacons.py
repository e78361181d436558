"""What clients tell of advertisements: each quarter once, in order, by the viewer, not faster than it can be seen.

The first one is the impression: with it the price is charged to the lease and earned by the creator, in one
transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

from server.features.commerce.ads import showing_queries as queries
from server.features.commerce.ads.running import TOKENS_FOR
from server.features.commerce.ads.tokens import CLICK, Asker, Decision, Tokens
from server.http.errors import Problem, not_found
from storage.postgres import Database, Transaction

SLACK: Final = 0.8
"""Of the time that a part takes: a player may be that much ahead of what was promised."""
AN_HOUR: Final = 60
"""Impressions of a viewer that are charged; seven seconds each and a gap between them come to fewer."""
FROM_AN_ADDRESS: Final = 600
"""Impressions of the guests of one address that are charged in an hour."""
HOUR: Final = dt.timedelta(hours=1)
CLICKED_WITHIN: Final = dt.timedelta(hours=1)
BURST: Final = "burst"


class Beacons:
    """``percent``: the creator's share of what an impression brings."""

    def __init__(self, *, db: Database, now: Callable[[], dt.datetime], tokens: Tokens, percent: int) -> None:
        self._db = db
        self._now = now
        self._tokens = tokens
        self._percent = percent

    async def take(self, token: str, asker: Asker) -> None:
        """Raises a 403 for a forged one and another viewer's, a 409 for one that comes again, too early, out of order
        or beyond the campaign's cap, and a 410 for an old one.
        """
        decision, part = self._read(token)
        if part == CLICK:
            raise forged()
        if not self._is_of(decision, asker):
            raise Problem(403, "This beacon is another viewer's", slug="beacon-of-another")
        now = self._now()
        age = now - decision.at
        if age >= TOKENS_FOR:
            raise Problem(410, "This beacon is too old", slug="beacon-expired")
        if part and age < dt.timedelta(milliseconds=decision.duration_ms * part * SLACK / 4):
            raise Problem(409, "So much cannot have been seen yet", slug="beacon-too-early")
        if part == 0:
            await self._impress(decision, asker, now)
        else:
            await self._progress(decision, part)

    async def click(self, token: str) -> str:
        """Where it leads. Raises a 403, and a 404 when the campaign is gone."""
        decision, part = self._read(token)
        if part != CLICK:
            raise forged()
        url: str | None = await self._db.fetchval(queries.CLICK_URL, decision.campaign_id)
        if url is None:
            raise not_found("This advertisement has gone")
        now = self._now()
        await self._db.execute(queries.CLICK, decision.id, now, now - CLICKED_WITHIN)
        return url

    def _read(self, token: str) -> tuple[Decision, int]:
        read = self._tokens.read(token)
        if read is None:
            raise forged()
        return read

    def _is_of(self, decision: Decision, asker: Asker) -> bool:
        """A guest's browser may have been given what it keeps together with the decision."""
        whos = [asker.who] if asker.person_id is not None else [asker.who, asker.place]
        return any(self._tokens.is_viewer(decision.viewer, who, decision.day) for who in whos)

    async def _is_burst(self, tx: Transaction, decision: Decision, source: str | None, now: dt.datetime) -> bool:
        """More than a viewer sees, or than the guests of one address do: what browsers keep is easily thrown away."""
        if await tx.fetchval(queries.IN_THE_LAST_HOUR, decision.viewer, now - HOUR, AN_HOUR) >= AN_HOUR:
            return True
        if source is None:
            return False
        found: int = await tx.fetchval(queries.FROM_THERE, source, now - HOUR, FROM_AN_ADDRESS)
        return found >= FROM_AN_ADDRESS

    async def _impress(self, decision: Decision, asker: Asker, now: dt.datetime) -> None:
        source = self._tokens.viewer(asker.place, decision.day) if asker.person_id is None else None
        async with self._db.transaction() as tx:
            fault = BURST if await self._is_burst(tx, decision, source, now) else ""
            told = decision.campaign_id, decision.creative_id, decision.stream_id, decision.viewer, decision.place
            price = 0 if fault else decision.price
            if await tx.fetchval(queries.ADD_IMPRESSION, decision.id, *told, price, fault, now, source) is None:
                raise repeated()
            if not fault:
                await self._charge(tx, decision, now)

    async def _charge(self, tx: Transaction, decision: Decision, now: dt.datetime) -> None:
        shown = await tx.fetchval(queries.COUNT_SHOWN, decision.viewer, decision.day, decision.campaign_id, now)
        if shown is None:
            raise Problem(409, "The viewer was shown it often enough today", slug="ad-cap-reached")
        if await tx.fetchval(queries.CHARGE, decision.lease_id, decision.price) is None:
            raise Problem(410, "The money for this is no longer set aside", slug="beacon-expired")
        await tx.execute(queries.EARN, decision.campaign_id, decision.creator_id, self._percent, decision.price)

    async def _progress(self, decision: Decision, part: int) -> None:
        if await self._db.fetchval(queries.SEEN, decision.id, 1 << part) is None:
            if await self._db.fetchval(queries.HAS_SEEN, decision.id, 1 << part):
                raise repeated()
            raise Problem(409, "What comes before it was not told of", slug="beacon-out-of-order")


def forged() -> Problem:
    return Problem(403, "This is no beacon of ours", slug="beacon-forged")


def repeated() -> Problem:
    return Problem(409, "This was told before", slug="beacon-repeated")
