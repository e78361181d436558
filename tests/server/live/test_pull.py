"""Media that another node has, fetched over real HTTP."""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, make_mocked_request

from server.http.errors import Problem
from server.live import pull as pull_module
from server.live.pull import Pull

FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": '"e"', "Content-Type": "video/mp4"}


class Origin:
    """The node that has the stream: answers what a test lays out, when the test lets it."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.authorizations: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.body = b"media"
        self.status = 200
        self.headers: dict[str, str] = {
            "Cache-Control": "no-cache", "CDN-Cache-Control": "max-age=1", "ETag": '"p"', "Server-Timing": "x",
        }  # fmt: skip

    async def handle(self, request: web.Request) -> web.Response:
        self.asked[request.path_qs] += 1
        self.authorizations.append(request.headers.get("Authorization", ""))
        await self.gate.wait()
        return web.Response(status=self.status, headers=self.headers, body=self.body)


class PullFixture:
    """A node that pulls, and the one that it pulls from."""

    def __init__(self) -> None:
        self.origin = Origin()
        self.addresses: dict[str, str] = {}
        self.pull = Pull(address_of=lambda node: self.addresses.get(node, ""))

    async def open(self) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", self.origin.handle)
        self.server = TestServer(app)
        await self.server.start_server()
        self.addresses["n2"] = f"http://127.0.0.1:{self.server.port}"

    async def get(self, path: str = "/hls/s/video.m3u8", node: str = "n2", **headers: str) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.pull.answer(node, make_mocked_request("GET", path, headers=named))

    async def refused(self, path: str = "/hls/s/video.m3u8", node: str = "n2") -> Problem:
        with pytest.raises(Problem) as caught:
            await self.get(path, node)
        return caught.value

    async def until_asked(self, count: int) -> None:
        async with asyncio.timeout(30):
            while self.origin.asked.total() < count:  # noqa: ASYNC110 - turns of the loop
                await asyncio.sleep(0)


@pytest.fixture
async def fixture_node() -> AsyncIterator[PullFixture]:
    made = PullFixture()
    await made.open()
    yield made
    made.origin.gate.set()
    await made.pull.close()
    await made.server.close()


async def test_an_answer_comes_as_the_other_node_gave_it_without_what_is_its_own_business(
    fixture_node: PullFixture,
) -> None:
    answer = await fixture_node.get("/hls/s/video.m3u8?_HLS_msn=3&_HLS_part=1")
    assert (answer.status, answer.body) == (200, b"media")
    assert (answer.headers["Cache-Control"], answer.headers["ETag"]) == ("no-cache", '"p"')
    assert answer.headers["CDN-Cache-Control"] == "max-age=1"
    assert "Server-Timing" not in answer.headers
    assert fixture_node.origin.asked == {"/hls/s/video.m3u8?_HLS_msn=3&_HLS_part=1": 1}


async def test_however_many_ask_at_once_the_other_node_is_asked_once(fixture_node: PullFixture) -> None:
    fixture_node.origin.gate.clear()
    asking = [asyncio.ensure_future(fixture_node.get()) for _ in range(200)]
    await fixture_node.until_asked(1)
    fixture_node.origin.gate.set()
    assert {answer.body for answer in await asyncio.gather(*asking)} == {b"media"}
    assert fixture_node.origin.asked.total() == 1


async def test_a_playlist_is_asked_for_again_each_time(fixture_node: PullFixture) -> None:
    for _ in range(3):
        await fixture_node.get()
    assert fixture_node.origin.asked.total() == 3


async def test_what_never_changes_is_asked_for_once(fixture_node: PullFixture) -> None:
    fixture_node.origin.headers = FOREVER
    for _ in range(3):
        assert (await fixture_node.get("/hls/s/video/1/1.m4s")).body == b"media"
    assert fixture_node.origin.asked.total() == 1


async def test_a_failure_is_not_kept_whatever_its_headers_say(fixture_node: PullFixture) -> None:
    fixture_node.origin.headers, fixture_node.origin.status = FOREVER, 404
    assert (await fixture_node.get("/hls/s/video/1/1.m4s")).status == 404
    fixture_node.origin.status = 200
    assert (await fixture_node.get("/hls/s/video/1/1.m4s")).status == 200


async def test_somebody_who_has_it_already_is_not_sent_it_again(fixture_node: PullFixture) -> None:
    fixture_node.origin.headers = FOREVER
    for _ in range(2):
        answer = await fixture_node.get("/hls/s/video/1/1.m4s", If_None_Match='"e"')
        assert (answer.status, answer.body) == (304, None)
    assert (await fixture_node.get("/hls/s/video/1/1.m4s", If_None_Match='"other"')).status == 200


async def test_media_of_another_node_is_served_in_part_and_text_compressed(fixture_node: PullFixture) -> None:
    fixture_node.origin.headers = FOREVER
    part = await fixture_node.get("/hls/s/video/1/1.m4s", Range="bytes=1-2")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"ed", "bytes 1-2/5")
    whole = await fixture_node.get("/hls/s/video/1/1.m4s", Range="bytes=1-2", If_Range='"other"')
    assert (whole.status, whole.body) == (200, b"media")
    fixture_node.origin.headers = {"ETag": '"p"', "Content-Type": "application/vnd.apple.mpegurl"}
    fixture_node.origin.body = b"#EXTINF\n" * 1_000
    text = await fixture_node.get(Accept_Encoding="gzip", If_None_Match='"p"')
    assert (text.status, text.headers["ETag"], text.headers["Vary"]) == (200, '"p-gz"', "Accept-Encoding")
    assert (await fixture_node.get(Accept_Encoding="gzip", If_None_Match='W/"p-gz"')).status == 304
    assert (await fixture_node.get(If_None_Match="*")).status == 304


async def test_what_one_person_may_see_is_not_given_to_another(fixture_node: PullFixture) -> None:
    fixture_node.origin.headers = FOREVER
    await fixture_node.get("/hls/s/video/1/1.m4s", Authorization="Bearer ann")
    fixture_node.origin.status = 404
    assert (await fixture_node.get("/hls/s/video/1/1.m4s", Authorization="Bearer bob")).status == 404
    assert (await fixture_node.get("/hls/s/video/1/1.m4s")).status == 404
    assert (await fixture_node.get("/hls/s/video/1/1.m4s", Authorization="Bearer ann")).status == 200
    assert fixture_node.origin.authorizations == ["Bearer ann", "Bearer bob", ""]


async def test_the_longest_unused_goes_first_when_there_is_no_more_room(
    fixture_node: PullFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_module, "MAX_KEPT_BYTES", 2_500)
    fixture_node.origin.headers, fixture_node.origin.body = FOREVER, b"x" * 1_000
    for name in ("1", "2", "1", "3", "1", "3", "2"):
        await fixture_node.get(f"/{name}")
    assert fixture_node.origin.asked == {"/1": 1, "/2": 2, "/3": 1}
    assert fixture_node.pull._kept_bytes == 2_000


async def test_a_file_that_fills_the_whole_room_leaves_it_empty_and_is_sent(
    fixture_node: PullFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_module, "MAX_KEPT_BYTES", 500)
    fixture_node.origin.headers, fixture_node.origin.body = FOREVER, b"x" * 1_000
    assert (await fixture_node.get("/1")).body == fixture_node.origin.body
    assert (fixture_node.pull._kept_bytes, len(fixture_node.pull._kept)) == (0, 0)


@pytest.mark.parametrize("is_packed", [False, True])
async def test_a_file_that_is_too_large_is_refused(
    fixture_node: PullFixture, monkeypatch: pytest.MonkeyPatch, is_packed: bool
) -> None:
    monkeypatch.setattr(pull_module, "MAX_BODY_BYTES", 1_000)
    body = b"x" * 1_001
    fixture_node.origin.body = gzip.compress(body) if is_packed else body
    fixture_node.origin.headers = {"Content-Encoding": "gzip"} if is_packed else {}
    assert (await fixture_node.refused()).status == 503
    fixture_node.origin.body, fixture_node.origin.headers = body[1:], {}
    assert (await fixture_node.get()).body == body[1:]


async def test_more_requests_under_way_than_the_bound_are_refused_and_the_others_are_not(
    fixture_node: PullFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_module, "MAX_UNDER_WAY", 3)
    fixture_node.origin.gate.clear()
    asking = [asyncio.ensure_future(fixture_node.get(f"/{number}")) for number in range(3)]
    await fixture_node.until_asked(3)
    refused = await fixture_node.refused("/4")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    joined = asyncio.ensure_future(fixture_node.get("/1"))
    fixture_node.origin.gate.set()
    await asyncio.gather(*asking, joined)
    assert (await fixture_node.get("/4")).status == 200


async def test_one_that_goes_away_does_not_take_the_answer_from_the_others(fixture_node: PullFixture) -> None:
    fixture_node.origin.gate.clear()
    first, second = (asyncio.ensure_future(fixture_node.get()) for _ in range(2))
    await fixture_node.until_asked(1)
    first.cancel()
    fixture_node.origin.gate.set()
    assert (await second).body == b"media"
    assert fixture_node.origin.asked.total() == 1


async def test_a_node_that_is_not_known_is_away(fixture_node: PullFixture) -> None:
    assert not fixture_node.pull.can_reach("n9")
    assert fixture_node.pull.can_reach("n2")
    refused = await fixture_node.refused(node="n9")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")


async def test_a_node_that_does_not_listen_is_away_and_is_asked_again(fixture_node: PullFixture) -> None:
    port = fixture_node.server.port
    fixture_node.addresses["n2"] = "http://127.0.0.1:1"
    assert (await fixture_node.refused()).status == 503
    fixture_node.addresses["n2"] = f"http://127.0.0.1:{port}"
    assert (await fixture_node.get()).status == 200


async def test_a_node_that_takes_too_long_is_away(fixture_node: PullFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull_module, "FETCH_S", 0.05)
    fixture_node.origin.gate.clear()
    assert (await fixture_node.refused()).status == 503


async def test_a_node_that_breaks_off_in_the_middle_is_away(fixture_node: PullFixture) -> None:
    async def break_off(reader: Any, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        writer.close()

    server = await asyncio.start_server(break_off, "127.0.0.1", 0)
    fixture_node.addresses["n2"] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    assert (await fixture_node.refused()).status == 503
    server.close()


async def test_a_close_ends_what_is_under_way(fixture_node: PullFixture) -> None:
    fixture_node.origin.gate.clear()
    asking = asyncio.ensure_future(fixture_node.get())
    await fixture_node.until_asked(1)
    await fixture_node.pull.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not fixture_node.pull._under_way
