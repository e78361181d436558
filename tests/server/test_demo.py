"""The demo's client against the real edge, its picture as a decoder sees it, and a whole run on a real server."""

from __future__ import annotations

import asyncio
import itertools
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import av
import pytest
from aiohttp import web

from server.config import load
from server.demo import run_demo
from server.demo.client import Api, CallRefused, ServerLost, while_listening
from server.demo.people import SECRET_FILE, Company, SecretUnusable, kept_secret
from server.demo.script import CROWD, EVERYBODY, LATER
from server.demo.show import NotPublished, keep_publishing
from server.demo.writings_script import COMMUNITIES
from server.live.edge.application import ConnectRefused
from server.live.edge.endpoint import Edge
from server.live.edge.limits import EdgeLimits
from server.live.edge.server import HttpSide
from server.live.edge.socket import Socket
from tests.e2e.serving import Server
from tests.e2e.waiting import until

PICTURE = (320, 180, 300_000)


class Answering:
    """An application that acknowledges as the server's own does."""

    def on_connect(self, socket: Socket, auth: Any) -> None:
        if auth == {"token": "bad"}:
            raise ConnectRefused("Sign in again.", {"code": "token_invalid"})
        socket.emit("hello", {"auth": auth})

    def on_event(self, socket: Socket, event: str, args: list[Any]) -> Any:
        if event == "refuse":
            return {"ok": False, "error": {"code": "rate_limited", "message": "Wait.", "retry_after_ms": 1500}}
        if event == "leave":
            socket.disconnect()
            return None
        if event == "silence":
            return asyncio.get_running_loop().create_future()
        return {"ok": True, "given": args[0]}

    def on_disconnect(self, socket: Socket, reason: str) -> None:
        pass


@pytest.fixture
async def edge_api() -> AsyncIterator[Api]:
    limits = EdgeLimits(ping_interval_s=0.1, ping_timeout_s=0.2)

    async def nothing(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"detail": "There is nothing."}, status=404)

    edge = Edge(application=Answering(), http=HttpSide(protocol=web.Server(nothing)), limits=limits)
    await edge.start(host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as client:
        yield Api(client=client, origin=f"http://127.0.0.1:{edge.addresses[0][1]}")
    await edge.close()


class Heard:
    def __init__(self) -> None:
        self.events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def __call__(self, event: str, body: Any) -> None:
        self.events.put_nowait((event, body))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("demo") / "data").start()
    yield running
    running.stop()


# the client


async def test_a_call_is_acknowledged_and_events_are_heard_while_pings_are_answered(edge_api: Api) -> None:
    heard = Heard()
    socket = await edge_api.socket("good", heard)

    async def work() -> None:
        assert await heard.events.get() == ("hello", {"auth": {"token": "good"}})
        # Several times the silence after which the edge lets a client go that does not answer its pings.
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            answer = await socket.call("echo", {"text": "ü\n"})
            assert answer["given"] == {"text": "ü\n"}
            await asyncio.sleep(0.05)

    async with asyncio.timeout(30):
        await while_listening(socket, work())


async def test_a_refused_call_carries_code_and_pause(edge_api: Api) -> None:
    socket = await edge_api.socket(None, Heard())

    async def work() -> None:
        with pytest.raises(CallRefused, match="Wait") as refused:
            await socket.call("refuse", {})
        assert (refused.value.code, refused.value.retry_after_s) == ("rate_limited", 1.5)

    async with asyncio.timeout(30):
        await while_listening(socket, work())


async def test_a_bad_token_is_refused_when_connecting(edge_api: Api) -> None:
    with pytest.raises(CallRefused, match="Sign in again"):
        await edge_api.socket("bad", Heard())


async def test_what_waits_on_a_connection_that_closes_hears_of_it(edge_api: Api) -> None:
    socket = await edge_api.socket(None, Heard())

    async def work() -> None:
        await asyncio.gather(socket.call("silence", {}), socket.call("leave", {}))

    async with asyncio.timeout(30):
        with pytest.raises(ServerLost):
            await while_listening(socket, work())


async def test_a_problem_document_is_a_refusal_with_its_detail(edge_api: Api) -> None:
    with pytest.raises(CallRefused, match=r"There is nothing\.") as refused:
        await edge_api.call("GET", "/api/v1/server")
    assert refused.value.status == 404


async def test_a_server_that_is_not_there_is_lost() -> None:
    async with aiohttp.ClientSession() as client:
        api = Api(client=client, origin="http://127.0.0.1:1")
        with pytest.raises(ServerLost):
            await api.call("GET", "/livez")
        with pytest.raises(ServerLost):
            await api.socket(None, Heard())


# the people


def test_the_secret_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    first = kept_secret(tmp_path / "data")
    assert len(first) >= 32
    assert kept_secret(tmp_path / "data") == first
    assert stat.S_IMODE((tmp_path / "data" / SECRET_FILE).stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(SecretUnusable, match="data"):
        kept_secret(tmp_path / "data")


async def test_a_name_that_somebody_else_has_is_taken_with_a_suffix_that_stays(server: Server) -> None:
    """Two demos with different secrets on one server, each of them twice."""
    async with aiohttp.ClientSession() as client:
        api = Api(client=client, origin=server.url)
        persona = CROWD[-1]
        names = []
        for secret in (b"one", b"two", b"one", b"two"):
            member = await Company(api=api, secret=secret).bring(persona)
            me = await api.call("GET", "/api/v1/me", token=member.token)
            assert me["display_name"] == persona.display_name
            names.append(member.username)
    assert names[0] == persona.username
    assert names[1].startswith(persona.username + "_")
    assert names[2:] == names[:2]


def test_the_cast_fits_the_rules_for_names_and_every_plan_has_an_owner() -> None:
    names = [persona.username for persona in EVERYBODY]
    assert len(set(names)) == len(names) == 12
    # Room for the suffix within the 30 characters of a name.
    assert all(name.isascii() and name.islower() and len(name) <= 25 for name in names)
    assert {plan.owner for plan in LATER} <= set(names)


# the picture


def test_the_picture_is_h264_baseline_with_a_key_frame_every_two_seconds(tmp_path: Path) -> None:
    file = tmp_path / "picture.flv"
    command = [sys.executable, "-m", "server.demo.publisher"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    assert child.stdin is not None
    child.stdin.write(f"{file} {PICTURE[0]} {PICTURE[1]} {PICTURE[2]}\n")
    child.stdin.flush()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (not file.exists() or file.stat().st_size < 110_000):
        time.sleep(0.05)
    child.stdin.close()
    assert child.wait(10) == 0
    with av.open(str(file)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.profile) == ("h264", "Constrained Baseline")
        assert (video.width, video.height) == PICTURE[:2]
        assert (audio.codec_context.name, audio.codec_context.sample_rate) == ("aac", 48_000)
        frames = list(container.decode(video))
    keys = [frame.pts * frame.time_base for frame in frames if frame.key_frame]
    assert len(keys) >= 2
    assert all(later - earlier == Fraction(2) for earlier, later in itertools.pairwise(keys))
    assert bytes(frames[0].planes[0]) != bytes(frames[15].planes[0])


async def test_a_picture_that_nobody_takes_is_given_up(unused_tcp_port: int) -> None:
    async with asyncio.timeout(40):
        with pytest.raises(NotPublished, match="cannot be published"):
            await keep_publishing(f"rtmp://127.0.0.1:{unused_tcp_port}/live/key", PICTURE, pause_s=0.05)


# the whole


async def test_without_a_server_it_is_one_line_and_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = load(["--data-dir", str(tmp_path), "--http-port", "1"])
    assert await run_demo(settings) == 1
    told = capsys.readouterr().err
    assert "socialflow serve" in told
    assert told.count("\n") == 1


async def test_a_run_leaves_people_plans_and_a_recording_and_a_second_one_is_the_same_people(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load(["--data-dir", str(tmp_path), "--http-port", str(server.http_port)])
    async with aiohttp.ClientSession() as client:
        api = Api(client=client, origin=server.url)
        for _ in range(2):
            ended = await _run_until_talkative(api, settings)
            assert ended["state"] == "ended"
            assert ended["playback"]["hls"] is not None
        host = await api.call("GET", f"/api/v1/users/{ended['owner']['username']}")
        assert host["counts"]["followers"] == len(EVERYBODY) - 1
        scheduled = await api.call("GET", "/api/v1/streams?state=scheduled&limit=100")
        written = await api.call("GET", "/api/v1/users/kwame_b/posts")
        found = await api.call("GET", "/api/v1/communities")
        events = [await api.call("GET", f"/api/v1/communities/{one.name}/events") for one in COMMUNITIES]
    assert {one["name"]: one["counts"]["members"] for one in found["items"]} == {
        one.name: len(one.people) for one in COMMUNITIES
    }
    assert [len(page["items"]) for page in events] == [1, 1]
    assert len([post for post in written["items"] if post["media"]]) == 1
    titles = [stream["title"] for stream in scheduled["items"]]
    assert all(titles.count(plan.title) == 1 for plan in LATER)
    assert "/watch/" in capsys.readouterr().out


async def _run_until_talkative(api: Api, settings: Any) -> dict[str, Any]:
    """Run the demo until its room has messages and viewers; the main stream after the end."""
    stop = asyncio.Event()
    running = asyncio.create_task(run_demo(settings, until=stop, earlier_s=0))

    async def busy() -> dict[str, Any] | None:
        assert not running.done(), "the demo has ended by itself"
        return await _busy(api)

    try:
        stream = await until(busy, within_s=60, what="a live stream with viewers and a chat")
    finally:
        stop.set()
        async with asyncio.timeout(30):
            code = await running
    assert code == 0
    found: dict[str, Any] = await api.call("GET", f"/api/v1/streams/{stream['id']}")
    return found


async def _busy(api: Api) -> dict[str, Any] | None:
    page = await api.call("GET", "/api/v1/streams?state=live&q=Colour")
    for stream in page["items"]:
        chat = await api.call("GET", f"/api/v1/streams/{stream['id']}/chat?since_offset=0")
        if stream["viewers"] >= len(EVERYBODY) and len(chat["items"]) >= 5:
            return dict(stream)
    return None
