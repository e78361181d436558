"""Restreams to our own RTMP server and to sockets that behave badly, over loopback."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from media.relay import Relay
from media.restream.connection import Streams, Trouble, moved
from media.restream.restream import Restream
from media.restream.restreams import Restreams
from media.restream.states import RestreamState, RestreamTarget
from media.rtmp.amf import Writable
from media.rtmp.chunk import ChunkLimits, RtmpMessage
from media.rtmp.client import ClientProtocol, Redirected, RtmpAddress, parse_url
from media.rtmp.handshake import ServerHandshake
from media.rtmp.link import RtmpLink
from media.rtmp.server import RtmpServer
from media.unit import Codec, Track, Unit
from tests.media.rtmp.codecs.samples import HEVC
from tests.media.rtmp.recording import Recording, RecordingIngest

VIDEO = Track(kind="video", codec=Codec.HEVC, timescale=90_000, config=HEVC, width=1920, height=1080, fps=30)
AUDIO = Track(kind="audio", codec=Codec.AAC, timescale=48_000, config=b"\x11\x90", sample_rate=48_000, channels=2)
OPUS = Track(kind="audio", codec=Codec.OPUS, timescale=48_000, config=b"OpusHead", sample_rate=48_000, channels=2)
START = 90_000 * 3_600


class Live:
    """A live stream whose sound may have to be converted first: then ``converted`` has it."""

    def __init__(self, *tracks: Track) -> None:
        self.source, self.converted = Relay(), Relay()
        self.source.configure(tracks)
        self.frames = 0

    def with_audio(self, audio: Codec) -> Relay:
        is_opus = any(track.codec is Codec.OPUS for track in self.source.tracks)
        return self.converted if is_opus else self.source

    def play(self, frames: int, *, size: int = 100, relay: Relay | None = None) -> None:
        for _ in range(frames):
            pts, is_key = START + self.frames * 3_000, self.frames % 10 == 0
            nal = (b"\x26\1" if is_key else b"\2\1") + self.frames.to_bytes(4, "big") + b"\xff" * size
            data = len(nal).to_bytes(4, "big") + nal
            unit = Unit(kind="video", pts=pts, dts=pts, is_key=is_key, data=data, at=0.0)
            (relay or self.source).write(unit)
            self.frames += 1


def numbers(recording: Recording) -> list[int]:
    return [int.from_bytes(unit.data[6:10], "big") for unit in recording.units]


class Pauses:
    """In place of waiting: keeps for how long; ``go`` lets the next try begin."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._go = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self._go.acquire()

    async def until(self, count: int) -> None:
        await until(lambda: len(self.asked) == count)

    def go(self) -> None:
        self._go.release()


async def connect(address: RtmpAddress) -> Streams:
    return await asyncio.open_connection(address.host, address.port)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


Run = Callable[..., Restream]


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def run(pauses: Pauses) -> AsyncIterator[Run]:
    made: list[Restream] = []

    def begin(live: Live, port: int, *, key: str = "good", **more: Callable[..., Awaitable[Streams]]) -> Restream:
        target = RestreamTarget(name="away", url=f"rtmp://127.0.0.1:{port}/live/{key}")
        options = {"connect": connect, **more}
        made.append(Restream(target=target, source=live, name="stream s", sleep=pauses, **options))  # type: ignore[arg-type]
        return made[-1]

    yield begin
    for one in made:
        await one.close()


@pytest.fixture
def ingest() -> RecordingIngest:
    return RecordingIngest()


@pytest.fixture
async def port(ingest: RecordingIngest) -> AsyncIterator[int]:
    server = RtmpServer(authorize=ingest.authorize)
    yield await server.start(host="127.0.0.1", port=0)
    await server.close(budget_s=1)


async def received(ingest: RecordingIngest, units: int) -> Recording:
    await until(lambda: ingest.recordings and len(ingest.recordings[-1].units) >= units)
    return ingest.recordings[-1]


async def test_a_target_gets_the_stream_as_it_is_from_a_key_frame_on(
    run: Run, port: int, ingest: RecordingIngest
) -> None:
    live = Live(VIDEO, AUDIO)
    live.play(13)
    restream = run(live, port)
    recording = await received(ingest, 3)
    live.play(2)
    await received(ingest, 5)
    assert [track.codec for track in recording.configured[-1]] == [Codec.HEVC, Codec.AAC]
    assert numbers(recording) == [10, 11, 12, 13, 14]
    assert recording.units[0].is_key
    assert recording.units[0].dts == 0  # an hour into the stream, and the target sees a new one
    restream.measure(1.0)
    live.play(1, size=10_000)
    await received(ingest, 6)
    state = restream.measure(2.0)
    assert (state.phase, state.dropped) == ("live", 0)
    assert state.bitrate > 80_000

    live.source.close("the publisher has gone")
    await asyncio.wait_for(recording.is_closed.wait(), 20)
    assert recording.reason is not None


async def test_sound_in_opus_is_sent_as_aac(run: Run, port: int, ingest: RecordingIngest) -> None:
    live = Live(VIDEO)
    live.play(1)
    run(live, port)
    await received(ingest, 1)
    live.source.configure((VIDEO, OPUS))
    live.converted.configure((VIDEO, AUDIO))
    live.frames = 10
    live.play(2, relay=live.converted)
    recording = await received(ingest, 3)
    assert recording.track("audio").codec is Codec.AAC
    assert not any(track.codec is Codec.OPUS for tracks in recording.configured for track in tracks)


async def test_a_target_that_does_not_read_loses_units_up_to_a_key_frame_and_disturbs_no_other(
    run: Run, port: int, ingest: RecordingIngest
) -> None:
    """The stuck one takes the stream and then reads nothing more."""
    is_reading = asyncio.Event()

    async def stuck(address: RtmpAddress) -> Streams:
        reader, writer = await connect(address)
        drain = writer.drain

        async def held() -> None:
            if ingest.recordings and ingest.recordings[0].units:
                await is_reading.wait()
            await drain()

        writer.drain = held  # type: ignore[method-assign]
        return reader, writer

    live = Live(VIDEO)
    live.play(1)
    slow = run(live, port, connect=stuck)
    first = await received(ingest, 1)
    other_ingest = RecordingIngest()
    other = RtmpServer(authorize=other_ingest.authorize)
    fast = run(live, await other.start(host="127.0.0.1", port=0))
    await received(other_ingest, 1)
    for number in range(1, 200):
        live.play(1, size=100_000)
        await received(other_ingest, number + 1)
    assert slow.measure(1.0).dropped > 50
    assert slow.state.phase == "live"
    assert fast.measure(1.0).dropped == 0
    is_reading.set()
    await until(lambda: len(first.units) > 20)
    gap = next(index for index, number in enumerate(numbers(first)) if number != index)
    assert first.units[gap].is_key
    await fast.close()
    await other.close(budget_s=1)


async def test_a_target_that_is_not_there_is_tried_again_after_growing_pauses(run: Run, pauses: Pauses) -> None:
    with_no_one = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = with_no_one.sockets[0].getsockname()[1]
    with_no_one.close()
    restream = run(Live(VIDEO), port)
    for tries in range(1, 5):
        await pauses.until(tries)
        assert (restream.state.phase, restream.state.reason) == ("retrying", "unreachable")
        assert restream.state.failures == tries
        assert restream.state.next_try_at is not None
        pauses.go()
    assert pauses.asked[0] <= 1.0
    assert all(later > earlier for earlier, later in zip(pauses.asked, pauses.asked[2:], strict=False))


async def test_a_target_that_comes_back_gets_the_stream_again(
    run: Run, port: int, ingest: RecordingIngest, pauses: Pauses
) -> None:
    live = Live(VIDEO)
    live.play(1)
    restream = run(live, port)
    recording = await received(ingest, 1)
    assert recording.stop is not None
    recording.stop("the stream was ended there")
    await until(lambda: pauses.asked)
    assert restream.state.reason in ("closed", "rejected", "unreachable")
    pauses.go()
    await until(lambda: len(ingest.recordings) == 2)
    await received(ingest, 1)
    await until(lambda: restream.state.phase == "live")
    assert (restream.state.reason, restream.state.failures) == ("", 0)


async def test_a_target_that_does_not_want_the_key_has_refused_it_and_the_key_is_shown_nowhere(
    run: Run, port: int, pauses: Pauses, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    restream = run(Live(VIDEO), port, key="s3cret-key")
    await until(lambda: pauses.asked)
    assert (restream.state.phase, restream.state.reason) == ("refused", "rejected")
    assert "NetStream.Publish.BadName" in restream.state.detail
    assert pauses.asked[0] >= 5.0
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("media.restream")]
    assert ours
    assert "s3cret-key" not in f"{ours}{restream.state}{restream.target}"


async def test_a_target_that_talks_nonsense_or_nothing_is_tried_again(run: Run, pauses: Pauses) -> None:
    answers = iter((b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(4_000), b"", b"\x03" + bytes(3_071) + b"\xff" * 500))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))
        await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    restream = run(Live(VIDEO), server.sockets[0].getsockname()[1])
    for tries in range(1, 4):
        await pauses.until(tries)
        assert restream.state.phase == "retrying"
        assert restream.state.reason in ("protocol", "closed", "unreachable")
        pauses.go() if tries < 3 else None
    server.close()


async def test_an_address_that_is_not_public_is_refused_wherever_it_comes_from(run: Run, pauses: Pauses) -> None:
    async def closed(address: RtmpAddress) -> Streams:
        raise Trouble("not_public", is_refusal=True)

    restream = run(Live(VIDEO), 1935, connect=closed)
    await until(lambda: pauses.asked)
    assert (restream.state.phase, restream.state.reason) == ("refused", "not_public")


async def test_pictures_that_rtmp_has_no_word_for_are_refused(run: Run, port: int, pauses: Pauses) -> None:
    restream = run(Live(Track(kind="video", codec=Codec.VP8, timescale=90_000)), port)
    await until(lambda: pauses.asked)
    assert (restream.state.phase, restream.state.reason, restream.state.detail) == ("refused", "codec", "vp8")


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def rejecting(info: dict[str, Writable]) -> Serve:
    """A server that answers each connect with this."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = serving_link()
        messages: list[RtmpMessage] = []
        while not messages:
            messages = link.receive(await reader.read(65_536))
            writer.write(link.take())
        link.command("_error", 1.0, None, {"level": "error", "code": "NetConnection.Connect.Rejected", **info})
        writer.write(link.take())
        await reader.read(65_536)
        writer.close()

    return serve


def redirecting(tc_url: str) -> Serve:
    """A server that wants its clients elsewhere, as Adobe Media Server says so."""
    return rejecting({"ex": {"code": 302.0, "redirect": tc_url}})


def serving_link() -> RtmpLink:
    return RtmpLink(handshake=ServerHandshake(entropy=os.urandom), limits=ChunkLimits())


async def test_a_redirect_is_followed_through_the_same_connect(run: Run, port: int, ingest: RecordingIngest) -> None:
    server = await asyncio.start_server(redirecting(f"rtmp://127.0.0.1:{port}/live"), "127.0.0.1", 0)
    asked: list[int] = []

    async def counted(address: RtmpAddress) -> Streams:
        asked.append(address.port)
        return await connect(address)

    live = Live(VIDEO)
    live.play(1)
    first = server.sockets[0].getsockname()[1]
    run(live, first, connect=counted)
    await received(ingest, 1)
    assert asked == [first, port]
    assert ingest.requests[-1].key == "good"
    server.close()


async def test_a_key_that_the_target_repeats_is_not_shown(run: Run, pauses: Pauses) -> None:
    server = await asyncio.start_server(rejecting({"description": "no stream s3cret-key here"}), "127.0.0.1", 0)
    restream = run(Live(VIDEO), server.sockets[0].getsockname()[1], key="s3cret-key")
    await until(lambda: pauses.asked)
    assert restream.state.detail == "NetConnection.Connect.Rejected no stream … here"
    server.close()


async def test_redirects_without_an_end_are_refused(run: Run, pauses: Pauses) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    around = f"rtmp://127.0.0.1:{listener.getsockname()[1]}/live"
    server = await asyncio.start_server(redirecting(around), sock=listener)
    restream = run(Live(VIDEO), server.sockets[0].getsockname()[1])
    await until(lambda: pauses.asked)
    assert (restream.state.phase, restream.state.reason) == ("refused", "rejected")
    server.close()


@pytest.mark.parametrize("tc_url", ["rtmp://other.example/live", "http://other.example/live", "rtmps://:70000/x", ""])
def test_a_redirect_never_leads_out_of_tls_or_out_of_rtmp(tc_url: str) -> None:
    with pytest.raises(Trouble) as raised:
        moved(parse_url("rtmps://first.example/live/key"), tc_url)
    assert raised.value.reason == "address"


def test_a_server_that_asks_for_a_reconnect_names_where() -> None:
    link, client = serving_link(), ClientProtocol(address=parse_url("rtmp://a.example/live/key"))
    link.receive(client.take())
    client.receive(link.take())
    link.receive(client.take())
    info = {"level": "status", "code": "NetConnection.Connect.ReconnectRequest", "tcUrl": "rtmp://b.example/live"}
    link.command("onStatus", 0.0, None, info)
    link.command("onStatus", 0.0, None, {**info, "tcUrl": None})
    assert client.receive(link.take()) == [Redirected("rtmp://b.example/live"), Redirected("rtmp://a.example/live")]


async def test_targets_that_stay_go_on_while_others_come_and_go(port: int, ingest: RecordingIngest) -> None:
    reports: list[tuple[RestreamState, ...]] = []
    restreams = Restreams(connect=connect, report=lambda stream_id, states: reports.append(states))
    live = Live(VIDEO)
    live.play(1)
    kept = RestreamTarget(name="kept", url=f"rtmp://127.0.0.1:{port}/live/good")
    gone = RestreamTarget(name="gone", url="rtmp://127.0.0.1:1/live/x")
    restreams.set("s", [kept, gone], source=live, name="s")
    recording = await received(ingest, 1)
    restreams.set("s", [kept], source=live, name="s")
    live.play(1)
    await received(ingest, 2)
    assert [state.name for state in reports[-1]] == ["kept"]
    assert len(ingest.recordings) == 1

    restreams.set("s", [], source=live, name="s")
    assert reports[-1] == ()
    await asyncio.wait_for(recording.is_closed.wait(), 20)
    assert restreams.count == 0
    await restreams.close()
