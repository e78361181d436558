"""The server's deadlines, bounds and endings, with our own client over real sockets and a clock set by hand."""

from __future__ import annotations

import asyncio
import datetime
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from media.publication import PublishRequest
from media.rtmp.client import ClientProtocol, Published, PublishRejected, _State, parse_url
from media.rtmp.limits import RtmpLimits, counted_address
from media.rtmp.server import RtmpServer
from media.unit import Codec, Track, Unit
from tests.media.rtmp.recording import Recording, RecordingIngest

AUDIO = Track(kind="audio", codec=Codec.AAC, timescale=48_000, config=b"\x11\x90", sample_rate=48_000, channels=2)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Encoder:
    """Our client on a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str) -> None:
        self.protocol = ClientProtocol(address=parse_url(url))
        self.reader = reader
        self.writer = writer

    async def ask(self) -> Published | PublishRejected:
        """Publish, and wait for the answer."""
        while True:
            self.flush()
            data = await asyncio.wait_for(self.reader.read(65536), 30)
            assert data, "closed without an answer"
            for event in self.protocol.receive(data):
                return event

    def flush(self) -> None:
        self.writer.write(self.protocol.take())

    def play(self, start: int, count: int) -> None:
        for index in range(start, start + count):
            self.protocol.send_unit(
                Unit(kind="audio", pts=index * 1024, dts=index * 1024, is_key=True, data=b"aac", at=0.0)
            )
        self.flush()

    async def closed(self) -> bytes:
        """Read until the server closes; what came."""
        try:
            return await asyncio.wait_for(self.reader.read(-1), 30)
        except ConnectionResetError:
            return b""


class Dial:
    """Makes encoders, and closes them in the end."""

    def __init__(self) -> None:
        self._made: list[Encoder] = []

    async def __call__(self, port: int, key: str = "good", *, tls: ssl.SSLContext | None = None) -> Encoder:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
        self._made.append(Encoder(reader, writer, f"rtmp://127.0.0.1/live/{key}"))
        return self._made[-1]

    async def close(self) -> None:
        for encoder in self._made:
            encoder.writer.transport.abort()
        await asyncio.gather(*(encoder.writer.wait_closed() for encoder in self._made), return_exceptions=True)


Start = Callable[..., Awaitable[tuple[RtmpServer, int]]]


@pytest.fixture
def ingest() -> RecordingIngest:
    return RecordingIngest()


@pytest.fixture
async def dial() -> AsyncIterator[Dial]:
    dialler = Dial()
    yield dialler
    await dialler.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def start(ingest: RecordingIngest, clock: Clock) -> AsyncIterator[Start]:
    servers: list[RtmpServer] = []

    async def begin(**options: object) -> tuple[RtmpServer, int]:
        ssl_context = options.pop("ssl", None)
        authorize = options.pop("authorize", ingest.authorize)
        server = RtmpServer(
            authorize=authorize,  # type: ignore[arg-type]
            clock=clock,
            ssl=ssl_context,  # type: ignore[arg-type]
            limits=RtmpLimits(sweep_s=0.01, **options),  # type: ignore[arg-type]
        )
        servers.append(server)
        return server, await server.start(host="127.0.0.1", port=0)

    yield begin
    for server in servers:
        await server.close(budget_s=1)
        assert server.connections == 0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def publish(ingest: RecordingIngest, dial: Dial, port: int) -> tuple[Encoder, Recording]:
    encoder = await dial(port)
    assert await encoder.ask() == Published()
    encoder.protocol.send_tracks([AUDIO])
    encoder.play(0, 30)
    recording = ingest.recordings[-1]
    await asyncio.wait_for(recording.has_units.wait(), 30)
    return encoder, recording


async def test_units_arrive_and_an_orderly_end_leaves_the_connection_open(
    start: Start, dial: Dial, ingest: RecordingIngest
) -> None:
    server, port = await start()
    encoder, recording = await publish(ingest, dial, port)
    assert server.publishers == 1
    encoder.protocol.finish()
    encoder.flush()
    await asyncio.wait_for(recording.is_closed.wait(), 30)
    assert (recording.reason, len(recording.units), server.counters.units) == ("ended", 30, 30)
    assert (server.connections, server.publishers) == (1, 0)


async def test_media_gathers_before_it_is_read_as_long_as_nobody_needs_it(
    start: Start, dial: Dial, ingest: RecordingIngest
) -> None:
    _, port = await start()
    encoder, recording = await publish(ingest, dial, port)
    recording.patience_s = 3_600
    encoder.play(30, 1)
    await until(lambda: len(recording.units) == 31)
    encoder.play(31, 29)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(recording.units) == 31
    assert recording.stop is not None
    recording.stop("over")
    await asyncio.wait_for(recording.is_closed.wait(), 30)


async def test_media_that_gathered_is_all_read_in_order(start: Start, dial: Dial, ingest: RecordingIngest) -> None:
    _, port = await start()
    encoder, recording = await publish(ingest, dial, port)
    recording.patience_s = 0.03
    for at in range(30, 60, 3):
        encoder.play(at, 3)
        await asyncio.sleep(0)
    await until(lambda: len(recording.units) == 60)
    assert [unit.pts for unit in recording.units] == sorted(unit.pts for unit in recording.units)
    recording.patience_s = 3_600
    encoder.play(60, 1)
    await until(lambda: len(recording.units) == 61)


async def test_much_media_is_read_at_once_however_patient_its_readers_are(
    start: Start, dial: Dial, ingest: RecordingIngest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.rtmp.connection.MUCH_BYTES", 0)
    _, port = await start()
    encoder, recording = await publish(ingest, dial, port)
    recording.patience_s = 3_600
    for at in range(30, 60):
        encoder.play(at, 1)
        await until(lambda at=at: len(recording.units) == at + 1)  # type: ignore[misc]


async def test_closed_socket_is_disconnected(start: Start, dial: Dial, ingest: RecordingIngest) -> None:
    server, port = await start()
    encoder, recording = await publish(ingest, dial, port)
    encoder.writer.close()
    await asyncio.wait_for(recording.is_closed.wait(), 30)
    assert recording.reason == "disconnected"
    await until(lambda: server.connections == 0)


async def test_silent_publisher_is_gone_after_five_seconds(
    start: Start, dial: Dial, ingest: RecordingIngest, clock: Clock
) -> None:
    server, port = await start()
    encoder, recording = await publish(ingest, dial, port)
    clock.now += 4.9
    server.sweep()
    assert recording.reason is None
    clock.now += 0.2
    await asyncio.wait_for(recording.is_closed.wait(), 30)
    assert recording.reason == "timeout"
    await encoder.closed()
    assert server.counters.timeouts == 1


async def test_sweep_that_comes_late_misses_nobody_but_the_next_one_does_however_late(
    start: Start, dial: Dial, ingest: RecordingIngest, clock: Clock
) -> None:
    """Whoever stood still reads first what has waited; a loop whose every turn is late keeps its deadlines even so."""
    server, port = await start()
    encoder, recording = await publish(ingest, dial, port)

    def sweep() -> None:
        assert server._sweeper is not None
        server._sweeper.cancel()
        server._on_sweep()

    sweep()
    clock.now += 60
    sweep()
    assert recording.reason is None
    clock.now += 60
    sweep()
    assert recording.reason == "timeout"
    await encoder.closed()


async def test_publisher_that_sends_anything_but_media_is_gone_too(
    start: Start, dial: Dial, ingest: RecordingIngest, clock: Clock
) -> None:
    server, port = await start()
    encoder, recording = await publish(ingest, dial, port)
    for step in range(6):
        received = server.counters.received_bytes
        encoder.protocol.send_metadata({"step": float(step)})
        encoder.flush()
        await until(lambda received=received: server.counters.received_bytes > received)  # type: ignore[misc]
        clock.now += 3
        server.sweep()
    assert recording.reason == "timeout"


async def test_dribbled_handshake_does_not_get_more_time(start: Start, dial: Dial, clock: Clock) -> None:
    server, port = await start()
    encoder = await dial(port)
    for index in range(6):
        encoder.writer.write(b"\x03" if index == 0 else b"\0")
        await until(lambda index=index: server.counters.received_bytes > index)  # type: ignore[misc]
        clock.now += 0.9
    await encoder.closed()
    await until(lambda: server.connections == 0)


async def test_connection_that_never_publishes_is_closed(start: Start, dial: Dial, clock: Clock) -> None:
    server, port = await start()
    encoder = await dial(port)
    encoder.writer.write(b"\x03" + bytes(3072))
    await until(lambda: server.counters.received_bytes == 3073)
    clock.now += 9.9
    server.sweep()
    assert server.connections == 1
    clock.now += 0.2
    await encoder.closed()


async def test_wrong_key_hears_why_before_the_connection_closes(start: Start, dial: Dial) -> None:
    server, port = await start()
    encoder = await dial(port, "bad")
    assert await encoder.ask() == PublishRejected("NetStream.Publish.BadName", "there is no such stream key")
    assert await encoder.closed() == b""
    encoder.writer.close()
    await until(lambda: server.connections == 0)
    assert server.counters.refused == 1


async def test_refused_publisher_that_stays_is_cut_off_after_the_linger(start: Start, dial: Dial, clock: Clock) -> None:
    server, port = await start()
    encoder = await dial(port, "bad")
    await encoder.ask()
    await encoder.closed()
    encoder.writer.write(b"more" * 1000)
    assert server.connections == 1
    clock.now += 2.1
    await until(lambda: server.connections == 0)


async def test_second_publisher_is_refused_until_the_first_is_gone(
    start: Start, dial: Dial, ingest: RecordingIngest
) -> None:
    _, port = await start()
    first, recording = await publish(ingest, dial, port)
    second = await dial(port)
    answer = await second.ask()
    assert isinstance(answer, PublishRejected)
    assert answer.code == "NetStream.Publish.BadName"
    first.writer.close()
    await asyncio.wait_for(recording.is_closed.wait(), 30)
    third, _ = await publish(ingest, dial, port)
    assert not third.writer.is_closing()


async def test_stopped_publication_tells_its_publisher(start: Start, dial: Dial, ingest: RecordingIngest) -> None:
    server, port = await start()
    encoder, recording = await publish(ingest, dial, port)
    assert recording.stop is not None
    recording.stop("key rotated")
    recording.stop("again")
    assert recording.reason == "key rotated"
    answer = await encoder.ask()
    assert isinstance(answer, PublishRejected)
    assert "key rotated" in answer.description
    encoder.writer.close()
    await until(lambda: server.connections == 0)


async def test_publisher_that_leaves_while_it_is_judged_leaves_no_publication_open(start: Start, dial: Dial) -> None:
    gate, asked, recording = asyncio.Event(), asyncio.Event(), Recording()

    async def slowly(request: PublishRequest) -> Recording:
        asked.set()
        await gate.wait()
        return recording

    server, port = await start(authorize=slowly)
    encoder = await dial(port)
    question = asyncio.create_task(encoder.ask())
    await asyncio.wait_for(asked.wait(), 30)
    question.cancel()
    await asyncio.gather(question, return_exceptions=True)
    for connection in list(server._connections):
        connection.abort()
    await until(lambda: server.connections == 0)
    gate.set()
    await asyncio.wait_for(recording.is_closed.wait(), 30)
    assert recording.reason == "disconnected"


async def test_question_without_an_answer_is_a_refusal_to_try_again(start: Start, dial: Dial) -> None:
    async def never(request: PublishRequest) -> Recording:
        await asyncio.Event().wait()
        raise AssertionError

    _, port = await start(authorize=never, authorize_s=0.05)
    answer = await (await dial(port)).ask()
    assert isinstance(answer, PublishRejected)
    assert "try again" in answer.description


async def test_failing_authorization_is_a_refusal_and_a_logged_fault(
    start: Start, dial: Dial, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(request: PublishRequest) -> Recording:
        raise RuntimeError("the database is on fire")

    _, port = await start(authorize=fails)
    answer = await (await dial(port)).ask()
    assert isinstance(answer, PublishRejected)
    assert "fire" not in answer.description
    assert "the database is on fire" in caplog.text


async def test_media_sent_before_the_answer_is_not_lost(start: Start, dial: Dial, ingest: RecordingIngest) -> None:
    gate = asyncio.Event()

    async def slowly(request: PublishRequest) -> Recording:
        await gate.wait()
        return await ingest.authorize(request)

    _, port = await start(authorize=slowly)
    encoder = await dial(port)
    question = asyncio.create_task(encoder.ask())
    await until(lambda: encoder.protocol._state.name == "ASKING")
    encoder.protocol._state = _State.PUBLISHING  # by itself the client would wait
    encoder.protocol.send_tracks([AUDIO])
    encoder.play(0, 30)
    gate.set()
    await until(lambda: bool(ingest.recordings) and len(ingest.recordings[0].units) == 30)
    question.cancel()


async def test_several_publishes_follow_one_another_on_one_connection(
    start: Start, dial: Dial, ingest: RecordingIngest
) -> None:
    server, port = await start()
    encoder, first = await publish(ingest, dial, port)
    encoder.protocol.finish()
    encoder.flush()
    await asyncio.wait_for(first.is_closed.wait(), 30)
    link = encoder.protocol._link
    link.command("createStream", 4.0, None)
    link.command("publish", 5.0, None, "good", "live", stream_id=1)
    encoder.flush()
    await until(lambda: len(ingest.recordings) == 2)
    assert (server.connections, server.counters.published) == (1, 2)


async def test_garbage_closes_with_one_log_line(start: Start, dial: Dial, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server, port = await start()
    encoder = await dial(port)
    encoder.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await encoder.closed()
    await until(lambda: server.connections == 0)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("media.rtmp.")]
    assert len(lines) == 1
    assert "protocol error: handshake version 71" in lines[0]
    assert server.counters.protocol_errors == 1


async def test_a_flood_of_strangers_writes_a_bounded_number_of_lines(
    start: Start, dial: Dial, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server, port = await start()
    for _ in range(20):
        encoder = await dial(port)
        encoder.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await encoder.closed()
    await until(lambda: server.connections == 0)
    assert server.counters.protocol_errors == 20
    assert len([record for record in caplog.records if record.name.startswith("media.rtmp.")]) == 5


async def test_garbage_of_one_publisher_does_not_touch_another(
    start: Start, dial: Dial, ingest: RecordingIngest
) -> None:
    server, port = await start()
    encoder, recording = await publish(ingest, dial, port)
    other = await dial(port)
    other.writer.write(b"\x03" + bytes(3072) + b"\xff" * 5000)
    await other.closed()
    encoder.play(30, 10)
    await until(lambda: len(recording.units) == 40)
    assert recording.reason is None
    assert server.counters.protocol_errors == 1


async def test_connections_over_the_limit_are_turned_away(start: Start, dial: Dial) -> None:
    server, port = await start(max_connections=2)
    kept = [await dial(port) for _ in range(2)]
    await until(lambda: server.connections == 2)
    third = await dial(port)
    assert await third.closed() == b""
    assert server.counters.turned_away == 1
    kept[0].writer.close()
    await until(lambda: server.connections == 1)


async def test_idle_connections_of_one_address_are_bounded_but_publishers_do_not_count(
    start: Start, dial: Dial, ingest: RecordingIngest
) -> None:
    server, port = await start(max_pending_per_address=1)
    publisher, _ = await publish(ingest, dial, port)
    idle = await dial(port)
    await until(lambda: server.connections == 2)
    assert await (await dial(port)).closed() == b""
    idle.writer.close()
    await until(lambda: server.connections == 1)
    idle = await dial(port)
    await until(lambda: server.connections == 2)
    assert not publisher.writer.is_closing()


async def test_peer_that_does_not_read_is_closed(start: Start, dial: Dial) -> None:
    server, port = await start(max_unsent_bytes=1024)
    assert server._server is not None
    for listening in server._server.sockets:
        # Accepted sockets inherit it: without room in the kernel a few answers are too many.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    encoder = await dial(port)
    encoder.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    encoder.reader._transport.pause_reading()  # type: ignore[attr-defined]
    encoder.writer.write(b"\x03" + bytes(3072))
    ping = bytes((2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0)) + b"\0\6\0\0\0\0"
    try:
        async with asyncio.timeout(30):
            while server.counters.accepted == 0 or server.connections:
                encoder.writer.write(ping * 3000)
                await asyncio.sleep(0)
                if encoder.writer.transport.get_write_buffer_size() > 1 << 20:
                    await asyncio.sleep(0.005)
    except ConnectionError:
        pass
    assert server.connections == 0


async def test_close_ends_publishers_within_its_budget(start: Start, dial: Dial, ingest: RecordingIngest) -> None:
    server, port = await start()
    encoder, recording = await publish(ingest, dial, port)
    await server.close(budget_s=0.2)
    assert recording.reason == "shutdown"
    assert server.connections == 0
    await encoder.closed()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


def certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "tls.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def test_rtmps_carries_units_and_refusals(
    start: Start, dial: Dial, ingest: RecordingIngest, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    _, port = await start(ssl=context)
    encoder = await dial(port, tls=trusting)
    assert await encoder.ask() == Published()
    encoder.protocol.send_tracks([AUDIO])
    encoder.play(0, 30)
    await asyncio.wait_for(ingest.recordings[0].has_units.wait(), 30)
    assert ingest.requests[0].protocol == "rtmps"
    refused = await (await dial(port, "bad", tls=trusting)).ask()
    assert isinstance(refused, PublishRejected)


def test_uvloop_serves_the_same() -> None:
    async def run() -> None:
        ingest, dial = RecordingIngest(), Dial()
        server = RtmpServer(authorize=ingest.authorize)
        port = await server.start(host="127.0.0.1", port=0)
        encoder, recording = await publish(ingest, dial, port)
        assert isinstance(await (await dial(port, "bad")).ask(), PublishRejected)
        encoder.writer.close()
        await asyncio.wait_for(recording.is_closed.wait(), 30)
        await server.close(budget_s=1)
        await dial.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_connections_are_bounded_by_ipv6_network_and_mapped_addresses_as_ipv4(peer: str, counted: str) -> None:
    assert counted_address(peer) == counted
