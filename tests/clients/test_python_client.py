"""The Python client against a whole node, over connections that break."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from socialflow_client import (
    Attached,
    Client,
    ClientClosed,
    DeadlineExceeded,
    HttpRefused,
    Message,
    Refused,
    Room,
    SessionRevoked,
    SignInRequired,
)

from tests.clients.proxy import Proxy
from tests.e2e.waiting import until_true
from tests.server.features.uploads.conftest import png
from tests.server.live.conversing import begin
from tests.server.live.core_node import CoreNode, Person
from tests.server.live.test_message_attachments import uploaded
from tests.server.served import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")

_numbers = itertools.count()


@pytest_asyncio.fixture(loop_scope="module")
async def stream_id(ada: Person) -> str:
    made: str = (await ada.prepare(f"Stream {next(_numbers)}"))["id"]
    return made


@pytest_asyncio.fixture(loop_scope="module")
async def proxy(node: CoreNode) -> AsyncIterator[Proxy]:
    async with Proxy(node.app.ports.http_port) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def reader(proxy: Proxy, ada: Person) -> AsyncIterator[Client]:
    """The owner's, by way of the proxy."""
    async with Client(proxy.url, token=ada.token) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def writer(node: CoreNode, bob: Person) -> AsyncIterator[Client]:
    async with Client(node.served.url, token=bob.token) as client:
        yield client


async def read(room: Room, count: int) -> list[Message]:
    async with asyncio.timeout(60):
        return [await anext(room) for _ in range(count)]


async def post(client: Client, stream_id: str, texts: list[str]) -> None:
    """All of them, in this order."""
    room = await client.watch(stream_id)
    for text in texts:
        await room.send(text)
    await room.leave()


def numbered(count: int) -> list[str]:
    return [f"message {number}" for number in range(count)]


async def test_a_picture_is_sent_in_a_conversation(reader: Client, writer: Client, ada: Person, bob: Person) -> None:
    made = await begin(bob, ada)
    room, other = await reader.join(made["room_id"]), await writer.join(made["room_id"])
    await other.send("", attachments=[Attached(await uploaded(bob, png((8, 8))), "a blue square")])
    (picture,) = (await anext(room)).attachments
    assert (picture.kind, picture.alt, picture.width, picture.height) == ("image", "a blue square", 8, 8)


async def test_a_message_is_read_and_answered(reader: Client, writer: Client, stream_id: str) -> None:
    room, other = await reader.watch(stream_id), await writer.watch(stream_id)
    text = "مرحبًا 👩‍👩‍👧 <b>ñ</b>"
    sent = await other.send(text)
    message = await anext(room)
    assert (message.text, message.id, message.offset, message.is_mine) == (text, sent.id, sent.offset, False)
    assert message.user.username == "bob"
    answer = await room.send("hello", reply_to=message.id)
    (mine,) = await read(room, 1)
    assert (mine.id, mine.reply_to, mine.is_mine) == (answer.id, message.id, True)
    assert [one.text for one in await room.history()] == [text, "hello"]
    assert room.stream is not None
    assert room.stream.id == stream_id
    late = await writer.join(room.id)
    assert [one.text for one in late.recent] == [text, "hello"]


async def test_after_broken_connections_nothing_is_missed_and_nothing_comes_twice(
    reader: Client, writer: Client, proxy: Proxy, stream_id: str
) -> None:
    room = await reader.watch(stream_id)
    posting = asyncio.create_task(post(writer, stream_id, numbered(120)))
    seen = []
    for number in range(120):
        if number % 40 == 20:
            await proxy.cut_and_return()
        seen += await read(room, 1)
    await posting
    assert [message.text for message in seen] == numbered(120)


async def test_what_is_sent_while_the_connection_breaks_is_posted_once(
    reader: Client, writer: Client, proxy: Proxy, stream_id: str
) -> None:
    room, other = await reader.watch(stream_id), await writer.watch(stream_id)

    sent = [asyncio.create_task(room.send(text)) for text in numbered(10)]
    for _ in range(3):
        await proxy.cut_and_return()
    answers = await asyncio.gather(*sent)
    texts = [message.text for message in await read(other, 10)]
    assert sorted(texts) == numbered(10)
    assert len({answer.id for answer in answers}) == 10
    await room.send("last")
    assert (await anext(other)).text == "last"


async def test_a_slow_reader_gets_all_with_a_short_queue(reader: Client, writer: Client, stream_id: str) -> None:
    room = await reader.watch(stream_id, limit=10)
    await post(writer, stream_id, numbered(100))
    assert len(room._feed._queue) <= 10
    assert [message.text for message in await read(room, 100)] == numbered(100)


async def test_an_iteration_that_is_cancelled_leaves_its_messages_to_the_next(
    reader: Client, writer: Client, stream_id: str
) -> None:
    room = await reader.watch(stream_id)
    waiting = asyncio.create_task(anext(room))  # type: ignore[arg-type]  # a coroutine
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    await post(writer, stream_id, ["still there"])
    assert (await anext(room)).text == "still there"


async def test_closing_leaves_no_task_behind(node: CoreNode, ada: Person, stream_id: str) -> None:
    before = asyncio.all_tasks()
    async with Client(node.served.url, token=ada.token) as client:
        room = await client.watch(stream_id)
        reading = asyncio.create_task(anext(room, None))  # type: ignore[arg-type]  # a coroutine
        await client.stream(stream_id)
    assert await reading is None
    with pytest.raises(ClientClosed):
        await room.send("too late")

    def left() -> set[str]:
        tasks = {str(task) for task in asyncio.all_tasks() - before}
        return {task for task in tasks if "socialflow" in task or "engineio" in task or "socketio" in task}

    await until_true(lambda: not left(), within_s=30, what="the end of the client's tasks")


async def test_moderators_act_and_others_are_refused(
    reader: Client, writer: Client, bob: Person, stream_id: str
) -> None:
    room, other = await reader.watch(stream_id), await writer.watch(stream_id)
    sent = await other.send("rude")
    with pytest.raises(Refused) as refused:
        await other.time_out(bob.id)
    assert refused.value.code == "forbidden"
    async with room.events("chat:deleted", "chat:user_timed_out") as events:
        await room.delete(sent.id, reason="rude")
        await room.time_out(bob.id, seconds=60)
        assert [(await anext(events)).name for _ in range(2)] == ["chat:deleted", "chat:user_timed_out"]
    with pytest.raises(Refused) as refused:
        await other.send("more", deadline_s=5)
    assert refused.value.code == "timed_out"
    assert refused.value.retry_after_s is not None
    assert refused.value.retry_after_s > 5
    await room.unban(bob.id)
    await other.send("sorry")


async def test_a_poll_is_opened_voted_in_and_closed(reader: Client, writer: Client, stream_id: str) -> None:
    room, other = await reader.watch(stream_id), await writer.watch(stream_id)
    poll = await room.create_poll("Tea?", ["yes", "no"], seconds=60)
    await other.vote(poll.id, 1)
    closed = await room.close_poll(poll.id)
    assert [(option.text, option.votes) for option in closed.options] == [("yes", 0), ("no", 1)]
    assert [one.id for one in await other.polls()] == [poll.id]
    with pytest.raises(Refused) as refused:
        await room.create_poll("?", ["one"], seconds=60)
    assert refused.value.field is not None
    assert refused.value.field.startswith("options")


async def test_rest_calls_answer_in_shapes_and_refuse_by_type(reader: Client, stream_id: str) -> None:
    created = await reader.create_stream("Later", tags=["tea"])
    assert (created.stream.title, created.stream.tags) == ("Later", ("tea",))
    assert created.ingest.stream_key.startswith("sk_")
    assert stream_id in {stream.id async for stream in reader.streams(state="scheduled", owner="ada")}
    with pytest.raises(HttpRefused) as refused:
        await reader.create_stream("")
    assert (refused.value.status, refused.value.code, refused.value.field) == (422, "invalid", "title")
    with pytest.raises(HttpRefused) as refused:
        await reader.stream("01900000-0000-7000-8000-000000000000")
    assert refused.value.status == 404
    with pytest.raises(Refused) as missing:
        await reader.watch("01900000-0000-7000-8000-000000000000")
    assert missing.value.code == "not_found"


async def test_a_token_that_is_not_taken_is_renewed_and_a_fixed_one_is_an_error(
    proxy: Proxy, node: CoreNode, ada: Person, stream_id: str
) -> None:
    offered = iter(["stale", ada.token])

    async def renew() -> str:
        return next(offered)

    async with Client(proxy.url, token=renew) as client:
        assert (await client.watch(stream_id)).stream is not None
    offered = iter(["stale", ada.token])
    async with Client(proxy.url, token=renew) as client:
        assert (await client.call("GET", "/me"))["username"] == "ada"
    async with Client(proxy.url, token="stale") as client:
        with pytest.raises(SignInRequired):
            await client.watch(stream_id)
        with pytest.raises(SignInRequired):
            await client.call("GET", "/me")


async def test_a_login_by_password_signs_in_and_refreshes(node: CoreNode, bob: Person) -> None:
    async with Client.login(node.served.url, "bob", PASSWORD) as client:
        first = await client._tokens.current()
        assert (await client.call("GET", "/me"))["username"] == "bob"
        second = await client._tokens.renewed(first)
        assert second != first
        assert (await client.call("GET", "/me"))["username"] == "bob"
    async with Client.login(node.served.url, "bob", "wrong password") as client:
        with pytest.raises(HttpRefused) as refused:
            await client.call("GET", "/me")
        assert refused.value.status == 401


async def test_a_session_that_is_revoked_ends_all_with_an_error(node: CoreNode, stream_id: str) -> None:
    person = await node.person(f"revoked{next(_numbers)}")
    async with Client(node.served.url, token=person.token) as client:
        room = await client.watch(stream_id)
        reading = asyncio.create_task(anext(room))  # type: ignore[arg-type]  # a coroutine
        await client.call("POST", "/auth/logout")
        with pytest.raises(SessionRevoked):
            await asyncio.wait_for(reading, 30)
        with pytest.raises(SessionRevoked):
            await room.send("too late")


async def test_without_a_server_the_deadline_ends_it(proxy: Proxy, ada: Person, stream_id: str) -> None:
    proxy.is_open = False
    async with Client(proxy.url, token=ada.token) as client:
        with pytest.raises(DeadlineExceeded):
            await client.watch(stream_id, deadline_s=0.5)
        with pytest.raises(DeadlineExceeded) as late:
            await client.ask("chat:send", {"client_id": "mine"}, deadline_s=0.2)
        assert late.value.client_id == "mine"
        with pytest.raises(DeadlineExceeded):
            await client.call("GET", "/server", deadline_s=0.3)


async def test_a_guest_reads(node: CoreNode, writer: Client, stream_id: str) -> None:
    async with Client(node.served.url) as guest:
        room = await guest.watch(stream_id)
        await post(writer, stream_id, ["for all"])
        assert (await anext(room)).text == "for all"
        with pytest.raises(Refused) as refused:
            await room.send("me too")
        assert refused.value.code == "unauthenticated"
