"""Hostile bytes: the sans-I/O core answers with ProtocolError (or a refusal) and nothing else; the server lives on."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media.errors import ProtocolError, PublishRefused
from media.rtmp import adts, amf, flv, nals
from media.rtmp.chunk import ChunkLimits, ChunkReader, RtmpMessage
from media.rtmp.client import ClientProtocol, parse_url
from media.rtmp.codecs.aac import parse_aac
from media.rtmp.codecs.av1 import is_av1_key, without_temporal_delimiters
from media.rtmp.codecs.avc import parse_avc_sps
from media.rtmp.codecs.hevc import parse_hevc_sps
from media.rtmp.codecs.opus import opus_samples, opus_track
from media.rtmp.codecs.video import video_track
from media.rtmp.codecs.vp9 import is_vp9_key
from media.rtmp.ingest import RtmpIngest
from media.rtmp.protocol import Metadata, PublishWanted, ServerProtocol
from media.rtmp.server import RtmpServer
from media.unit import Codec
from tests.media.rtmp.codecs.samples import AV1, AVC, HEVC
from tests.media.rtmp.recording import Recording, RecordingIngest, ffmpeg

HANDSHAKE = b"\x03" + bytes(3072)
EXPECTED = (ProtocolError, PublishRefused)


def serve(data: bytes, sizes: list[int]) -> Recording | None:
    """One connection's life without sockets, everybody welcome."""
    protocol, recording, ingest = ServerProtocol(limits=ChunkLimits()), Recording(), None
    at = 0
    try:
        for size in [*sizes, len(data)]:
            for event in protocol.receive(data[at : at + size]):
                if isinstance(event, PublishWanted):
                    protocol.accept()
                    ingest = RtmpIngest(publication=recording)
                elif isinstance(event, Metadata) and ingest is not None:
                    ingest.metadata(event.values)
                elif isinstance(event, RtmpMessage) and ingest is not None:
                    (ingest.video if event.type == 9 else ingest.audio)(event.timestamp, event.payload, at=0.0)
            protocol.take()
            at += size
        if ingest is not None:
            ingest.finish()
    except EXPECTED:
        return None
    return recording


@settings(max_examples=300)
@given(st.binary(max_size=2000), st.lists(st.integers(1, 300), max_size=8))
def test_random_bytes_after_the_handshake(data: bytes, sizes: list[int]) -> None:
    serve(HANDSHAKE + data, [3073, *sizes])


@given(st.binary(max_size=4000))
def test_random_bytes_as_a_handshake(data: bytes) -> None:
    serve(data, [])
    serve(b"\x03" + data, [])


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_random_bytes_as_values_and_tags_and_records(data: bytes) -> None:
    attempts = (
        amf.decode,
        flv.parse_audio,
        flv.parse_video,
        parse_aac,
        opus_samples,
        opus_track,
        without_temporal_delimiters,
        parse_avc_sps,
        parse_hevc_sps,
        is_av1_key,
        is_vp9_key,
        adts.access_units,
        nals.NalReader(codec=Codec.HEVC, record=HEVC, length_bytes=2).read,
        lambda body: nals.record_of(Codec.H264, nals.split_annexb(body)),
        lambda body: nals.record_of(Codec.HEVC, nals.split_annexb(body)),
        lambda body: flv.parse_video(b"\x96" + body),
        lambda body: flv.parse_audio(b"\x97" + body),
    )
    for attempt in attempts:
        try:
            attempt(data)
        except EXPECTED:
            continue


@settings(max_examples=300)
@given(st.sampled_from([(Codec.H264, AVC), (Codec.HEVC, HEVC), (Codec.AV1, AV1)]), st.data())
def test_damaged_codec_records(sample: tuple[Codec, bytes], data: st.DataObject) -> None:
    kind, record = sample
    damaged = bytearray(record)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        video_track(kind, bytes(damaged))
    except EXPECTED:
        return


@settings(max_examples=200)
@given(st.binary(max_size=3000))
def test_random_bytes_at_our_client(data: bytes) -> None:
    client = ClientProtocol(address=parse_url("rtmp://h/live/key"))
    try:
        client.receive(HANDSHAKE)
        client.receive(data)
    except ProtocolError:
        return


def pour(reader: ChunkReader) -> None:
    """Sixty messages that never end, a chunk of each in turn."""
    for turn in range(1_000_000):
        stream = 2 + turn % 60
        head = bytes((stream, 0, 0, 0, 0x7F, 0, 0, 9, 1, 0, 0, 0)) if turn < 60 else bytes((0xC0 | stream,))
        reader.receive(head + bytes(128))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def test_unfinished_messages_do_not_grow_memory() -> None:
    reader = ChunkReader(limits=ChunkLimits(max_partial_bytes=1024 * 1024))
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            pour(reader)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


async def record(*arguments: str) -> bytes:
    """What a real encoder sends in a whole session, caught on the way."""
    ingest, caught = RecordingIngest(), bytearray()
    server = RtmpServer(authorize=ingest.authorize)
    port = await server.start(host="127.0.0.1", port=0)

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter, keep: bytearray | None) -> None:
        while data := await source.read(65536):
            if keep is not None:
                keep += data
            sink.write(data)
        sink.close()

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, up_writer, caught), carry(up_reader, writer, None), return_exceptions=True)

    proxy = await asyncio.start_server(between, "127.0.0.1", 0)
    proxy_port = proxy.sockets[0].getsockname()[1]
    process = await ffmpeg(*arguments, "-f", "flv", f"rtmp://127.0.0.1:{proxy_port}/live/good")
    await asyncio.wait_for(process.communicate(), 60)
    await asyncio.wait_for(ingest.recordings[0].is_closed.wait(), 30)
    proxy.close()
    await server.close(budget_s=1)
    return bytes(caught)


@pytest.fixture(scope="module")
def captures() -> list[bytes]:
    picture = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=1")
    sound = ("-f", "lavfi", "-i", "sine=sample_rate=48000:duration=1")
    avc = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p", "-c:a", "aac")
    av1 = ("-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1", "-pix_fmt", "yuv420p", "-c:a", "libopus")

    async def both() -> list[bytes]:
        return [await record(*picture, *sound, *avc), await record(*picture, *sound, *av1)]

    return asyncio.run(both())


def test_captures_are_whole_sessions(captures: list[bytes]) -> None:
    for capture in captures:
        recording = serve(capture, [])
        assert recording is not None
        assert len(recording.of("video")) == 25


def test_captures_mean_the_same_however_they_are_cut(captures: list[bytes]) -> None:
    chance = random.Random(7)
    for capture in captures:
        whole, cut = serve(capture, []), serve(capture, [chance.randint(1, 40) for _ in range(len(capture) // 20)])
        assert whole is not None
        assert cut is not None
        assert [(unit.kind, unit.dts, unit.pts, unit.data) for unit in whole.units] == [
            (unit.kind, unit.dts, unit.pts, unit.data) for unit in cut.units
        ]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), flips=st.integers(1, 12), reach=st.sampled_from([500, 3000, 1_000_000]))
def test_damaged_captures(captures: list[bytes], seed: int, flips: int, reach: int) -> None:
    chance = random.Random(seed)
    damaged = bytearray(chance.choice(captures))
    end = min(len(damaged), 3073 + reach)
    for _ in range(flips):
        at = chance.randrange(3073, end)
        match chance.randrange(4):
            case 0:
                damaged[at] = chance.randrange(256)
            case 1:
                del damaged[at : at + chance.randrange(1, 50)]
            case 2:
                damaged[at:at] = chance.randbytes(chance.randrange(1, 50))
            case _:
                damaged[at:at] = damaged[at - 400 : at]
        end = min(end, len(damaged))
    serve(bytes(damaged), [chance.randint(1, 5000) for _ in range(10)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_cut_off_captures(captures: list[bytes], seed: int) -> None:
    chance = random.Random(seed)
    capture = chance.choice(captures)
    serve(capture[: chance.randrange(len(capture))], [])


async def test_server_outlives_everything(captures: list[bytes]) -> None:
    ingest, chance = RecordingIngest(), random.Random(11)
    server = RtmpServer(authorize=ingest.authorize)
    port = await server.start(host="127.0.0.1", port=0)

    async def attack(data: bytes) -> None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            await asyncio.wait_for(writer.drain(), 30)
            writer.close()
            await writer.wait_closed()
        except OSError:
            return

    for _ in range(60):
        capture = bytearray(chance.choice(captures))
        for _ in range(chance.randrange(20)):
            capture[chance.randrange(3073, 8000)] = chance.randrange(256)
        await attack(bytes(capture[: chance.randrange(len(capture))]))
        await attack(chance.randbytes(chance.randrange(5000)))
        await attack(HANDSHAKE + chance.randbytes(5000))
    await until(lambda: server.connections == 0)
    before = len(ingest.recordings)
    assert all(recording.reason is not None for recording in ingest.recordings)
    await attack(captures[0])
    await until(lambda: len(ingest.recordings) > before and ingest.recordings[-1].reason is not None)
    assert len(ingest.recordings[-1].of("video")) == 25
    await server.close(budget_s=1)
