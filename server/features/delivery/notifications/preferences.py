"""What people want to be notified of, by which channels, and when they are left alone."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from server.features.delivery.notifications import delivery_queries as queries
from server.features.delivery.notifications.kinds import BY_NAME, KINDS
from server.features.delivery.notifications.schedule import Digest, QuietHours, next_digest
from server.features.delivery.notifications.settings_shapes import (
    ChannelsBody,
    QuietHoursShape,
    SettingsBody,
    SettingsShape,
    channels,
)
from storage.postgres import Database, Reads, Row, Transaction


class HeldHours(Protocol):
    """Quiet hours that are not the person's to change: the time zone, begin and end, such as ``22:00``."""

    async def held(self, reads: Reads, person_id: str) -> tuple[str, str, str] | None: ...


class Preferences:
    def __init__(self, *, db: Database, now: Callable[[], datetime], hours: HeldHours) -> None:
        self._db = db
        self._hours = hours
        self._now = now

    async def of(self, person_id: str) -> SettingsShape:
        """With every kind and channel."""
        switched = {row["kind"]: _channels(row) for row in await self._db.fetch(queries.SETTINGS, person_id)}
        kinds = {kind.name: channels(kind, switched.get(kind.name)) for kind in KINDS}
        row = await self._db.fetchrow(queries.PREFERENCES, person_id)
        if row is None:
            return SettingsShape(kinds=kinds, time_zone="UTC", quiet_hours=None, digest="off", strangers="notify")
        return SettingsShape(
            kinds=kinds,
            time_zone=row["time_zone"],
            quiet_hours=_clock(quiet_hours(row)),
            digest=row["digest"],
            strangers=row["strangers"],
        )

    async def replace(self, person_id: str, wanted: SettingsBody) -> None:
        """All that the person has decided; hours that are held for them stay."""
        names, given = list(wanted.kinds), list(wanted.kinds.values())
        async with self._db.transaction() as tx:
            time_zone, quiet = await self._held(tx, person_id, wanted.time_zone, _minutes(wanted.quiet_hours))
            due = next_digest(self._now(), wanted.digest, time_zone, quiet)
            await tx.execute(queries.CLEAR_SETTINGS, person_id)
            await tx.execute(
                queries.SET, person_id, names, [one.in_app for one in given], [one.push for one in given],
                [one.email for one in given],
            )  # fmt: skip
            await tx.execute(
                queries.PREFER, person_id, time_zone, quiet.start if quiet else None,
                quiet.until if quiet else None, wanted.strangers, wanted.digest, due,
            )  # fmt: skip

    async def quiet_hours_of(self, person_id: str) -> tuple[str, tuple[str, str] | None]:
        """The time zone, and when by its clock they begin and end: ``22:00``."""
        row = await self._db.fetchrow(queries.PREFERENCES, person_id)
        shape = None if row is None else _clock(quiet_hours(row))
        return "UTC" if row is None else row["time_zone"], None if shape is None else (shape.start, shape.end)

    async def set_quiet_hours(self, person_id: str, time_zone: str, hours: tuple[str, str] | None) -> None:
        """All else stays as it is, and so do hours that are held for the person."""
        given = None if hours is None else QuietHours(_minute(hours[0]), _minute(hours[1]))
        async with self._db.transaction() as tx:
            time_zone, quiet = await self._held(tx, person_id, time_zone, given)
            row = await tx.fetchrow(queries.PREFERENCES, person_id)
            digest: Digest = row["digest"] if row is not None else "off"
            strangers = row["strangers"] if row is not None else "notify"
            due = next_digest(self._now(), digest, time_zone, quiet)
            await tx.execute(
                queries.PREFER, person_id, time_zone, quiet.start if quiet else None, quiet.until if quiet else None,
                strangers, digest, due,
            )  # fmt: skip

    async def _held(
        self, tx: Transaction, person_id: str, time_zone: str, quiet: QuietHours | None
    ) -> tuple[str, QuietHours | None]:
        held = await self._hours.held(tx, person_id)
        return (time_zone, quiet) if held is None else (held[0], QuietHours(_minute(held[1]), _minute(held[2])))

    async def unsubscribe_path(self, tx: Transaction, person_id: str, what: str) -> str:
        """Where the mails of a kind, or ``digest``, are switched off without signing in (RFC 8058)."""
        token = await tx.fetchval(queries.LINK_OF_PERSON, person_id, secrets.token_urlsafe(32))
        return f"/unsubscribe?token={token}&kind={what}"

    async def unsubscribe(self, token: str, what: str) -> bool:
        """Switch off the mails of a kind, the ``digest``, or ``all``. False for a token that nobody has."""
        async with self._db.transaction() as tx:
            person_id = await tx.fetchval(queries.HOLDER, token)
            if person_id is None:
                return False
            if what in ("digest", "all"):
                await tx.execute(queries.NO_DIGEST, person_id)
            kinds = list(BY_NAME) if what == "all" else [what] if what in BY_NAME else []
            await tx.execute(queries.NO_MAIL, person_id, kinds)
            return True


def quiet_hours(row: Row) -> QuietHours | None:
    """Of a row of preferences."""
    return None if row["quiet_from"] is None else QuietHours(row["quiet_from"], row["quiet_until"])


def _channels(row: Row) -> ChannelsBody:
    return ChannelsBody(in_app=row["in_app"], push=row["push"], email=bool(row["email"]))


def _minutes(shape: QuietHoursShape | None) -> QuietHours | None:
    return None if shape is None else QuietHours(_minute(shape.start), _minute(shape.end))


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _clock(hours: QuietHours | None) -> QuietHoursShape | None:
    if hours is None:
        return None
    start, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (hours.start, hours.until))
    return QuietHoursShape(start=start, end=end)
