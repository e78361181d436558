"""A right that ends ends everywhere within two seconds: every change, and every way to see or act, on another node."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import aiohttp
import pytest
import socketio

from bench.cluster import LocalCluster
from storage.postgres import Database
from tests.e2e.peers import Viewer, offer_sdp, viewing
from tests.e2e.people import PASSWORD, Account, Api, register
from tests.e2e.publishing import Publisher
from tests.e2e.talking import Talker, talker
from tests.e2e.waiting import until, until_true

ENDS_WITHIN_S = 2.0
PATIENCE_S = 20.0
"""For what a full machine does late: acts that are refused for want of time before, or work a moment longer after."""
AT_ONCE = 3
HEARS_WITHIN_S = 0.5
CLOSED = ("private", "followers", "password")
THUMB = "\U0001f44d"


@dataclass
class Show:
    """A stream on the first node, its publisher there, and what its owner is."""

    owner: Account
    publisher: Publisher
    stream_id: str
    room_id: str
    chat_client: Talker
    said: int = 0


@dataclass
class Seat:
    """Somebody who watches the show on the second node, in every way there is."""

    show: Show
    viewer: Account
    reader: Api
    """Asks for media: as the viewer of a public stream, by its signed addresses alone of one that is not for all."""
    socket: Talker
    whep: Viewer
    playback: Mapping[str, str]
    segment: str = ""
    numbers: list[int] = field(default_factory=lambda: [0])

    async def event(self, name: str, body: dict[str, Any]) -> bool:
        return bool((await asked(self.socket, name, body)).get("ok"))

    async def reads(self, path: str) -> bool:
        return (await self.reader.call("GET", path)).status == 200

    async def calls(self, path: str) -> bool:
        return (await self.viewer.call("GET", path)).status == 200

    def next(self) -> str:
        self.numbers[0] += 1
        return f"{id(self)}-{self.numbers[0]}"


Way = Callable[[Seat], Awaitable[bool]]


async def asked(socket: Talker, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """The acknowledgement; empty when the socket has been closed."""
    try:
        return await socket.ask(name, body, within_s=5.0)
    except (TimeoutError, socketio.exceptions.SocketIOError):
        return {}


async def sees_frames(seat: Seat) -> bool:
    before = list(seat.whep.frames["video"][-1:])
    await asyncio.sleep(HEARS_WITHIN_S)
    return bool(seat.whep.frames["video"]) and seat.whep.frames["video"][-1:] != before


async def opens_whep(seat: Seat) -> bool:
    answer = await offer_sdp(seat.reader, seat.playback["whep"], seat.whep.peer.localDescription.sdp)
    return answer.status == 201


async def hears_the_room(seat: Seat) -> bool:
    text, show = f"said to {seat.next()}", seat.show
    await asked(show.chat_client, "chat:send", {"room_id": show.room_id, "text": text, "client_id": text[-60:]})
    await asyncio.sleep(HEARS_WITHIN_S)
    return any(message.get("text") == text for message in seat.socket.messages)


async def is_present(seat: Seat) -> bool:
    answer = await asked(seat.show.chat_client, "presence:list", {"room_id": seat.show.room_id, "limit": 200})
    return any(user["id"] == seat.viewer.id for user in answer.get("users", ()))


def of_stream(name: str, **more: Any) -> Way:
    return lambda seat: seat.event(name, {"stream_id": seat.show.stream_id, **more})


def of_room(name: str, **more: Any) -> Way:
    return lambda seat: seat.event(name, {"room_id": seat.show.room_id, **more})


WRITE: dict[str, Way] = {
    "says something": lambda seat: seat.event(
        "chat:send", {"room_id": seat.show.room_id, "text": seat.next(), "client_id": seat.next()}
    ),
    "reacts": of_stream("stream:react", emoji=THUMB),
}
SEE: dict[str, Way] = {
    "is shown the room's messages": hears_the_room,
    "is present": is_present,
    "sees WebRTC frames": sees_frames,
    "opens a WebRTC session": opens_whep,
    "reads the stream": lambda seat: seat.calls(f"streams/{seat.show.stream_id}"),
    "reads the chat's replay": lambda seat: seat.calls(f"streams/{seat.show.stream_id}/chat"),
    "reads the HLS playlist": lambda seat: seat.reads(seat.playback["hls"]),
    "reads a segment": lambda seat: seat.reads(seat.segment),
    "reads the DASH manifest": lambda seat: seat.reads(seat.playback["dash"]),
    "reads the picture": lambda seat: seat.reads(seat.playback["thumbnail"]),
    "beats": of_stream("stream:heartbeat"),
    "joins": of_room("chat:join"),
    "reads the history": of_room("chat:history"),
    "lists who is there": of_room("presence:list"),
    "watches": of_stream("stream:watch"),
}
PUBLISH: dict[str, Way] = {"publishes": lambda seat: asyncio.sleep(0, seat.show.publisher.is_running)}
EVERYTHING = {**WRITE, **SEE}


def far() -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()


Change = Callable[[Seat, Api], Awaitable[Any]]


async def end_session(seat: Seat, admin: Api) -> None:
    await seat.viewer.done("POST", "auth/logout")


CHANGES: dict[str, tuple[str, Change, Mapping[str, Way]]] = {
    "the owner bans the viewer": (
        "public", lambda seat, _: seat.show.chat_client.ok(
            "chat:ban", {"room_id": seat.show.room_id, "user_id": seat.viewer.id}), WRITE),
    "the owner times the viewer out": (
        "public", lambda seat, _: seat.show.chat_client.ok(
            "chat:timeout", {"room_id": seat.show.room_id, "user_id": seat.viewer.id, "seconds": 600}), WRITE),
    "the owner blocks the viewer": (
        "public", lambda seat, _: seat.show.owner.done("PUT", f"users/{seat.viewer.username}/block"), EVERYTHING),
    "the viewer's session ends": ("public", end_session, EVERYTHING),
    "the viewer is suspended": (
        "public", lambda seat, admin: admin.done(
            "PATCH", f"admin/people/{seat.viewer.id}", {"suspended_until": far()}), EVERYTHING),
    "the viewer deletes their account": (
        "public", lambda seat, _: seat.viewer.done("DELETE", "me", {"password": PASSWORD}), EVERYTHING),
    "the stream becomes private": (
        "own", lambda seat, _: seat.show.owner.done(
            "PATCH", f"streams/{seat.show.stream_id}", {"visibility": "private"}), EVERYTHING),
    "the guest is uninvited": (
        "private", lambda seat, _: seat.show.owner.done(
            "DELETE", f"streams/{seat.show.stream_id}/guests/{seat.viewer.username}"), EVERYTHING),
    "the viewer follows the owner no longer": (
        "followers", lambda seat, _: seat.viewer.done("DELETE", f"users/{seat.show.owner.username}/follow"),
        EVERYTHING),
    "the owner changes the password": (
        "password", lambda seat, _: seat.show.owner.done(
            "PATCH", f"streams/{seat.show.stream_id}", {"password": "another one"}), EVERYTHING),
    "the owner is suspended": (
        "own", lambda seat, admin: admin.done(
            "PATCH", f"admin/people/{seat.show.owner.id}", {"suspended_until": far()}), {**EVERYTHING, **PUBLISH}),
    "the owner deletes their account": (
        "own", lambda seat, _: seat.show.owner.done("DELETE", "me", {"password": PASSWORD}),
        {**EVERYTHING, **PUBLISH}),
    "an admin takes the private stream down": (
        "private", lambda seat, admin: admin.done("DELETE", f"streams/{seat.show.stream_id}"),
        {**EVERYTHING, **PUBLISH}),
}  # fmt: skip


class Theatre:
    """Shows on one node, seats on another."""

    def __init__(self, cluster: LocalCluster, http: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        self.here, self.there = cluster.running[:2]
        self.http = http
        self.stack = stack
        self._public: asyncio.Task[Show] | None = None

    async def show(self, kind: str, stack: AsyncExitStack) -> Show:
        if kind != "public":
            return await self._open(kind if kind in CLOSED else "public", stack)
        if self._public is None:
            self._public = asyncio.ensure_future(self._open("public", self.stack))
        return await asyncio.shield(self._public)

    async def _open(self, visibility: str, stack: AsyncExitStack) -> Show:
        owner = await register(self.http, self.here.url, "owner")
        secret = {"password": PASSWORD} if visibility == "password" else {}
        made = await owner.prepare("A show", visibility=visibility, **secret)
        stream_id, key = made["stream"]["id"], made["ingest"]["stream_key"]
        publisher = stack.enter_context(Publisher(f"{self.here.rtmp}/{key}"))
        await owner.until_state(stream_id, "live", within_s=30)
        chat_client = await stack.enter_async_context(talker(self.here.url, owner.token))
        await chat_client.ok("stream:watch", {"stream_id": stream_id})
        return Show(owner, publisher, stream_id, made["stream"]["chat"]["room_id"], chat_client)

    async def seat(self, kind: str, stack: AsyncExitStack) -> Seat:
        show = await self.show(kind, stack)
        viewer = await register(self.http, self.there.url, "viewer")
        await self._let_in(kind, show, viewer)
        socket = await stack.enter_async_context(talker(self.there.url, viewer.token))

        async def watches() -> bool:
            return bool((await socket.ask("stream:watch", {"stream_id": show.stream_id})).get("ok"))

        await until(watches, within_s=30, what="a seat")
        playback = (await viewer.stream(show.stream_id))["playback"]
        reader = Api(self.http, self.there.url) if kind in CLOSED else viewer
        whep = await stack.enter_async_context(viewing())
        await whep.watch(reader, playback["whep"].removeprefix("/whep/"))
        seat = Seat(show, viewer, reader, socket, whep, playback)
        seat.segment = await self._segment(seat)
        await until_true(lambda: whep.frames["video"], within_s=30, what="a frame")
        return seat

    async def _let_in(self, kind: str, show: Show, viewer: Account) -> None:
        if kind == "private":
            await show.owner.done("PUT", f"streams/{show.stream_id}/guests/{viewer.username}")
        elif kind == "followers":
            await viewer.done("PUT", f"users/{show.owner.username}/follow")
        elif kind == "password":
            await viewer.done("PUT", f"streams/{show.stream_id}/grant", {"password": PASSWORD})

    async def _segment(self, seat: Seat) -> str:
        async def found() -> str | None:
            index = await seat.reader.call("GET", seat.playback["hls"])
            media = re.search(r"^[^#\s]\S*\.m3u8(?:\?\S*)?$", index.text, re.MULTILINE)
            if index.status != 200 or media is None:
                return None
            at = urljoin(seat.playback["hls"], media[0])
            segment = re.search(r"^\S+\.m4s$", (await seat.reader.call("GET", at)).text, re.MULTILINE)
            picture = await seat.reads(seat.playback["thumbnail"])
            return urljoin(at, segment[0]) if segment is not None and picture else None

        return str(await until(found, within_s=30, what=f"a segment and a picture of {seat.playback}"))


async def misbehave(seat: Seat, ways: Mapping[str, Way], *, works: bool) -> list[str]:
    """Those of the ways that do not work, or do, as they should; each is tried again for ``PATIENCE_S``."""
    deadline, wrong = time.monotonic() + PATIENCE_S, dict(ways)
    while True:
        did = await asyncio.gather(*(way(seat) for way in wrong.values()))
        wrong = {name: way for (name, way), worked in zip(wrong.items(), did, strict=True) if worked is not works}
        if not wrong or time.monotonic() > deadline:
            return list(wrong)


async def wrongs_of(theatre: Theatre, admin: Api, change: str) -> list[str]:
    kind = CHANGES[change][0]
    async with AsyncExitStack() as stack:
        return await wrongs_at(await theatre.seat(kind, stack), admin, change)


async def wrongs_at(seat: Seat, admin: Api, change: str) -> list[str]:
    _, carry_out, lost = CHANGES[change]
    ways = {**EVERYTHING, **PUBLISH}
    wrongs = [f"before {change}: not {way}" for way in await misbehave(seat, ways, works=True)]
    await carry_out(seat, admin)
    await asyncio.sleep(ENDS_WITHIN_S)
    wrongs += [f"after {change}: still {way}" for way in await misbehave(seat, lost, works=False)]
    if "watches" not in lost:
        kept = {name: way for name, way in ways.items() if name not in lost}
        wrongs += [f"after {change}: no more {way}" for way in await misbehave(seat, kept, works=True)]
    return wrongs


@pytest.fixture
async def admin(cluster: LocalCluster, http: aiohttp.ClientSession) -> Account:
    url = cluster.running[0].url
    person = await register(http, url, "operator")
    db = await Database.connect(cluster.database_url, max_connections=1)
    await db.execute("update users set roles = roles || array['admin'] where id = $1", person.id)
    await db.close()
    held = await Api(http, url).done("POST", "auth/login", {"login": person.username, "password": PASSWORD})
    return Account(http, url, held)


async def test_every_way_to_see_or_act_ends_with_the_right_to_it(
    cluster: LocalCluster, http: aiohttp.ClientSession, admin: Account
) -> None:
    async with AsyncExitStack() as stack:
        theatre = Theatre(cluster, http, stack)
        turns = asyncio.Semaphore(AT_ONCE)

        async def in_turn(change: str) -> list[str]:
            async with turns:
                return await wrongs_of(theatre, admin, change)

        found = await asyncio.gather(*(in_turn(change) for change in CHANGES))
    wrongs = [wrong for some in found for wrong in some]
    assert not wrongs, "\n".join(wrongs)
