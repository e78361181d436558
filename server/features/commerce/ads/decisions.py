"""Which advertisement a viewer of a stream is shown now, with the tokens by which their client tells of it."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from typing import Any, Final

from server.features.commerce.ads import showing_queries as queries
from server.features.commerce.ads.auction import Award, Context, Person, age_of, decide
from server.features.commerce.ads.running import Leases, Running
from server.features.commerce.ads.tokens import CLICK, Asker, Decision, Place, Tokens
from server.http.errors import not_found
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer
from storage.ids import Ids
from storage.postgres import Database, Row
from storage.seen_streams import SeenStream, seen_stream

MOST_TRIES: Final = 5
SKIP_AFTER_MS: Final = 5_000
ADULT: Final = 18
QUARTERS: Final = ("0", "25", "50", "75", "100")


class Decisions:
    """``a_day``: that a viewer is shown at most. ``gap``: between two of a viewer, at least."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], dt.datetime],
        running: Running,
        leases: Leases,
        tokens: Tokens,
        addresses: MediaAddresses,
        a_day: int,
        gap: dt.timedelta,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._running = running
        self._leases = leases
        self._tokens = tokens
        self._addresses = addresses
        self._a_day = a_day
        self._gap = gap

    async def decide(
        self, viewer: Viewer, asker: Asker, stream_id: str, *, place: Place, break_id: str | None
    ) -> dict[str, Any] | None:
        """None: nothing is shown. Raises a 404 for a stream that the viewer may not know of, and a 451."""
        stream = await seen_stream(self._db, stream_id, viewer.id)
        if stream is None:
            raise not_found("There is no such stream")
        stream.require_for(viewer.id, viewer.country)
        now = self._now()
        pseudonym = self._tokens.viewer(asker.who, now.date())
        row = await self._db.fetchrow(queries.CONTEXT, stream.id, viewer.id, pseudonym, now.date())
        if row is None or not self._is_time(stream, viewer, row, now):
            return None
        if place == "mid" and not await self._db.fetchval(queries.IS_BREAK, break_id, stream.id):
            return None
        award, lease_id = await self._awarded(_context(stream, viewer, row, now))
        if award is None or lease_id is None:
            return None
        decision = Decision(
            id=self._ids.uuid7(now.timestamp()), campaign_id=award.campaign.id, creative_id=award.creative.id,
            lease_id=lease_id, stream_id=stream.id, creator_id=stream.owner_id, viewer=pseudonym, price=award.price,
            at_ms=int(now.timestamp() * 1000), duration_ms=award.creative.duration_ms, place=place,
        )  # fmt: skip
        return self._told(decision, award, viewer)

    def _is_time(self, stream: SeenStream, viewer: Viewer, row: Row, now: dt.datetime) -> bool:
        """Whether anything may be shown at all."""
        if not stream.is_on_air or viewer.id == stream.owner_id or not row["is_on"]:
            return False
        if sum(row["shown"].values()) >= self._a_day:
            return False
        return row["last_at"] is None or now - row["last_at"] >= self._gap

    async def _awarded(self, context: Context) -> tuple[Award | None, str | None]:
        """The best for which there is money here, which is set aside."""
        index = await self._running.index()
        without = self._leases.dry()
        for _ in range(MOST_TRIES):
            award = decide(index, context, turn=secrets.randbelow(1 << 16), without=without)
            if award is None:
                return None, None
            lease_id = await self._leases.take(award.campaign.id, award.price)
            if lease_id is not None:
                return award, lease_id
            without.add(award.campaign.id)
        return None, None

    def _told(self, decision: Decision, award: Award, viewer: Viewer) -> dict[str, Any]:
        video = self._addresses.base("/vod", award.creative.video_id, viewer, is_open=True)
        beacons = {name: self._tokens.of(decision, part) for part, name in enumerate(QUARTERS)}
        return {
            "id": decision.id,
            "place": decision.place,
            "video": f"{video}/index.m3u8?view=advertisement",
            "duration_ms": decision.duration_ms,
            "skip_after_ms": SKIP_AFTER_MS,
            "click": f"/api/v1/ads/clicks/{self._tokens.of(decision, CLICK)}",
            "beacons": {name: f"/api/v1/ads/beacons/{token}" for name, token in beacons.items()},
        }


def _context(stream: SeenStream, viewer: Viewer, row: Row, now: dt.datetime) -> Context:
    return Context(
        now=now.timestamp(), creator_id=stream.owner_id, viewer_id=viewer.id, category=row["category"],
        language=row["language"].partition("-")[0], warnings=warnings_of(stream, row["warnings"]),
        refuses=frozenset(row["refuses"]), person=_person(viewer, row), shown=row["shown"],
    )  # fmt: skip


def warnings_of(stream: SeenStream, declared: list[str]) -> frozenset[str]:
    """What the stream is about, as its creator says and as it is restricted."""
    found = set(declared)
    if stream.restrictions.content_warning:
        found.add("warned")
    if (stream.restrictions.min_age or 0) >= ADULT:
        found.add("adult")
    return frozenset(found)


def _person(viewer: Viewer, row: Row) -> Person | None:
    """None without consent, and for who is under age or does not say how old they are."""
    if viewer.id is None or not row["consents"] or (row["years"] or 0) < ADULT:
        return None
    return Person(country=viewer.country, age=age_of(row["years"]), interests=frozenset(row["interests"]))
