"""Search over people, streams, recordings, clips and posts, and suggestions as one types, on Postgres alone.

The index is fed by facts and may be lost: it is made anew from what it indexes (``socialflow reindex``). Who may find
what is judged by each search, by the rules of the room that the document is of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from actors.events import StreamView
from actors.runtime import Node
from actors.stream_messages import DescribeStream
from server.feature import Feature, PersonalData, Platform
from server.features.discovery.search.consumers import Consumers
from server.features.discovery.search.filling import Filling, filling_of
from server.features.discovery.search.finding import Finding
from server.features.discovery.search.routes import SearchRoutes
from server.features.discovery.search.searching import MAX_WORDS, Searching
from server.features.discovery.search.shapes import MAX_QUERY, FoundPerson, FoundPost, FoundStream
from server.features.discovery.search.showing import FoundCommunities, FoundPosts, FoundStreams, People, Shown, Shows
from server.features.discovery.search.sources import SOURCES
from server.features.discovery.search.suggesting import Suggesting
from server.features.social.communities import CommunityLookups
from server.features.social.posts import Posts
from server.features.videos.clips import ClipsRoom
from server.jobs import repeated
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer
from storage.postgres import Database, Transaction
from storage.stream_pages import StreamPages

__all__ = ["FoundPerson", "FoundPost", "FoundPosts", "FoundStream", "FoundStreams", "People", "build", "indexing"]

FILL_EVERY_S: Final = 60.0
DUE_EVERY_S: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class SearchRoom:
    feature: Feature
    finding: Finding


def build(
    platform: Platform, *, addresses: MediaAddresses, clips: ClipsRoom, posts: Posts, communities: CommunityLookups
) -> SearchRoom:
    db = platform.db
    filling = filling_of(db, SOURCES)
    streams = FoundStreams(
        pages=StreamPages(db=db), addresses=addresses, describe=lambda one: _described(platform.node, one)
    )
    finding = Finding(
        searching=Searching(db=db),
        shows={
            "person": People(db=db).shown,
            "stream": streams.streams,
            "recording": streams.recordings,
            "clip": _clips(clips),
            "post": FoundPosts(db=db, posts=posts).shown,
            "community": FoundCommunities(db=db, communities=communities).shown,
        },
    )
    routes = SearchRoutes(finding=finding, suggesting=Suggesting(db=db), addresses=addresses)
    feature = Feature(
        name="search",
        operations=routes.operations(),
        consumers=Consumers(filling=filling).all(),
        schedules=[
            repeated("search.fill", filling.fill, every_s=FILL_EVERY_S),
            repeated("search.refresh", filling.refresh_due, every_s=DUE_EVERY_S),
        ],
        limits={"search_chars": MAX_QUERY, "search_words": MAX_WORDS},
        personal_data=PersonalData(tables=frozenset({"search_documents", "search_names"}), erase=_erase),
    )
    return SearchRoom(feature=feature, finding=finding)


def indexing(db: Database) -> Filling:
    """For a command that makes the index anew."""
    return filling_of(db, SOURCES)


def _clips(clips: ClipsRoom) -> Shows:
    async def shown(ids: Sequence[str], viewer: Viewer) -> Shown:
        return {one: {"kind": "clip", **item} for one, item in (await clips.listed(ids, viewer)).items()}

    return shown


async def _described(node: Node, stream_id: str) -> StreamView:
    return await node.ref("stream", stream_id).ask(DescribeStream())


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute("delete from search_names where person_id = $1", person_id)
    await tx.execute("delete from search_documents where author_id = $1", person_id)
