from __future__ import annotations

import pytest

from media.errors import ProtocolError, PublishRefused
from media.rtmp import amf
from media.rtmp.chunk import (
    ACKNOWLEDGEMENT,
    AGGREGATE,
    AUDIO,
    COMMAND,
    COMMAND_AMF3,
    DATA,
    DATA_AMF3,
    PEER_BANDWIDTH,
    SET_CHUNK_SIZE,
    USER_CONTROL,
    VIDEO,
    WINDOW_SIZE,
    ChunkLimits,
    ChunkReader,
    ChunkWriter,
    RtmpMessage,
)
from media.rtmp.client import ClientProtocol, Published, PublishRejected, parse_url
from media.rtmp.link import CHUNK_BYTES
from media.rtmp.protocol import (
    ConnectionEnding,
    DataMalformed,
    Event,
    Metadata,
    PublishStopped,
    PublishWanted,
    ServerProtocol,
    find_key,
    says_backup,
    split_aggregate,
)


class Peer:
    """A hand-driven client: writes any message, reads what the server says."""

    def __init__(self) -> None:
        self.server = ServerProtocol(limits=ChunkLimits())
        self._writer = ChunkWriter()
        self._reader = ChunkReader(limits=ChunkLimits())
        self.server.receive(b"\x03" + bytes(1536))
        assert len(self.server.take()) == 3073
        self.server.receive(bytes(1536))
        assert self.server.is_handshaken

    def send(self, kind: int, payload: bytes, *, stream_id: int = 0, timestamp: int = 0) -> list[Event]:
        return self.server.receive(self._writer.write(3, RtmpMessage(kind, stream_id, timestamp, payload)))

    def chunk_size(self, size: int) -> None:
        self.send(SET_CHUNK_SIZE, size.to_bytes(4, "big"))
        self._writer.chunk_bytes = size

    def command(self, *values: amf.Writable, stream_id: int = 0) -> list[Event]:
        return self.send(COMMAND, amf.encode(*values), stream_id=stream_id)

    def said(self) -> list[RtmpMessage]:
        return self._reader.receive(self.server.take())

    def commands(self) -> list[list[amf.Value]]:
        return [amf.decode(message.payload) for message in self.said() if message.type == COMMAND]

    def connect(self, **properties: amf.Writable) -> None:
        self.command("connect", 1.0, {"app": "live", "tcUrl": "rtmp://h/live", **properties})

    def publish(self, key: str = "KEY") -> list[Event]:
        self.command("createStream", 2.0, None)
        return self.command("publish", 3.0, None, key, "live", stream_id=1)


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def publishing(peer: Peer) -> Peer:
    peer.connect()
    peer.publish()
    peer.server.accept()
    peer.said()
    return peer


def statuses(peer: Peer) -> list[dict[str, amf.Value]]:
    found = []
    for values in peer.commands():
        if values[0] == "onStatus":
            assert isinstance(values[3], dict)
            found.append(values[3])
    return found


def test_connect_is_answered_with_windows_chunk_size_and_success(peer: Peer) -> None:
    peer.connect()
    said = peer.said()
    assert [message.type for message in said] == [WINDOW_SIZE, PEER_BANDWIDTH, COMMAND]
    name, transaction, properties, info = amf.decode(said[-1].payload)
    assert (name, transaction) == ("_result", 1.0)
    assert isinstance(info, dict)
    assert info["code"] == "NetConnection.Connect.Success"
    assert isinstance(properties, dict)
    assert "fourCcList" not in properties
    assert peer._reader.chunk_bytes == CHUNK_BYTES


def test_enhanced_client_is_told_the_codecs(peer: Peer) -> None:
    peer.connect(fourCcList=["hvc1"], capsEx=15.0)
    properties = peer.commands()[0][2]
    assert isinstance(properties, dict)
    assert properties["fourCcList"] == ["avc1", "hvc1", "av01", "vp09", "mp4a", "Opus"]
    assert properties["videoFourCcInfoMap"] == {"avc1": 4.0, "hvc1": 4.0, "av01": 4.0, "vp09": 4.0}
    assert properties["capsEx"] == 14.0


def test_chunk_size_before_connect_is_taken(peer: Peer) -> None:
    peer.chunk_size(4096)
    peer.connect(flashVer="x" * 300)
    assert peer.commands()[0][0] == "_result"


def test_encoder_flow_leads_to_a_publish(peer: Peer) -> None:
    peer.connect(flashVer="FMLE/3.0")
    peer.said()
    peer.command("releaseStream", 2.0, None, "KEY")
    peer.command("FCPublish", 3.0, None, "KEY")
    peer.command("createStream", 4.0, None)
    assert [values[:4] for values in peer.commands()] == [
        ["_result", 2.0, None, None],
        ["_result", 3.0, None, None],
        ["onFCPublish", 0.0, None, {"code": "NetStream.Publish.Start", "description": "ready"}],
        ["_result", 4.0, None, 1.0],
    ]
    assert peer.command("publish", 5.0, None, "KEY?a=b", "live", stream_id=1) == [
        PublishWanted("KEY", "live", "FMLE/3.0")
    ]
    peer.server.accept()
    said = peer.said()
    assert [message.type for message in said] == [USER_CONTROL, COMMAND]
    assert said[1].stream_id == 1
    info = amf.decode(said[1].payload)[3]
    assert isinstance(info, dict)
    assert (info["level"], info["code"]) == ("status", "NetStream.Publish.Start")
    assert "KEY?" not in str(info["description"])


def test_commands_for_amf3_are_tolerated(peer: Peer) -> None:
    peer.send(COMMAND_AMF3, b"\0" + amf.encode("connect", 1.0, {"app": "live"}))
    assert peer.commands()[0][0] == "_result"


def test_media_of_the_stream_is_handed_on_and_of_others_is_not(publishing: Peer) -> None:
    assert publishing.send(VIDEO, b"v", stream_id=1, timestamp=7) == [RtmpMessage(VIDEO, 1, 7, b"v")]
    assert publishing.send(AUDIO, b"a", stream_id=2) == []


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (DATA, amf.encode("@setDataFrame", "onMetaData", amf.EcmaArray(width=2.0))),
        (DATA, amf.encode("onMetaData", {"width": 2.0})),
        (DATA_AMF3, b"\0" + amf.encode("@setDataFrame", "onMetaData", {"width": 2.0})),
    ],
)
def test_metadata_is_handed_on(publishing: Peer, kind: int, payload: bytes) -> None:
    assert publishing.send(kind, payload, stream_id=1) == [Metadata({"width": 2.0})]


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (DATA, amf.encode("@setDataFrame", "onMetaData") + b"\x11\x0a\x0b\x01\x0bwidth\x05\1"),
        (DATA_AMF3, b"\0" + amf.encode("@setDataFrame", "onMetaData") + b"\x11\x0a\x0b\x01"),
        (DATA, amf.encode("@setDataFrame", "onMetaData") + b"\x08\0\0\0\1\0\5width" + amf.encode(2.0)),
        (DATA, amf.encode("onTextData") + b"\x07\0\1"),
    ],
    ids=["amf3", "amf3-15", "array-without-end", "reference"],
)
def test_malformed_data_is_passed_over_and_said(publishing: Peer, kind: int, payload: bytes) -> None:
    assert publishing.send(kind, payload, stream_id=1) == [DataMalformed()]
    assert publishing.send(VIDEO, b"v", stream_id=1, timestamp=7) == [RtmpMessage(VIDEO, 1, 7, b"v")]


def test_malformed_command_breaks_the_protocol(publishing: Peer) -> None:
    with pytest.raises(ProtocolError):
        publishing.send(COMMAND, amf.encode("deleteStream", 4.0) + b"\x07\0\1")


def test_other_data_is_ignored(publishing: Peer) -> None:
    assert publishing.send(DATA, amf.encode("onTextData", {"text": "x"}), stream_id=1) == []


@pytest.mark.parametrize("code", ["bad_name", "busy", "ended", "unavailable", "unsupported"])
def test_every_refusal_is_a_bad_name_with_its_sentence(peer: Peer, code: str) -> None:
    peer.connect()
    peer.publish()
    peer.said()
    refusal = PublishRefused(code, "no, because")  # type: ignore[arg-type]
    assert peer.server.refuse(refusal) == ConnectionEnding(code)
    info = statuses(peer)[0]
    assert (info["level"], info["code"]) == ("error", "NetStream.Publish.BadName")
    assert str(info["description"]).startswith("no, because")
    assert ("try again" in str(info["description"])) == (code == "unavailable")
    assert peer.send(VIDEO, b"late", stream_id=1) == []


def test_stopped_publisher_is_told(publishing: Peer) -> None:
    assert publishing.server.stop("key rotated") == ConnectionEnding("key rotated")
    assert statuses(publishing)[0]["code"] == "NetStream.Publish.Denied"


@pytest.mark.parametrize(
    "ending",
    [("FCUnpublish", 6.0, None, "KEY"), ("deleteStream", 7.0, None, 1.0), ("closeStream", 0.0, None)],
    ids=["FCUnpublish", "deleteStream", "closeStream"],
)
def test_each_ending_ends_the_publish_once_and_another_may_follow(
    publishing: Peer, ending: tuple[amf.Writable, ...]
) -> None:
    assert publishing.command(*ending, stream_id=1) == [PublishStopped()]
    assert publishing.command("deleteStream", 8.0, None, 1.0) == []
    assert statuses(publishing)[0]["code"] == "NetStream.Unpublish.Success"
    assert publishing.publish("NEXT") == [PublishWanted("NEXT", "live", "")]


def test_player_is_told_that_there_is_no_such_stream(peer: Peer) -> None:
    peer.connect()
    peer.command("createStream", 2.0, None)
    assert peer.command("play", 3.0, None, "KEY", stream_id=1) == [ConnectionEnding("a player came")]
    assert statuses(peer)[0]["code"] == "NetStream.Play.StreamNotFound"


def test_unknown_command_gets_an_error_when_it_wants_an_answer(peer: Peer) -> None:
    peer.connect()
    peer.said()
    peer.command("_checkbw", 9.0, None)
    peer.command("ping", 0.0, None)
    assert [values[:2] for values in peer.commands()] == [["_error", 9.0]]


@pytest.mark.parametrize("name", ["publish", "createStream", "play", "nonsense"])
def test_command_before_connect_breaks_the_protocol(peer: Peer, name: str) -> None:
    with pytest.raises(ProtocolError):
        peer.command(name, 1.0, None)


def test_second_connect_breaks_the_protocol(peer: Peer) -> None:
    peer.connect()
    with pytest.raises(ProtocolError):
        peer.connect()


def test_second_publish_at_once_breaks_the_protocol(publishing: Peer) -> None:
    with pytest.raises(ProtocolError, match="second publish"):
        publishing.publish()


def test_message_streams_are_bounded(peer: Peer) -> None:
    peer.connect()
    for _ in range(16):
        peer.command("createStream", 2.0, None)
    with pytest.raises(ProtocolError, match="message streams"):
        peer.command("createStream", 2.0, None)


def test_large_messages_have_to_wait_for_the_publish(peer: Peer) -> None:
    peer.chunk_size(0xFFFFFF)
    with pytest.raises(ProtocolError, match="unfinished"):
        peer.send(VIDEO, bytes(600 * 1024), stream_id=1)


def test_ping_is_answered(peer: Peer) -> None:
    peer.send(USER_CONTROL, b"\0\6\1\2\3\4")
    assert bytes(peer.said()[0].payload) == b"\0\7\1\2\3\4"


def test_what_was_received_is_acknowledged_by_the_peers_window(peer: Peer) -> None:
    peer.send(WINDOW_SIZE, (5000).to_bytes(4, "big"))
    peer.said()
    peer.chunk_size(65536)
    peer.send(AUDIO, bytes(6000))
    said = [message for message in peer.said() if message.type == ACKNOWLEDGEMENT]
    assert [int.from_bytes(message.payload, "big") for message in said] == [peer.server.received_bytes]


def test_peer_bandwidth_is_answered_with_a_window(peer: Peer) -> None:
    peer.send(PEER_BANDWIDTH, (777).to_bytes(4, "big") + b"\2")
    assert [(message.type, bytes(message.payload)) for message in peer.said()] == [(WINDOW_SIZE, b"\0\0\3\t")]


@pytest.mark.parametrize("kind", [ACKNOWLEDGEMENT, WINDOW_SIZE, PEER_BANDWIDTH, USER_CONTROL])
def test_cut_off_control_messages_break_the_protocol(peer: Peer, kind: int) -> None:
    with pytest.raises(ProtocolError):
        peer.send(kind, b"\0")


@pytest.mark.parametrize(
    ("app", "tc_url", "name", "key"),
    [
        ("live", "rtmp://h/live", "KEY", "KEY"),
        ("live", "rtmp://h/live", "KEY?token=a/b", "KEY"),
        ("live?x=y", "rtmp://h/live?x=y", "KEY", "KEY"),
        ("live/KEY", "rtmp://h/live/KEY", "", "KEY"),
        ("live/KEY?a=b", "", "", "KEY"),
        ("live", "rtmp://h:1935/live/KEY", "", "KEY"),
        ("", "", "live/KEY", "KEY"),
        ("live/", "rtmp://h/live/", "/KEY", "KEY"),
        ("KEY", "rtmp://h/KEY", "", "KEY"),
        ("live", "rtmp://h/live", "", ""),
        ("live", "rtmp://h/live", "live", "live"),
    ],
)
def test_key_is_found_wherever_the_encoder_put_it(app: str, tc_url: str, name: str, key: str) -> None:
    assert find_key(app=app, tc_url=tc_url, name=name) == key


def tag(kind: int, stamp: int, body: bytes) -> bytes:
    head = bytes((kind,)) + len(body).to_bytes(3, "big") + (stamp & 0xFFFFFF).to_bytes(3, "big")
    return head + bytes((stamp >> 24,)) + bytes(3) + body + (len(body) + 11).to_bytes(4, "big")


def test_aggregate_is_split_with_its_times_moved(publishing: Peer) -> None:
    payload = tag(VIDEO, 0x01000000, b"vv") + tag(AUDIO, 0x01000014, b"a")
    assert publishing.send(AGGREGATE, payload, stream_id=1, timestamp=500) == [
        RtmpMessage(VIDEO, 1, 500, b"vv"),
        RtmpMessage(AUDIO, 1, 520, b"a"),
    ]


@pytest.mark.parametrize("payload", [b"\x08", tag(AUDIO, 0, b"abc")[:-6], tag(AGGREGATE, 0, b"")])
def test_broken_aggregate_breaks_the_protocol(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        split_aggregate(RtmpMessage(AGGREGATE, 1, 0, payload))


def test_client_address_is_taken_apart() -> None:
    address = parse_url("rtmps://example.org/app/inst/key?x=1")
    assert (address.host, address.port, address.is_tls) == ("example.org", 443, True)
    assert (address.app, address.key, address.tc_url) == ("app/inst", "key?x=1", "rtmps://example.org/app/inst")
    with pytest.raises(ValueError, match="not an RTMP address"):
        parse_url("http://example.org/live/key")


def talk(client: ClientProtocol, server: ServerProtocol) -> tuple[list[Published | PublishRejected], list[Event]]:
    """Carry bytes both ways until both are silent."""
    client_events, server_events = list[Published | PublishRejected](), list[Event]()
    while True:
        up = client.take()
        server_events += server.receive(up)
        down = server.take()
        client_events += client.receive(down)
        if not up and not down:
            return client_events, server_events


@pytest.mark.parametrize("layout", [None, 0, 1])
def test_own_client_publishes_to_own_server(layout: int | None) -> None:
    client = ClientProtocol(address=parse_url("rtmp://h/live/KEY"), digest_layout=layout)
    server = ServerProtocol(limits=ChunkLimits())
    assert talk(client, server) == ([], [PublishWanted("KEY", "live", "FMLE/3.0 (compatible; SocialFlow)")])
    server.accept()
    assert talk(client, server)[0] == [Published()]
    client.send_media("video", 2**32 + 5, b"frame" * 50_000)
    assert talk(client, server)[1] == [RtmpMessage(VIDEO, 1, 5, b"frame" * 50_000)]
    client.finish()
    assert talk(client, server)[1] == [PublishStopped()]


def test_own_client_understands_a_refusal() -> None:
    client = ClientProtocol(address=parse_url("rtmp://h/live/KEY"))
    server = ServerProtocol(limits=ChunkLimits())
    talk(client, server)
    server.refuse(PublishRefused("busy", "taken"))
    assert talk(client, server)[0] == [PublishRejected("NetStream.Publish.BadName", "taken")]
    with pytest.raises(ProtocolError):
        client.send_media("audio", 0, b"")


@pytest.mark.parametrize(
    ("app", "tc_url", "name", "is_backup"),
    [
        ("live", "rtmp://h/live", "KEY?backup=1", True),
        ("live", "rtmp://h/live", "KEY?bandwidthtest&backup=1", True),
        ("live/KEY?backup=1", "rtmp://h/live/KEY?backup=1", "", True),
        ("live", "rtmp://h/live?backup=1", "KEY", True),
        ("live", "rtmp://h/live", "KEY", False),
        ("live", "rtmp://h/live", "backup=1", False),
        ("live", "rtmp://h/live", "KEY?backup=0", False),
        ("live", "rtmp://h/live", "KEY?nobackup=1", False),
    ],
)
def test_a_publisher_says_that_it_stands_by_in_the_query(app: str, tc_url: str, name: str, is_backup: bool) -> None:
    assert says_backup(app=app, tc_url=tc_url, name=name) is is_backup
