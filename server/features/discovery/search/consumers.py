"""What has happened to people, streams and clips, as the index has to know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.discovery.search.filling import Filling
from server.features.people.facts import (
    AccountCreated,
    AccountDeleted,
    AccountRestored,
    FollowChanged,
    ProfileChanged,
)
from server.features.videos.clips.facts import ClipMade
from storage.facts import Consumer
from storage.postgres import Transaction
from storage.stream_facts import RecordingReady, StreamDescribed, StreamEnded, StreamStarted

PersonFact = AccountCreated | AccountDeleted | AccountRestored | ProfileChanged
StreamFact = StreamDescribed | StreamStarted | StreamEnded | RecordingReady


class Consumers:
    def __init__(self, *, filling: Filling) -> None:
        self._filling = filling

    def all(self) -> Sequence[Consumer[Any]]:
        return [
            Consumer(AccountCreated, self._person),
            Consumer(AccountDeleted, self._person),
            Consumer(AccountRestored, self._person),
            Consumer(ProfileChanged, self._person),
            Consumer(StreamDescribed, self._stream),
            Consumer(StreamStarted, self._stream),
            Consumer(StreamEnded, self._stream),
            Consumer(RecordingReady, self._stream),
            Consumer(FollowChanged, self._followed),
            Consumer(ClipMade, self._clip),
        ]

    async def _person(self, tx: Transaction, fact: PersonFact) -> None:
        await self._filling.refresh(tx, "person", [fact.person_id])
        if isinstance(fact, ProfileChanged):
            await tx.execute(_NOTE_STREAMS, fact.person_id)

    async def _followed(self, tx: Transaction, fact: FollowChanged) -> None:
        await self._filling.note(tx, "person", [fact.followee_id])

    async def _stream(self, tx: Transaction, fact: StreamFact) -> None:
        await self._filling.refresh(tx, "stream", [fact.stream_id])
        await self._filling.refresh(tx, "recording", [fact.stream_id])

    async def _clip(self, tx: Transaction, fact: ClipMade) -> None:
        await self._filling.refresh(tx, "clip", [fact.clip_id])


_NOTE_STREAMS: Final = """
insert into search_due (kind, id) select kind, id from search_documents
where author_id = $1 and kind in ('stream', 'recording', 'clip') order by kind, id limit 1000 on conflict do nothing
"""
