"""The HTTP port of a real server under bytes that are nearly requests."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re

import psutil
import pytest
from yarl import URL

from tests.e2e.conftest import OnTheAir
from tests.e2e.people import Account, Api
from tests.e2e.serving import Server
from tests.e2e.waiting import until_true
from tests.fuzz.conftest import Calm

_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3}) ")


async def _answer(port: int, sent: bytes, within_s: float = 0.5) -> bytes:
    """What comes until the server closes or has been silent for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    with contextlib.suppress(ConnectionError, TimeoutError):
        writer.write(sent)
        while piece := await asyncio.wait_for(reader.read(65_536), within_s):
            got += piece
    writer.transport.abort()
    return got


def _seeds(live: OnTheAir, person: Account) -> list[bytes]:
    common = f"Host: 127.0.0.1\r\nAuthorization: Bearer {person.token}\r\n".encode()
    body = b'{"title":"a","tags":["b"],"record":true}'
    json = b"Content-Type: application/json\r\n"
    return [
        b"POST /api/v1/streams HTTP/1.1\r\n" + common + json + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        b"POST /api/v1/streams HTTP/1.1\r\n" + common + json + b"Transfer-Encoding: chunked\r\n\r\n"
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        f"GET /hls/{live.stream_id}/video.m3u8?_HLS_msn=1 HTTP/1.1\r\n".encode() + common + b"Range: bytes=0-9\r\n\r\n",
        b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n" + common + b"\r\n",
        f"POST /whep/{live.stream_id} HTTP/1.1\r\n".encode()
        + common
        + b"Content-Type: application/sdp\r\nContent-Length: 7\r\n\r\nv=0\r\n\r\n",
    ]


def _mutated(seed: bytes, chance: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data))
        kind = chance.randrange(5)
        if kind == 0:
            data[at] = chance.randrange(256)
        elif kind == 1:
            del data[at : at + chance.randrange(1, 20)]
        elif kind == 2:
            data[at:at] = chance.choice([b"\r\n", b"\x00", b"%00", b"\xff", b" ", b"\r", b"\n", b":", b"A" * 9000])
        elif kind == 3:
            data[at:at] = data[at : at + chance.randrange(1, 200)]
        else:
            data[at : at + 1] = chance.choice([b"%2e%2e%2f", b"../", b"\xed\xa0\x80", b"-1", b"99999999999999999999"])
        data = data or bytearray(seed)
    return bytes(data)


async def test_mutated_requests_never_meet_an_internal_error(
    server: Server, live: OnTheAir, someone: Account, calm: Calm
) -> None:
    chance = random.Random(20)
    sent = [_mutated(chance.choice(_seeds(live, someone)), chance) for _ in range(600)]
    for first in range(0, len(sent), 100):
        part = sent[first : first + 100]
        answers = await asyncio.gather(*(_answer(server.http_port, one) for one in part))
        for request, answer in zip(part, answers, strict=True):
            for status in _STATUS.findall(answer):
                assert int(status) < 500, request
    await calm.holds()


async def test_hundreds_of_unfinished_and_idle_connections_keep_nobody_out(
    server: Server, someone: Account, calm: Calm
) -> None:
    node = psutil.Process(server.process.pid)
    before = node.num_fds()
    heads = (
        b"",
        b"GET / HT",
        b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /api/v1/streams HTTP/1.1\r\nHost: a\r\n",
    )
    writers = []
    for number in range(600):
        _, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
        writer.write(heads[number % len(heads)])
        writers.append(writer)
    await someone.prepare("meanwhile")
    await calm.holds()
    for writer in writers:
        writer.transport.abort()
    await until_true(lambda: node.num_fds() < before + 50, what="connections given back")


PATHS = [
    "/hls/../../etc/passwd",
    "/hls/{id}/..%2f..%2f..%2fetc%2fpasswd",
    "/hls/{id}/video/1/..%2f..%2f..%2finit.mp4",
    "/hls/{id}/video/1/init.mp4%00.m4s",
    "/hls/{id}/video/99999999999999999999/init.mp4",
    "/hls/{id}%0a/index.m3u8",
    "/assets/..%2f..%2f..%2fetc/passwd",
    "/assets/....//....//etc/passwd",
    "/assets/%00",
    "/docs/%2e%2e%2fdocs.js",
    "//evil.example/",
    "/%2f%2fevil.example",
    "/\\evil.example",
]


@pytest.mark.parametrize("path", PATHS)
async def test_path_that_leaves_its_folder_or_the_site_is_a_404(nobody: Api, live: OnTheAir, path: str) -> None:
    address = URL(nobody.url + path.format(id=live.stream_id), encoded=True)
    async with nobody.http.get(address, allow_redirects=False) as answer:
        assert answer.status == 404
        assert "Location" not in answer.headers
        assert "root:" not in await answer.text()


async def test_markup_in_a_title_is_only_ever_json(someone: Account, nobody: Api) -> None:
    markup = "<script>alert(1)</script>"
    stream = (await someone.prepare(markup))["stream"]
    told = await nobody.call("GET", f"streams/{stream['id']}")
    assert told.body["title"] == markup
    assert told.headers["Content-Type"].startswith("application/json")
    assert told.headers["X-Content-Type-Options"] == "nosniff"
    page = await nobody.call("GET", f"/watch/{stream['id']}")
    assert markup not in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def _deep(levels: int) -> bytes:
    return b'{"title":' + b"[" * levels + b"]" * levels + b"}"


BODIES = {
    "deep": (_deep(20_000), 400),
    "deep and long": (_deep(100_000), 413),
    "not a number": (b'{"title":NaN}', 400),
    "infinite": (b'{"title":"a","record":Infinity}', 400),
    "huge number": (b'{"title":"a","tags":1' + b"0" * 5000 + b"}", 422),
    "lone surrogate": (b'{"title":"\\ud800"}', 400),
    "no text": (b'{"title":"\xff"}', 400),
    "NUL": (b'{"title":"a\\u0000b"}', 422),
    "scalar": (b"1", 422),
}


@pytest.mark.parametrize("name", BODIES)
async def test_json_that_cannot_be_held_is_refused(someone: Account, name: str) -> None:
    body, status = BODIES[name]
    answer = await someone.call("POST", "streams", data=body, headers={"Content-Type": "application/json"})
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("application/problem+json")
