"""What is stopped, killed or taken away: a test whose server ends has one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket as sockets
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
import socketio.exceptions

from tests.e2e.peers import publishing
from tests.e2e.people import PASSWORD, Account, Api, register
from tests.e2e.publishing import Publisher, play
from tests.e2e.serving import COMMAND, Server, alive
from tests.e2e.talking import Talker, talker
from tests.e2e.waiting import until, until_true


@pytest.fixture(scope="module")
def shaken_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For those who take a child of it away, and end when it is whole again."""
    running = Server(tmp_path_factory.mktemp("shaken") / "data").start()
    yield running
    running.stop()


@asynccontextmanager
async def broadcast(server: Server, person: Account) -> AsyncIterator[tuple[str, str, Publisher]]:
    """A stream of this person that is live: its id, its room and its publisher."""
    made = await person.prepare("Through thick and thin")
    stream_id = made["stream"]["id"]
    with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}") as publisher:
        await person.until_state(stream_id, "live")
        await until(lambda: _has_segments(person, stream_id, 2), within_s=30, what="segments")
        yield stream_id, made["stream"]["chat"]["room_id"], publisher


async def _has_segments(api: Api, stream_id: str, count: int) -> bool:
    answer = await api.call("GET", f"/hls/{stream_id}/video.m3u8")
    return answer.text.count("#EXTINF") >= count


async def test_a_stop_tells_everybody_and_leaves_nothing_and_a_start_goes_on(
    own_server: Server, http: aiohttp.ClientSession
) -> None:
    server = own_server.start()
    assert server.admin_password
    person = await register(http, server.url)
    children = server.descendants()
    assert children
    async with broadcast(server, person) as (stream_id, room_id, _):
        socket = await Talker(server.url, person.token).open()
        await socket.ok("stream:watch", {"stream_id": stream_id})
        sent = await socket.ok("chat:send", {"room_id": room_id, "text": "before", "client_id": "before"})
        children = server.descendants()
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        draining = await socket.event("server:draining")
        assert draining["reconnect_in_ms"] > 0
        unready = await Api(http, server.url).call("GET", "/readyz")
        assert (unready.status, unready.body["status"]) == (503, "draining")
        refused = await Api(http, server.url).call("GET", "/socket.io/?EIO=4&transport=polling")
        assert (refused.status, "Retry-After" in refused.headers) == (503, True)
        async with asyncio.timeout(30):
            await socket.ended.wait()
        assert await stopping == 0
        await socket.close()
    assert alive(children) == []
    assert not list(Path("/dev/shm/socialflow").glob(str(server.process.pid)))

    server.start()
    assert "password" not in server.output
    signed_in = await Api(http, server.url).done("POST", "auth/login", {"login": person.username, "password": PASSWORD})
    again = Api(http, server.url, signed_in["access_token"])
    assert (await Api(http, server.url, person.token).call("GET", "me")).status == 200, "tokens outlive a restart"
    stream = await again.stream(stream_id)
    assert stream["state"] in ("live", "interrupted")
    assert stream["viewers"] == 0
    assert stream["unique_viewers"] == 1
    async with talker(server.url, again.token) as socket:
        since = {"epoch": sent["epoch"], "offset": 0}
        back = await socket.ok("chat:join", {"room_id": room_id, "since": since})
        assert back["recovered"] is True
        assert [message["text"] for message in back["messages"]] == ["before"]
        repeated = await socket.ok("chat:send", {"room_id": room_id, "text": "x", "client_id": "before"})
        assert repeated["offset"] == sent["offset"]
    await again.done("POST", f"streams/{stream_id}/end")
    recording = await play(f"{server.url}/hls/{stream_id}/index.m3u8", live_start=0)
    assert recording.seconds >= 3.5
    assert not recording.errors, recording.log


async def test_a_killed_server_leaves_no_child_and_loses_nothing_acknowledged(
    own_server: Server, http: aiohttp.ClientSession
) -> None:
    server = own_server.start()
    person = await register(http, server.url)
    acked: dict[str, int] = {}
    async with broadcast(server, person) as (stream_id, room_id, _):
        viewer = await Talker(server.url).open()
        await viewer.ok("stream:watch", {"stream_id": stream_id})
        watched_from = time.monotonic()
        await person.until_stream(stream_id, lambda stream: stream["watch_seconds"] >= 1, within_s=30)
        talking = asyncio.create_task(_talk_until_it_breaks(server, person, room_id, acked))
        await until_true(lambda: len(acked) >= 5, what="acknowledged messages")
        children = server.descendants()
        watched_s = time.monotonic() - watched_from
        server.kill()
        await talking
        await viewer.close()
    await until_true(lambda: not alive(children), within_s=30, what="the end of every child")

    server.start()
    again = Account(
        http, server.url, {"access_token": person.token, "refresh_token": "", "user": await _me(http, server, person)}
    )
    async with talker(server.url, again.token) as socket:
        history = (await socket.ok("chat:history", {"room_id": room_id, "limit": 100}))["messages"]
    there = {message["client_id"]: message["offset"] for message in history}
    assert {client_id: there.get(client_id) for client_id in acked} == acked
    assert [message["offset"] for message in history] == list(range(1, len(history) + 1))
    stream = await again.stream(stream_id)
    assert stream["watch_seconds"] >= watched_s - 10.5
    made_key = stream["ingest"]["stream_key"]
    with Publisher(f"{server.rtmp}/{made_key}"):
        await again.until_state(stream_id, "live", within_s=30)
        await until(lambda: _has_segments(again, stream_id, 1), within_s=30, what="a segment")
    await again.done("POST", f"streams/{stream_id}/end")


async def _me(http: aiohttp.ClientSession, server: Server, person: Account) -> dict[str, Any]:
    me: dict[str, Any] = await Api(http, server.url, person.token).done("GET", "me")
    return me


async def _talk_until_it_breaks(server: Server, person: Account, room_id: str, acked: dict[str, int]) -> None:
    socket = await Talker(server.url, person.token).open()
    try:
        for number in range(10_000):
            body = {"room_id": room_id, "text": f"n{number}", "client_id": f"n{number}"}
            answer = await socket.ask("chat:send", body, within_s=30)
            if answer["ok"]:
                acked[body["client_id"]] = answer["offset"]
            else:
                await asyncio.sleep(answer["error"]["retry_after_ms"] / 1000)
    except socketio.exceptions.SocketIOError:
        return
    finally:
        await socket.close()


async def test_a_killed_media_process_interrupts_streams_and_nothing_else(
    shaken_server: Server, http: aiohttp.ClientSession
) -> None:
    server = shaken_server
    person = await register(http, server.url)
    async with broadcast(server, person) as (stream_id, room_id, publisher), talker(server.url, person.token) as socket:
        await socket.ok("stream:watch", {"stream_id": stream_id})
        server.child("server.media_process").kill()
        ack = await socket.ok("chat:send", {"room_id": room_id, "text": "still here", "client_id": "1"})
        assert ack["offset"] == 1
        assert (await person.call("GET", "/readyz")).status == 200
        await socket.event("stream:state", lambda body: body["state"] == "interrupted")
        await publisher.left(10)
        key = (await person.stream(stream_id))["ingest"]["stream_key"]
        await until(lambda: _publishes(server, person, stream_id, key), within_s=30, what="a publisher that is taken")
        await until(lambda: _is_live(socket), within_s=30, what="word that the stream is live")
        await until(lambda: _has_segments(person, stream_id, 1), within_s=30, what="a segment")
        assert not socket.ended.is_set()
    await person.done("POST", f"streams/{stream_id}/end")


async def _is_live(socket: Any) -> bool:
    return bool(socket.heard["stream:state"][-1]["state"] == "live")


async def _publishes(server: Server, person: Account, stream_id: str, key: str) -> bool:
    publisher = Publisher(f"{server.rtmp}/{key}", seconds=12)
    deadline = time.monotonic() + 6
    while publisher.is_running and time.monotonic() < deadline:
        if (await person.stream(stream_id))["state"] == "live":
            return True
        await asyncio.sleep(0.1)
    publisher.kill()
    return False


async def test_a_media_process_that_stood_still_misses_nobody(
    shaken_server: Server, http: aiohttp.ClientSession
) -> None:
    """What publishers sent meanwhile has waited: nobody was silent but itself."""
    server = shaken_server
    caster, whipper = [await register(http, server.url) for _ in range(2)]
    made = await whipper.prepare("Over WHIP")
    over_whip, key = made["stream"]["id"], made["ingest"]["stream_key"]
    async with (
        broadcast(server, caster) as (over_rtmp, _, publisher),
        publishing(Api(http, server.url), f"/whip/{over_whip}", key),
        talker(server.url, caster.token) as socket,
    ):
        await whipper.until_state(over_whip, "live")
        for stream_id in (over_rtmp, over_whip):
            await socket.ok("stream:watch", {"stream_id": stream_id})
        media, since = server.child("server.media_process"), time.monotonic()
        media.suspend()
        await until_true(lambda: time.monotonic() > since + 7, within_s=30)
        media.resume()
        before = [await _media_time_ms(person, each) for person, each in ((caster, over_rtmp), (whipper, over_whip))]
        for person, each, ms in ((caster, over_rtmp, before[0]), (whipper, over_whip, before[1])):
            await until(lambda p=person, e=each, m=ms: _goes_on(p, e, m), within_s=30, what="the broadcast to go on")
        assert publisher.is_running
        assert [body["state"] for body in socket.heard["stream:state"] if body["state"] == "interrupted"] == [], (
            server.output
        )


async def _media_time_ms(person: Account, stream_id: str) -> int:
    return int((await person.stream(stream_id))["media_time_ms"])


async def _goes_on(person: Account, stream_id: str, since_ms: int) -> bool:
    """By more than what one tick would add."""
    stream = await person.stream(stream_id)
    return bool(stream["state"] == "live" and stream["media_time_ms"] > since_ms + 8_000)


async def test_a_killed_postgres_refuses_writes_loses_none_and_comes_back(
    shaken_server: Server, http: aiohttp.ClientSession
) -> None:
    server = shaken_server
    person = await register(http, server.url)
    room_id = (await person.prepare("Storm"))["stream"]["chat"]["room_id"]
    async with talker(server.url, person.token) as socket:
        await socket.ok("chat:join", {"room_id": room_id})
        first = await socket.ok("chat:send", {"room_id": room_id, "text": "calm", "client_id": "calm"})
        os.kill(server.child("bin/postgres", "-D").pid, signal.SIGKILL)
        answers = [await socket.ask("chat:send", _storm(room_id, n)) for n in range(3)]
        refused = [answer["error"] for answer in answers if not answer["ok"]]
        assert all(error["retry_after_ms"] > 0 for error in refused), refused
        assert (await person.call("GET", "/livez")).status == 200

        async def goes_through() -> bool:
            return bool((await socket.ask("chat:send", _storm(room_id, 99)))["ok"])

        await until(goes_through, within_s=30, what="a send after the storm")
        assert (await person.call("GET", "/readyz")).status == 200
        history = (await socket.ok("chat:history", {"room_id": room_id}))["messages"]
        there = {message["client_id"]: message["offset"] for message in history}
        acked = {f"s{n}": answer["offset"] for n, answer in enumerate(answers) if answer["ok"]}
        assert there["calm"] == first["offset"]
        assert {name: there.get(name) for name in acked} == acked
        assert not socket.ended.is_set()
        offsets = [message["offset"] for message in socket.messages]
        assert offsets == sorted(set(offsets))


def _storm(room_id: str, number: int) -> dict[str, Any]:
    return {"room_id": room_id, "text": f"storm {number}", "client_id": f"s{number}"}


async def test_a_killed_redis_leaves_chat_and_streams_alone(shaken_server: Server, http: aiohttp.ClientSession) -> None:
    server = shaken_server
    person = await register(http, server.url)
    room_id = (await person.prepare("Without Redis"))["stream"]["chat"]["room_id"]
    async with talker(server.url, person.token) as socket:
        os.kill(server.child("redis-server").pid, signal.SIGKILL)
        await socket.ok("chat:send", {"room_id": room_id, "text": "still", "client_id": "still"})
        ready = await person.call("GET", "/readyz")
        assert ready.status == 200

        async def is_whole() -> bool:
            return bool((await person.done("GET", "/readyz"))["status"] != "degraded")

        await until(is_whole, within_s=30, what="Redis")


async def test_a_start_on_taken_ports_fails_with_one_line(server: Server, tmp_path: Path) -> None:
    for flags in (
        ["--http-port", str(server.http_port), "--rtmp-port", "0", "--webrtc-port", "0"],
        ["--http-port", "0", "--rtmp-port", str(server.rtmp_port), "--webrtc-port", "0"],
    ):
        done = await _run(["--data-dir", str(tmp_path / "data"), *flags])
        assert done.returncode != 0
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        assert len(lines) == 1, done.stderr
        assert "port" in lines[0]


async def test_a_start_on_a_taken_udp_port_fails_with_one_line(tmp_path: Path) -> None:
    with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        ports = ["--http-port", "0", "--rtmp-port", "0", "--webrtc-port", port]
        done = await _run(["--data-dir", str(tmp_path / "data"), *ports])
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert port in done.stderr


async def test_a_data_folder_in_use_or_unusable_fails_with_one_line(server: Server, tmp_path: Path) -> None:
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("")
    for folder in (server.data_dir, not_a_folder, not_a_folder / "below"):
        done = await _run(["--data-dir", str(folder), "--http-port", "0", "--rtmp-port", "0", "--webrtc-port", "0"])
        assert done.returncode != 0
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        assert len(lines) == 1, done.stderr
        assert str(folder) in lines[0]
    async with aiohttp.ClientSession() as http:
        assert (await Api(http, server.url).call("GET", "/readyz")).status == 200


@pytest.mark.parametrize(
    ("flags", "env", "named"),
    [
        (["--http-port", "seventy"], {}, "http_port"),
        (["--http-port", "70000"], {}, "http_port"),
        (["--no-such-setting", "1"], {}, "no-such-setting"),
        ([], {"SOCIALFLOW_NO_SUCH": "1"}, "SOCIALFLOW_NO_SUCH"),
        ([], {"SOCIALFLOW_GRACE_S": "soon"}, "grace_s"),
        (["--database-url", "postgresql://nobody@127.0.0.1:1/none"], {}, ""),
        (["--redis-url", "redis://127.0.0.1:1/0"], {}, ""),
    ],
)
async def test_a_bad_setting_is_named(tmp_path: Path, flags: list[str], env: dict[str, str], named: str) -> None:
    ports = [] if "--http-port" in flags else ["--http-port", "0"]
    rest = ["--rtmp-port", "0", "--webrtc-port", "0", "--data-dir", str(tmp_path / "data")]
    done = await _run([*rest, *ports, *flags], env=env)
    assert done.returncode != 0
    assert named in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


async def _run(flags: list[str], env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(COMMAND), "serve", *flags]

    def run() -> subprocess.CompletedProcess[str]:
        merged = {**os.environ, **(env or {})}
        return subprocess.run(command, capture_output=True, text=True, timeout=300, env=merged, check=False)

    return await asyncio.to_thread(run)


async def test_an_engine_that_outlived_its_server_is_adopted(own_server: Server, http: aiohttp.ClientSession) -> None:
    server = own_server.start()
    person = await register(http, server.url)
    watcher = [p for p in server.descendants() if "kill -INT" in " ".join(p.cmdline())]
    postgres = server.child("bin/postgres", "-D")
    for process in watcher:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    server.kill()
    assert postgres.is_running()
    server.start()
    assert (await Api(http, server.url, person.token).call("GET", "me")).status == 200
    assert server.stop() == 0
    await until_true(lambda: not alive([postgres]), within_s=30, what="the end of the adopted engine")
