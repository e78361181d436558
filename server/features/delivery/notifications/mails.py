"""The mails of notifications: one of a single notification, and digests of what was not read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.features.delivery.notifications.preferences import Preferences
from server.features.delivery.notifications.shapes import NotificationShape
from server.features.delivery.notifications.words import about, path_of, sentence
from server.features.people.audience import Reader
from server.outbound.mail import Outbox, Recipient
from storage.postgres import Transaction

LIST: Final = "/notifications"


class Mails:
    """``tx``: a mail goes out when it commits. ``needs_verified``: only to addresses that were confirmed."""

    def __init__(self, *, outbox: Outbox, preferences: Preferences, per_day: int, needs_verified: bool) -> None:
        self._outbox = outbox
        self._preferences = preferences
        self._per_day = per_day
        self._needs_verified = needs_verified

    def refusal(self, reader: Reader, sent: int) -> str:
        """Why no mail goes to the reader, who was sent so many within a day; empty: one may."""
        if reader.email is None:
            return "there is no address"
        if self._needs_verified and not reader.is_verified:
            return "the address is not confirmed"
        return "too many mails within a day" if sent >= self._per_day else ""

    async def notification(self, tx: Transaction, reader: Reader, shape: NotificationShape, *, key: str) -> None:
        """Once for a key."""
        what, subject = sentence(shape, reader.language), about(shape)
        data = {
            "what": what,
            "lines": f"{what}\n{subject}" if subject else what,
            "link": path_of(shape),
            "unsubscribe": await self._preferences.unsubscribe_path(tx, reader.id, shape.kind),
        }
        await self._outbox.put(
            tx, to=_recipient(reader), template="notification", language=reader.language, data=data, key=key
        )

    async def digest(self, tx: Transaction, reader: Reader, shapes: Sequence[NotificationShape], *, key: str) -> None:
        """Once for a key."""
        lines = [f"{sentence(one, reader.language)}{': ' if about(one) else ''}{about(one)}" for one in shapes]
        data = {
            "lines": "\n".join(lines),
            "link": LIST,
            "unsubscribe": await self._preferences.unsubscribe_path(tx, reader.id, "digest"),
        }
        await self._outbox.put(
            tx, to=_recipient(reader), template="digest", language=reader.language, data=data, key=key
        )


def _recipient(reader: Reader) -> Recipient:
    assert reader.email is not None
    return Recipient(address=reader.email, name=reader.username, person_id=reader.id)
