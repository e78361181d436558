"""Who watches: counted exactly, whatever way they come and go, and remembered."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import aiohttp

from tests.e2e.conftest import NewPerson
from tests.e2e.people import Account
from tests.e2e.serving import Server
from tests.e2e.talking import Talker, talker
from tests.e2e.waiting import until


async def test_viewers_are_counted_exactly_as_they_come_and_go(
    server: Server, owner: Account, someone: NewPerson
) -> None:
    stream_id = (await owner.prepare("Counted"))["stream"]["id"]
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(talker(server.url))
        watched = await first.ok("stream:watch", {"stream_id": stream_id})
        assert watched["stream"]["id"] == stream_id
        assert watched["room"]["room_id"] == watched["stream"]["chat"]["room_id"]
        assert watched["room"]["messages"] == []
        person = await someone()
        sockets = [await stack.enter_async_context(talker(server.url, person.token)) for _ in range(5)]
        await asyncio.gather(*(socket.ok("stream:watch", {"stream_id": stream_id}) for socket in sockets))
        await _counts(first, stream_id, 6)
        await sockets[0].ok("stream:watch", {"stream_id": stream_id})
        await sockets[0].ok("stream:unwatch", {"stream_id": stream_id})
        await _counts(first, stream_id, 5)
        await sockets[1].close()
        await _counts(first, stream_id, 4)
        await _cut(sockets[2])
        await _counts(first, stream_id, 3)
        stream = await owner.until_stream(stream_id, lambda stream: stream["viewers"] == 3)
        assert stream["peak_viewers"] == 6
    stream = await owner.until_stream(stream_id, lambda stream: stream["viewers"] == 0)
    stream = await owner.until_stream(stream_id, lambda stream: stream["unique_viewers"] == 2, within_s=30)
    assert stream["peak_viewers"] == 6


async def _counts(socket: Talker, stream_id: str, count: int) -> None:
    def is_last() -> bool:
        heard = [body for body in socket.heard["stream:viewers"] if body["stream_id"] == stream_id]
        return bool(heard) and heard[-1]["viewers"] == count

    await socket.said(is_last, what=f"a count of {count}")


async def _cut(socket: Talker) -> None:
    """Drop the TCP connection without a word."""
    connection = socket.client.eio.ws._response.connection  # the client library has no public way to be rude
    assert connection is not None
    connection.transport.abort()
    async with asyncio.timeout(30):
        await socket.ended.wait()


async def test_watch_time_and_unique_viewers_are_written_down(
    server: Server, owner: Account, someone: NewPerson
) -> None:
    stream_id = (await owner.prepare("Timed"))["stream"]["id"]
    person = await someone()
    async with talker(server.url, person.token) as mine, talker(server.url) as guest:
        for socket in (mine, guest):
            await socket.ok("stream:watch", {"stream_id": stream_id})
        beat = {"stream_id": stream_id, "position_ms": 1200, "rendition": "video", "stalled_ms": 0, "latency_ms": 800}
        await mine.ok("stream:heartbeat", beat)
        stream = await owner.until_stream(stream_id, lambda stream: stream["watch_seconds"] >= 4, within_s=30)
        assert stream["unique_viewers"] == 2
    async with talker(server.url, person.token) as again:
        await again.ok("stream:watch", {"stream_id": stream_id})
    assert (await owner.until_stream(stream_id, lambda s: s["viewers"] == 0))["unique_viewers"] == 2


async def test_a_heartbeat_of_somebody_who_does_not_watch_is_refused(server: Server, owner: Account) -> None:
    stream_id = (await owner.prepare("Not watched"))["stream"]["id"]
    async with talker(server.url) as guest:
        assert (await guest.no("stream:heartbeat", {"stream_id": stream_id}))["code"] == "not_watching"
        assert (await guest.ok("stream:unwatch", {"stream_id": stream_id}))["ok"]


async def test_reactions_are_added_up_for_everybody(server: Server, owner: Account, someone: NewPerson) -> None:
    stream_id = (await owner.prepare("Loved"))["stream"]["id"]
    person = await someone()
    async with talker(server.url, person.token) as fan, talker(server.url) as guest:
        for socket in (fan, guest):
            await socket.ok("stream:watch", {"stream_id": stream_id})
        acks = await asyncio.gather(
            *(fan.ask("stream:react", {"stream_id": stream_id, "emoji": "\u2764\ufe0f"}) for _ in range(7))
        )
        assert all(ack["ok"] for ack in acks)
        await guest.said(
            lambda: sum(body["counts"].get("\u2764\ufe0f", 0) for body in guest.heard["stream:reactions"]) == 7
        )
        assert len(guest.heard["stream:reactions"]) < 7
        assert (await guest.no("stream:react", {"stream_id": stream_id, "emoji": "\u2764\ufe0f"}))[
            "code"
        ] == "unauthenticated"
        assert (await fan.no("stream:react", {"stream_id": stream_id, "emoji": "words"}))["field"] == "emoji"


async def test_reactions_of_a_person_are_bounded_with_a_time_to_wait(server: Server, owner: Account) -> None:
    stream_id = (await owner.prepare("Loved too much"))["stream"]["id"]
    async with talker(server.url, owner.token) as fan:
        await fan.ok("stream:watch", {"stream_id": stream_id})
        body = {"stream_id": stream_id, "emoji": "\U0001f389"}
        answers = await asyncio.gather(*(fan.ask("stream:react", body) for _ in range(180)))
        refused = [answer["error"] for answer in answers if not answer["ok"]]
        assert 40 <= len(refused) <= 80
        assert all(error["code"] == "rate_limited" and error["retry_after_ms"] >= 1 for error in refused)


async def test_presence_lists_each_person_once_and_counts_guests(
    server: Server, owner: Account, someone: NewPerson
) -> None:
    room_id = (await owner.prepare("Present"))["stream"]["chat"]["room_id"]
    person = await someone()
    async with (
        talker(server.url, person.token) as one,
        talker(server.url, person.token) as two,
        talker(server.url) as guest,
    ):
        for socket in (one, two, guest):
            await socket.ok("chat:join", {"room_id": room_id})
        present = await one.ok("presence:list", {"room_id": room_id})
        assert present["count"] == 2
        assert [user["username"] for user in present["users"]] == [person.username]
        await guest.ok("chat:leave", {"room_id": room_id})
        await one.close()
        await _present(two, room_id, 1)


async def _present(socket: Talker, room_id: str, count: int) -> None:
    async def read() -> bool:
        return (await socket.ok("presence:list", {"room_id": room_id}))["count"] == count

    await until(read, what=f"{count} present")


async def test_one_person_watching_from_many_places_leaves_with_a_logout(
    server: Server, http: aiohttp.ClientSession, someone: NewPerson
) -> None:
    person = await someone()
    async with talker(server.url, person.token) as one, talker(server.url, person.token) as two:
        await person.done("POST", "auth/logout", status=204)
        for socket in (one, two):
            async with asyncio.timeout(30):
                await socket.ended.wait()
            assert socket.heard["session:revoked"][0]["reason"]
    assert (await person.call("GET", "me")).status == 401


async def test_every_watcher_hears_of_a_scheduled_streams_end(server: Server, owner: Account) -> None:
    stream_id = (await owner.prepare("Cancelled"))["stream"]["id"]
    async with talker(server.url) as guest:
        await guest.ok("stream:watch", {"stream_id": stream_id})
        await owner.done("POST", f"streams/{stream_id}/end")
        body: dict[str, Any] = await guest.event("stream:state", lambda body: body["state"] == "ended")
        assert body["id"] == stream_id
        assert "ingest" not in body or body["ingest"] is None
