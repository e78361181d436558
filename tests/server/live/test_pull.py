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
        self.headers: dict[str, str] = {"Cache-Control": "no-cache", "ETag": '"p"', "Server-Timing": "x"}

    async def handle(self, request: web.Request) -> web.Response:
        self.asked[request.path_qs] += 1
        self.authorizations.append(request.headers.get("Authorization", ""))
        await self.gate.wait()
        return web.Response(status=self.status, headers=self.headers, body=self.body)


class Site:
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
        async with asyncio.timeout(5):
            while self.origin.asked.total() < count:  # noqa: ASYNC110 - turns of the loop
                await asyncio.sleep(0)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    await made.open()
    yield made
    made.origin.gate.set()
    await made.pull.close()
    await made.server.close()


async def test_an_answer_comes_as_the_other_node_gave_it_without_what_is_its_own_business(site: Site) -> None:
    answer = await site.get("/hls/s/video.m3u8?_HLS_msn=3&_HLS_part=1")
    assert (answer.status, answer.body) == (200, b"media")
    assert (answer.headers["Cache-Control"], answer.headers["ETag"]) == ("no-cache", '"p"')
    assert "Server-Timing" not in answer.headers
    assert site.origin.asked == {"/hls/s/video.m3u8?_HLS_msn=3&_HLS_part=1": 1}


async def test_however_many_ask_at_once_the_other_node_is_asked_once(site: Site) -> None:
    site.origin.gate.clear()
    asking = [asyncio.ensure_future(site.get()) for _ in range(200)]
    await site.until_asked(1)
    site.origin.gate.set()
    assert {answer.body for answer in await asyncio.gather(*asking)} == {b"media"}
    assert site.origin.asked.total() == 1


async def test_a_playlist_is_asked_for_again_each_time(site: Site) -> None:
    for _ in range(3):
        await site.get()
    assert site.origin.asked.total() == 3


async def test_what_never_changes_is_asked_for_once(site: Site) -> None:
    site.origin.headers = FOREVER
    for _ in range(3):
        assert (await site.get("/hls/s/video/1/1.m4s")).body == b"media"
    assert site.origin.asked.total() == 1


async def test_a_failure_is_not_kept_whatever_its_headers_say(site: Site) -> None:
    site.origin.headers, site.origin.status = FOREVER, 404
    assert (await site.get("/hls/s/video/1/1.m4s")).status == 404
    site.origin.status = 200
    assert (await site.get("/hls/s/video/1/1.m4s")).status == 200


async def test_somebody_who_has_it_already_is_not_sent_it_again(site: Site) -> None:
    site.origin.headers = FOREVER
    for _ in range(2):
        answer = await site.get("/hls/s/video/1/1.m4s", If_None_Match='"e"')
        assert (answer.status, answer.body) == (304, None)
    assert (await site.get("/hls/s/video/1/1.m4s", If_None_Match='"other"')).status == 200


async def test_media_of_another_node_is_served_in_part_and_text_compressed(site: Site) -> None:
    site.origin.headers = FOREVER
    part = await site.get("/hls/s/video/1/1.m4s", Range="bytes=1-2")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"ed", "bytes 1-2/5")
    whole = await site.get("/hls/s/video/1/1.m4s", Range="bytes=1-2", If_Range='"other"')
    assert (whole.status, whole.body) == (200, b"media")
    site.origin.headers = {"ETag": '"p"', "Content-Type": "application/vnd.apple.mpegurl"}
    site.origin.body = b"#EXTINF\n" * 1_000
    text = await site.get(Accept_Encoding="gzip", If_None_Match='"p"')
    assert (text.status, text.headers["ETag"], text.headers["Vary"]) == (200, '"p-gz"', "Accept-Encoding")
    assert (await site.get(Accept_Encoding="gzip", If_None_Match='W/"p-gz"')).status == 304
    assert (await site.get(If_None_Match="*")).status == 304


async def test_what_one_person_may_see_is_not_given_to_another(site: Site) -> None:
    site.origin.headers = FOREVER
    await site.get("/hls/s/video/1/1.m4s", Authorization="Bearer ann")
    site.origin.status = 404
    assert (await site.get("/hls/s/video/1/1.m4s", Authorization="Bearer bob")).status == 404
    assert (await site.get("/hls/s/video/1/1.m4s")).status == 404
    assert (await site.get("/hls/s/video/1/1.m4s", Authorization="Bearer ann")).status == 200
    assert site.origin.authorizations == ["Bearer ann", "Bearer bob", ""]


async def test_the_longest_unused_goes_first_when_there_is_no_more_room(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_module, "MAX_KEPT_BYTES", 2_500)
    site.origin.headers, site.origin.body = FOREVER, b"x" * 1_000
    for name in ("1", "2", "1", "3", "1", "3", "2"):
        await site.get(f"/{name}")
    assert site.origin.asked == {"/1": 1, "/2": 2, "/3": 1}
    assert site.pull._kept_bytes == 2_000


async def test_a_file_that_fills_the_whole_room_leaves_it_empty_and_is_sent(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_module, "MAX_KEPT_BYTES", 500)
    site.origin.headers, site.origin.body = FOREVER, b"x" * 1_000
    assert (await site.get("/1")).body == site.origin.body
    assert (site.pull._kept_bytes, len(site.pull._kept)) == (0, 0)


@pytest.mark.parametrize("is_packed", [False, True])
async def test_a_file_that_is_too_large_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch, is_packed: bool
) -> None:
    monkeypatch.setattr(pull_module, "MAX_BODY_BYTES", 1_000)
    body = b"x" * 1_001
    site.origin.body = gzip.compress(body) if is_packed else body
    site.origin.headers = {"Content-Encoding": "gzip"} if is_packed else {}
    assert (await site.refused()).status == 503
    site.origin.body, site.origin.headers = body[1:], {}
    assert (await site.get()).body == body[1:]


async def test_more_requests_under_way_than_the_bound_are_refused_and_the_others_are_not(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_module, "MAX_UNDER_WAY", 3)
    site.origin.gate.clear()
    asking = [asyncio.ensure_future(site.get(f"/{number}")) for number in range(3)]
    await site.until_asked(3)
    refused = await site.refused("/4")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    joined = asyncio.ensure_future(site.get("/1"))
    site.origin.gate.set()
    await asyncio.gather(*asking, joined)
    assert (await site.get("/4")).status == 200


async def test_one_that_goes_away_does_not_take_the_answer_from_the_others(site: Site) -> None:
    site.origin.gate.clear()
    first, second = (asyncio.ensure_future(site.get()) for _ in range(2))
    await site.until_asked(1)
    first.cancel()
    site.origin.gate.set()
    assert (await second).body == b"media"
    assert site.origin.asked.total() == 1


async def test_a_node_that_is_not_known_is_away(site: Site) -> None:
    assert not site.pull.can_reach("n9")
    assert site.pull.can_reach("n2")
    refused = await site.refused(node="n9")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")


async def test_a_node_that_does_not_listen_is_away_and_is_asked_again(site: Site) -> None:
    port = site.server.port
    site.addresses["n2"] = "http://127.0.0.1:1"
    assert (await site.refused()).status == 503
    site.addresses["n2"] = f"http://127.0.0.1:{port}"
    assert (await site.get()).status == 200


async def test_a_node_that_takes_too_long_is_away(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull_module, "FETCH_S", 0.05)
    site.origin.gate.clear()
    assert (await site.refused()).status == 503


async def test_a_node_that_breaks_off_in_the_middle_is_away(site: Site) -> None:
    async def break_off(reader: Any, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        writer.close()

    server = await asyncio.start_server(break_off, "127.0.0.1", 0)
    site.addresses["n2"] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    assert (await site.refused()).status == 503
    server.close()


async def test_a_close_ends_what_is_under_way(site: Site) -> None:
    site.origin.gate.clear()
    asking = asyncio.ensure_future(site.get())
    await site.until_asked(1)
    await site.pull.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not site.pull._under_way
