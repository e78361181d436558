"""Who may publish: from a presented key to a grant, whatever the protocol it came over.

A stream's own key publishes that stream. A person's lasting key takes up the stream that it published last, else their
interrupted one, else the prepared or scheduled one nearest to now, else a new one with their last title and settings.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from actors.chat_rules import RESTRICTED, restricted
from actors.runtime import ActorId, DomainError, Node
from actors.stream_messages import ClaimPublish, Grant
from media.control import AuthorizePublish, Granted, Refused
from media.transcode.ladder import Policy
from storage.errors import Conflict
from storage.ids import Ids
from storage.stream import Streams, new_stream_key
from storage.stream_rows import Keyholder, NewStream, StreamRow

KEPT: Final = (
    "description",
    "category",
    "tags",
    "language",
    "visibility",
    "latency",
    "is_recorded",
    "transcode",
    "slate",
    "takeover",
    "restrictions",
)
"""What a new stream takes over from the one before, beside its title."""
NOT_VERIFIED: Final = "email_not_verified"

IDS_TRIED: Final = 64
"""For a new stream; on one of eight nodes all of them miss it once in five thousand times."""

log = logging.getLogger("server.ingest")


class Ingest:
    """Turns keys into grants. Two publishers with one lasting key are judged one after the other."""

    def __init__(
        self,
        *,
        streams: Streams,
        node: Node,
        ids: Ids,
        now: Callable[[], datetime],
        needs_verified_email: bool = False,
    ) -> None:
        self._streams = streams
        self._needs_verified_email = needs_verified_email
        self._node = node
        self._ids = ids
        self._now = now
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def authorize(self, request: AuthorizePublish) -> Granted | Refused:
        """The answer to a publisher of the media process; errors of a dependency raise."""
        try:
            return await self.claim(
                request.key, protocol=request.protocol, remote=request.remote, is_backup=request.is_backup
            )
        except DomainError as error:
            # RTMP has no word for it but that of a wrong key; the text says what to do.
            code = "bad_name" if error.code in (NOT_VERIFIED, RESTRICTED) else error.code
            return Refused(code=code, message=error.message)

    async def claim(
        self, key: str, *, protocol: str, remote: str, stream_id: str | None = None, is_backup: bool = False
    ) -> Granted:
        """Leave to publish.

        Raises ``DomainError``: ``bad_name``, ``email_not_verified``, ``restricted``, ``busy`` or ``ended``.
        """
        holder = await self._streams.by_key(key) if 0 < len(key) <= 200 else None
        if holder is None:
            raise DomainError("bad_name", "There is no such stream key.")
        await self._require_allowed(holder)
        claim = ClaimPublish(protocol=protocol, remote=remote, node=self._node.name, is_backup=is_backup)
        if isinstance(holder, StreamRow):
            if stream_id not in (None, holder.id):
                raise DomainError("bad_name", "This key is of another stream.")
            return await self._ask(holder.id, claim)
        lock = self._locks.setdefault(holder.user_id, asyncio.Lock())
        async with lock:
            claim = msgspec.structs.replace(claim, is_lasting=True)
            if stream_id is not None:
                await self._require_owner(holder, stream_id)
                return await self._ask(stream_id, claim)
            return await self._take_up(holder, claim)

    async def _require_allowed(self, holder: StreamRow | Keyholder) -> None:
        owner_id = holder.owner.id if isinstance(holder, StreamRow) else holder.user_id
        if self._needs_verified_email and not await self._streams.has_verified_address(owner_id):
            raise DomainError(NOT_VERIFIED, "Verify your e-mail address first.")
        await self.require_unrestricted(owner_id)

    async def require_unrestricted(self, person_id: str) -> None:
        """Raise ``restricted`` for a person whom moderators of the server do not let go live."""
        until = await self._streams.restricted_until(person_id)
        if until is not None and until > self._now():
            raise restricted(until)

    async def _ask(self, stream_id: str, claim: ClaimPublish) -> Granted:
        grant = granted(await self._node.ref("stream", stream_id).ask(claim))
        grant = msgspec.structs.replace(grant, muted_until_ms=await self._streams.muted_until_ms(stream_id))
        if not grant.has_slate:
            return grant
        return msgspec.structs.replace(grant, slate_picture=await self._streams.slate_picture(grant.owner_id))

    async def _take_up(self, holder: Keyholder, claim: ClaimPublish) -> Granted:
        """The stream that this key published last is its own, and busy means refused. Others are tried in order, the
        live ones too: after a restart that is what the publisher's own stream is stored as."""
        rows = await self._streams.open_of(holder.user_id, now=self._now())
        for row in sorted(rows, key=lambda row: not row.is_lasting):
            try:
                return await self._ask(row.id, claim)
            except DomainError as refusal:
                if refusal.code not in ("busy", "ended", "not_found") or (refusal.code == "busy" and row.is_lasting):
                    raise
        new = await self._create(holder)
        return await self._ask(new.id, claim)

    async def _create(self, holder: Keyholder) -> StreamRow:
        last = await self._streams.last_of(holder.user_id)
        title = last.title if last is not None else f"{holder.username} is live"
        new = self.new_stream(owner_id=holder.user_id, title=title)
        if last is not None:
            kept = {name: getattr(last, name) for name in KEPT}
            new = msgspec.structs.replace(new, **kept, password_of=last.id)
        return await self._streams.create(new)

    def new_stream(self, *, owner_id: str, title: str) -> NewStream:
        """A stream with fresh ids and key, and defaults for the rest."""
        at = self._now().timestamp()
        return NewStream(
            id=self._id_at_home(at),
            room_id=self._ids.uuid7(at),
            owner_id=owner_id,
            title=title,
            stream_key=new_stream_key(),
            log_epoch=self._ids.uuid7(at),
        )

    def _id_at_home(self, at: float) -> str:
        """An id whose actor lives on this node: here its publisher comes in most likely, or has come in already."""
        for _ in range(IDS_TRIED):
            stream_id = self._ids.uuid7(at)
            placement = self._node.directory.cached(ActorId("stream", stream_id))
            if placement is not None and placement.node == self._node.name:
                break
        return stream_id

    async def _require_owner(self, holder: Keyholder, stream_id: str) -> None:
        row = await self._streams.load(stream_id)
        if row is None or row.owner.id != holder.user_id:
            raise DomainError("bad_name", "This key is of somebody else.")

    async def rotate_lasting_key(self, user_id: str) -> str:
        """A new lasting key; the old one does not publish any more from here on."""
        while True:
            key = new_stream_key()
            try:
                await self._streams.rotate_lasting_key(user_id, key)
            except Conflict:
                continue
            return key

    async def published_by(self, user_id: str) -> list[str]:
        """The person's open streams that were published with their lasting key."""
        return [row.id for row in await self._streams.open_of(user_id, now=self._now()) if row.is_lasting]


def granted(grant: Grant) -> Granted:
    return Granted(
        stream_id=grant.stream_id,
        epoch=grant.epoch,
        publication=grant.publication,
        first_segment=grant.first_segment,
        media_time_ms=grant.media_time_ms,
        latency=grant.latency,
        is_recorded=grant.is_recorded,
        owner_id=grant.owner_id,
        label=grant.label,
        transcode=msgspec.convert(grant.transcode, Policy),
        has_slate=grant.has_slate,
        takes_over=grant.takes_over,
        joins=grant.joins,
        is_backup=grant.is_backup,
    )
