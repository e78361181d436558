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
from server.features.social.communities.facts import CommunityChanged, CommunityMembership, CommunityRole
from server.features.social.posts.facts import PostEdited, PostPublished, PostReacted, PostRemoved
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
            Consumer(PostPublished, self._published),
            Consumer(PostEdited, self._post),
            Consumer(PostRemoved, self._post),
            Consumer(PostReacted, self._reacted),
            Consumer(CommunityChanged, self._community),
            Consumer(CommunityRole, self._community),
            Consumer(CommunityMembership, self._joined),
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

    async def _post(self, tx: Transaction, fact: PostEdited | PostRemoved | PostPublished) -> None:
        await self._filling.refresh(tx, "post", [fact.post_id])

    async def _published(self, tx: Transaction, fact: PostPublished) -> None:
        """What it answers, quotes or repeats is more popular now."""
        await self._post(tx, fact)
        of = (fact.reply_to, fact.quote_of, fact.repost_of)
        await self._filling.note(tx, "post", [one for one in of if one is not None])

    async def _reacted(self, tx: Transaction, fact: PostReacted) -> None:
        await self._filling.note(tx, "post", [fact.post_id])

    async def _community(self, tx: Transaction, fact: CommunityChanged | CommunityRole) -> None:
        await self._filling.refresh(tx, "community", [fact.community_id])

    async def _joined(self, tx: Transaction, fact: CommunityMembership) -> None:
        await self._filling.note(tx, "community", [fact.community_id])


_NOTE_STREAMS: Final = """
insert into search_due (kind, id) select kind, id from search_documents
where author_id = $1 and kind in ('stream', 'recording', 'clip') order by kind, id limit 1000 on conflict do nothing
"""
