"""A streamer with something to clip: on the air, or recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from actors.chat_log import ChatEntry
from media.control import Packaged
from media.hls.events import Event, InitReady, SegmentReady
from media.hls.folder import RunFolder
from media.hls.muxer import Muxer
from server.live.playback import Playback
from storage.chat import PostgresChatLog
from storage.ids import Ids
from storage.leases import Leases
from storage.recording import Init, Recordings, Segment
from tests.media.hls.sources import encode, live
from tests.server.kit import Kit
from tests.server.live.test_hls import view
from tests.server.served import Served

SECONDS = 13
IDS = Ids()


def new_id() -> str:
    return IDS.uuid7(datetime.now(UTC).timestamp())


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """What a packager says of thirteen seconds of pictures and sound that go on."""
    muxer = Muxer(folder=RunFolder(path=tmp_path_factory.mktemp("run")), publication=1)
    encoded = encode(seconds=SECONDS)
    return muxer.feed(live(*encoded.tracks, units=encoded.units))


@dataclass(frozen=True)
class Stream:
    id: str
    room_id: str
    owner_id: str


@dataclass
class Stage:
    """``ada`` streams, ``bob`` watches: their access tokens."""

    kit: Kit
    served: Served
    media: list[Event]
    ada: str
    bob: str

    async def id_of(self, token: str) -> str:
        _, me = await self.served.call("GET", "/me", token=token)
        person_id: str = me["id"]
        return person_id

    async def stream(self, *, state: str = "ended", visibility: str = "public") -> Stream:
        made = Stream(new_id(), new_id(), await self.id_of(self.ada))
        await self.kit.database.execute(
            "insert into streams (id, owner_id, room_id, title, visibility, stream_key, state, publication)"
            " values ($1, $2, $3, 'Late show', $4, $1::uuid::text, $5, 1)",
            made.id, made.owner_id, made.room_id, visibility, state,
        )  # fmt: skip
        await self.kit.database.execute(
            "insert into chat_rooms (id, stream_id, owner_id, log_epoch) values ($1, $2, $3, 'e')",
            made.room_id, made.id, made.owner_id,
        )  # fmt: skip
        return made

    async def recorded(self, **options: Any) -> Stream:
        """A stream that has ended, with its recording."""
        stream = await self.stream(**options)
        fence = await Leases(db=self.kit.database).fence_of("stream", stream.id)
        objects = self.kit.platform().objects
        inits, segments = [], []
        for event in self.media:
            if isinstance(event, InitReady):
                key = f"streams/{stream.id}/{event.name}"
                await objects.put(key, Path(event.path), content_type="video/mp4")
                about = {name: getattr(event, name) for name in event.__struct_fields__}
                inits.append(Init(rendition=event.rendition, name=event.name, object_key=key, info=about))
            if isinstance(event, SegmentReady):
                key = f"streams/{stream.id}/{event.name}"
                await objects.put(key, Path(event.path), content_type="video/mp4")
                segments.append(_row(event, stream.id, key))
        await Recordings(db=self.kit.database).add(stream.id, segments=segments, inits=inits, fence=fence)
        return stream

    async def on_air(self, **options: Any) -> Stream:
        """A stream that is published on this node; nothing of it is stored."""
        stream = await self.stream(state="live", **options)
        assert self.kit.playback is not None
        await self.kit.playback.prepare(view(id=stream.id))
        for event in self.media:
            self.kit.playback.packaged(Packaged(stream_id=stream.id, publication=1, event=event))
        return stream

    async def say(self, stream: Stream, person_id: str, text: str, *, at_ms: int) -> str:
        """A message of the stream's room; its id."""
        log = PostgresChatLog(db=self.kit.database)
        fence = await Leases(db=self.kit.database).fence_of("chat", stream.room_id)
        entry = ChatEntry(
            room_id=stream.room_id, shard=fence.shard, epoch=fence.epoch, id=new_id(), user_id=person_id,
            client_id=new_id(), text=text, reply_to=None, sent_at=datetime.now(UTC), media_time_ms=at_ms,
        )  # fmt: skip
        await log.append(entry)
        await log.close()
        return entry.id

    async def clip(self, stream: Stream, token: str | None = None, **body: Any) -> tuple[int, Any]:
        return await self.served.call(
            "POST", f"/streams/{stream.id}/clips", token=token or self.bob, json={"seconds": 5, **body}
        )

    async def made(self, stream: Stream, token: str | None = None, **body: Any) -> dict[str, Any]:
        status, answer = await self.clip(stream, token, **body)
        assert status == 201, answer
        clip: dict[str, Any] = answer["clip"]
        return clip

    async def get(self, path: str, *, token: str | None = None, **headers: str) -> tuple[int, bytes, Any]:
        """A file: status, bytes, headers."""
        sent = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        async with self.served.http.get(self.served.url + path, headers=sent) as answer:
            return answer.status, await answer.read(), answer.headers


def _row(event: SegmentReady, stream_id: str, key: str) -> Segment:
    return Segment(
        rendition=event.rendition, segment=event.segment, publication=1, object_key=key,
        init_key=f"streams/{stream_id}/{event.init}", init_name=event.init, media_time_ms=event.media_time_ms,
        duration_ms=event.duration_s * 1000, bytes=event.size, started_at=datetime.now(UTC),
    )  # fmt: skip


@asynccontextmanager
async def staged(kit: Kit, media: list[Event], **settings: Any) -> AsyncIterator[Stage]:
    kit.playback = Playback(recordings=Recordings(db=kit.database))
    async with kit.serve(**settings) as served:
        yield Stage(kit, served, media, await served.register("ada"), await served.register("bob"))


@pytest.fixture
async def stage(kit: Kit, media: list[Event]) -> AsyncIterator[Stage]:
    async with staged(kit, media) as made:
        yield made
