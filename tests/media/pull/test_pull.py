"""Streams that are fetched from an RTMP server, over loopback."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from media.errors import PublishRefused
from media.publication import PublishRequest
from media.pull.pull import BUSY_S, Pull
from media.pull.pulls import Pulls
from media.pull.states import PullSource, PullState
from media.restream.connection import Streams
from media.rtmp import flv
from media.rtmp.amf import EcmaArray, encode
from media.rtmp.chunk import AUDIO, COMMAND, DATA, VIDEO, ChunkLimits, RtmpMessage
from media.rtmp.client import RtmpAddress
from media.rtmp.handshake import ServerHandshake
from media.rtmp.link import RtmpLink, parse_command
from media.unit import Codec, Track, Unit
from tests.media.rtmp.codecs.samples import HEVC
from tests.media.rtmp.recording import RecordingIngest

VIDEO_TRACK = Track(kind="video", codec=Codec.HEVC, timescale=90_000, config=HEVC, width=1920, height=1080, fps=30)
AUDIO_TRACK = Track(kind="audio", codec=Codec.AAC, timescale=48_000, config=b"\x11\x90", sample_rate=48_000, channels=2)


class Origin:
    """An RTMP server that plays ``frames`` pictures with sound to each client and then does as ``ending`` says."""

    def __init__(self, *, frames: int = 4, code: str = "NetStream.Play.Start", ending: str = "stay") -> None:
        self.played: list[str] = []
        self.frames = frames
        self._code = code
        self._ending = ending
        self.end = asyncio.Event()
        self._server: asyncio.Server

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        before = len(self.played)
        link = RtmpLink(handshake=ServerHandshake(entropy=os.urandom), limits=ChunkLimits())
        while data := await reader.read(65_536):
            for message in link.receive(data):
                if message.type == COMMAND:
                    self._answer(link, message)
            writer.write(link.take())
            if len(self.played) > before and self._ending != "stay":
                await self.end.wait()
                break
        if self._ending == "end":
            info = {"level": "status", "code": "NetStream.Play.UnpublishNotify"}
            link.command("onStatus", 0.0, None, info, stream_id=1)
            writer.write(link.take())
        writer.close()

    def _answer(self, link: RtmpLink, message: RtmpMessage) -> None:
        command = parse_command(message)
        if command.name == "connect":
            link.announce_chunk_size(4_096)
            link.command("_result", command.transaction, {}, {"code": "NetConnection.Connect.Success"})
        elif command.name == "createStream":
            link.command("_result", command.transaction, None, 1.0)
        elif command.name == "play":
            self.played.append(command.text(0))
            level = "status" if self._code == "NetStream.Play.Start" else "error"
            info = {"level": level, "code": self._code, "description": command.text(0)}
            link.command("onStatus", 0.0, None, info, stream_id=1)
            if level == "status":
                self._play(link)

    def _play(self, link: RtmpLink) -> None:
        metadata = encode("onMetaData", EcmaArray({"videocodecid": 12.0, "audiocodecid": 10.0}))
        link.send(4, RtmpMessage(DATA, 1, 0, metadata))
        link.send(6, RtmpMessage(VIDEO, 1, 0, flv.video_header(VIDEO_TRACK)))
        link.send(4, RtmpMessage(AUDIO, 1, 0, flv.audio_header(AUDIO_TRACK)))
        for index in range(self.frames):
            nal = (b"\x26\1" if index == 0 else b"\2\1") + bytes((index, 255)) * 20
            data = len(nal).to_bytes(4, "big") + nal
            pts = index * 3_000
            unit = Unit(kind="video", pts=pts, dts=pts, is_key=index == 0, data=data, at=0.0)
            link.send(6, RtmpMessage(VIDEO, 1, index * 33, flv.video_frame(VIDEO_TRACK, unit)))
            sound = Unit(kind="audio", pts=0, dts=0, is_key=True, data=b"\x21\x10", at=0.0)
            link.send(4, RtmpMessage(AUDIO, 1, index * 33, flv.audio_frame(AUDIO_TRACK, sound)))


class Pauses:
    """In place of waiting: keeps for how long; ``go`` lets the next try begin."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._go = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self._go.acquire()

    async def until(self, count: int) -> None:
        await until(lambda: len(self.asked) >= count)

    def go(self) -> None:
        self._go.release()


async def connect(address: RtmpAddress) -> Streams:
    return await asyncio.open_connection(address.host, address.port)


async def no_get(url: str, max_bytes: int) -> tuple[bytes, str]:
    raise OSError


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class NoLibrary:
    """There are no channels here."""

    async def list(self, *given: object, **more: object) -> Any:
        raise OSError

    async def read(self, piece: object) -> bytes:
        raise OSError


Run = Callable[..., Pull]


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def ingest() -> RecordingIngest:
    return RecordingIngest()


@pytest.fixture
async def run(pauses: Pauses, ingest: RecordingIngest) -> AsyncIterator[Run]:
    made: list[Pull] = []

    def begin(port: int, **more: Any) -> Pull:
        source = PullSource(stream_id="s", url=f"rtmp://127.0.0.1:{port}/live/s3cret-name", key="good")
        options = {
            "connect": connect,
            "get": no_get,
            "library": NoLibrary(),
            "authorize": ingest.authorize,
            "sleep": pauses,
            **more,
        }
        made.append(Pull(source=source, **options))
        return made[-1]

    yield begin
    for one in made:
        await one.close()


async def test_what_a_source_plays_is_published_with_the_streams_key(run: Run, ingest: RecordingIngest) -> None:
    origin = Origin(frames=4)
    pull = run(await origin.start())
    await until(lambda: ingest.recordings and len(ingest.recordings[0].of("video")) == 4)
    recording = ingest.recordings[0]
    assert origin.played == ["s3cret-name"]
    assert [(one.key, one.protocol) for one in ingest.requests] == [("good", "pull")]
    assert [track.codec for track in recording.configured[-1]] == [Codec.HEVC, Codec.AAC]
    assert [unit.data[6] for unit in recording.of("video")] == [0, 1, 2, 3]
    assert len(recording.of("audio")) == 4
    assert pull.state.phase == "live"
    assert pull.measure(1.0).received_bytes > 500
    await pull.close()
    assert recording.reason is not None
    origin.close()


@pytest.mark.parametrize("ending", ["end", "close"])
async def test_a_source_that_ends_is_fetched_again_after_a_pause(
    run: Run, ingest: RecordingIngest, pauses: Pauses, ending: str
) -> None:
    origin = Origin(ending=ending)
    pull = run(await origin.start())
    await until(lambda: ingest.recordings)
    origin.end.set()
    await pauses.until(1)
    assert (pull.state.phase, pull.state.reason) == ("retrying", "closed")
    assert pull.state.next_try_at is not None
    assert [recording.reason for recording in ingest.recordings] == ["the source has gone"]
    origin.end.clear()
    pauses.go()
    await until(lambda: len(ingest.recordings) == 2)
    origin.close()


async def test_while_another_publisher_has_the_stream_the_source_waits(
    run: Run, ingest: RecordingIngest, pauses: Pauses
) -> None:
    request = PublishRequest(key="good", protocol="rtmp", remote="an encoder")
    encoder = await ingest.authorize(request)
    origin = Origin()
    pull = run(await origin.start())
    await pauses.until(1)
    assert (pull.state.phase, pull.state.reason, pauses.asked) == ("waiting", "busy", [BUSY_S])
    encoder.close("the encoder has gone")
    pauses.go()
    await until(lambda: pull.state.phase == "live")
    stop = ingest.recordings[-1].stop
    assert stop is not None
    stop("another publisher has come")
    await pauses.until(2)
    assert pull.state.detail == "another publisher has come"
    assert ingest.recordings[-1].reason is not None
    origin.close()


async def test_a_source_that_has_no_such_stream_has_refused_it_and_its_name_is_not_shown(
    run: Run, ingest: RecordingIngest, pauses: Pauses, caplog: pytest.LogCaptureFixture
) -> None:
    origin = Origin(code="NetStream.Play.StreamNotFound")
    pull = run(await origin.start())
    await pauses.until(1)
    assert (pull.state.phase, pull.state.reason) == ("refused", "rejected")
    assert "NetStream.Play.StreamNotFound" in pull.state.detail
    ours = [record.getMessage() for record in caplog.records if record.name == "media.pull"]
    assert ours
    assert "s3cret-name" not in f"{ours}{pull.state}{pull.source}"
    assert ingest.requests == []
    origin.close()


async def test_a_source_that_sends_nothing_takes_no_stream(
    run: Run, ingest: RecordingIngest, pauses: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.pull.rtmp.OPEN_S", 0.05)
    origin = Origin(frames=0)
    monkeypatch.setattr(origin, "_play", lambda link: None)
    pull = run(await origin.start())
    await pauses.until(1)
    assert (pull.state.phase, pull.state.reason) == ("retrying", "timeout")
    assert ingest.requests == []
    origin.close()


async def test_a_source_that_falls_silent_gives_the_stream_back(
    run: Run, ingest: RecordingIngest, pauses: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.pull.rtmp.SILENT_S", 0.05)
    origin = Origin()
    pull = run(await origin.start())
    await pauses.until(1)
    assert (pull.state.phase, pull.state.reason) == ("retrying", "timeout")
    assert ingest.recordings[0].reason is not None
    origin.close()


async def test_a_source_that_talks_nonsense_is_tried_again(run: Run, pauses: Pauses) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(b"\x03" + bytes(3_071 + 1) + b"\xff" * 50_000)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    pull = run(server.sockets[0].getsockname()[1])
    await pauses.until(1)
    assert pull.state.phase == "retrying"
    assert pull.state.reason in ("protocol", "closed", "unreachable")
    server.close()


async def test_sources_that_stay_go_on_while_others_come_and_go(ingest: RecordingIngest) -> None:
    reports: list[tuple[PullState, ...]] = []

    async def refuse(request: PublishRequest) -> Any:
        if request.key != "good":
            raise PublishRefused("bad_name", "no")
        return await ingest.authorize(request)

    pulls = Pulls(connect=connect, get=no_get, library=NoLibrary(), authorize=refuse, report=reports.append)
    origin = Origin()
    port = await origin.start()
    kept = PullSource(stream_id="kept", url=f"rtmp://127.0.0.1:{port}/live/x", key="good")
    other = PullSource(stream_id="other", url=f"rtmp://127.0.0.1:{port}/live/x", key="bad")
    pulls.set([kept, other])
    await until(lambda: ingest.recordings and len(origin.played) == 2)
    assert {state.stream_id for state in reports[-1]} == {"kept", "other"}
    pulls.set([kept])
    assert pulls.count == 1
    assert ingest.recordings[0].reason is None
    await pulls.close()
    assert (pulls.count, ingest.recordings[0].reason is None) == (0, False)
    origin.close()
