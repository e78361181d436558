"""Packets in both ways of writing them, polling payloads, and that no bytes are more than an InvalidPacket."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.live.edge import engineio
from server.live.edge.deflate import inflate
from server.live.edge.engineio import InvalidPacket, Outgoing
from server.live.edge.msgpack import MsgpackParser
from server.live.edge.packet import Attachment, Parser, SocketPacket, TooDeep
from server.live.edge.socketio import JsonParser

JSON = JsonParser(max_depth=32, max_attachments=10)
PACK = MsgpackParser(max_depth=32)
ROOMY = JsonParser(max_depth=32, max_attachments=100)
BOTH = pytest.mark.parametrize("parser", [ROOMY, PACK], ids=["json", "msgpack"])


def back(parser: Parser, outgoing: Outgoing) -> SocketPacket:
    """What a client would read: the same parser, fed with the messages in turn."""
    messages: list[str | bytes] = [outgoing.text.decode()[1:]] if outgoing.text else []
    messages.extend(outgoing.attachments)
    found = parser.decode(messages[0])
    if isinstance(found, SocketPacket):
        return found
    *parked, last = messages[1:]
    assert [found.add(attachment) for attachment in parked] == [None] * len(parked)
    packet = found.add(last)
    assert packet is not None
    return packet


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.binary(max_size=20).map(Attachment),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="abc_é", max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@BOTH
@given(
    args=st.lists(values, max_size=3),
    namespace=st.sampled_from(["/", "/custom"]),
    id_=st.none() | st.integers(0, 2**53 - 1),
)
def test_event_comes_back_as_it_was(parser: Parser, args: list[Any], namespace: str, id_: int | None) -> None:
    packet = back(parser, parser.event(namespace, ["name", *args], id_))
    assert (packet.type, packet.namespace, packet.id, packet.data) == (2, namespace, id_, ["name", *args])


@BOTH
def test_acks_errors_and_connects_come_back(parser: Parser) -> None:
    ack = back(parser, parser.ack("/a", 7, [1, Attachment(b"x")]))
    assert (ack.type, ack.namespace, ack.id, ack.data) == (3, "/a", 7, [1, b"x"])
    error = back(parser, parser.connect_error("/a", {"message": "no", "data": {"code": "x"}}))
    assert (error.type, error.data) == (4, {"message": "no", "data": {"code": "x"}})
    assert back(parser, parser.connect("/", "sid")).data == {"sid": "sid"}
    assert back(parser, parser.disconnect("/a")).type == 1


@BOTH
def test_event_of_parts_is_the_event_of_the_whole(parser: Parser) -> None:
    parts = [parser.part({"offset": number, "text": "é"}) for number in (1, 2)]
    found = back(parser, parser.event_of_parts("/", "chat:messages", {"room_id": "r"}, "messages", parts))
    whole = {"room_id": "r", "messages": [{"offset": 1, "text": "é"}, {"offset": 2, "text": "é"}]}
    assert found.data == ["chat:messages", whole]


@BOTH
def test_what_utf8_cannot_hold_is_replaced_on_the_way_out(parser: Parser) -> None:
    assert back(parser, parser.event("/", ["e", "a\ud800b", {"k\udfff": [1]}])).data == [
        "e",
        "a\ufffdb",
        {"k\ufffd": [1]},
    ]


def test_msgpack_takes_integers_that_it_cannot_hold_as_floats() -> None:
    assert back(PACK, PACK.event("/", ["e", 2**70])).data == ["e", float(2**70)]


def test_default_parser_writes_placeholders_in_order() -> None:
    outgoing = JSON.event("/a", ["e", Attachment(b"1"), {"x": [Attachment(b"2")]}], 5)
    assert outgoing.text == (b'452-/a,5["e",{"_placeholder":true,"num":0},{"x":[{"_placeholder":true,"num":1}]}]')
    assert outgoing.attachments == (b"1", b"2")
    assert outgoing.payload.endswith(b"\x1ebMQ==\x1ebMg==")


@pytest.mark.parametrize(
    ("text", "namespace", "id_", "data"),
    [
        ('2["a"]', "/", None, ["a"]),
        ('212["a"]', "/", 12, ["a"]),
        ('2/x,12["a"]', "/x", 12, ["a"]),
        ('2/x?token=1,["a"]', "/x", None, ["a"]),
        ('2[1,"b"]', "/", None, ["1", "b"]),
        ('50-["a"]', "/", None, ["a"]),
        ('29007199254740991["a"]', "/", 2**53 - 1, ["a"]),
    ],
)
def test_heads_are_read(text: str, namespace: str, id_: int | None, data: list[Any]) -> None:
    packet = JSON.decode(text)
    assert isinstance(packet, SocketPacket)
    assert (packet.namespace, packet.id, packet.data) == (namespace, id_, data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "9",
        "2",
        '2"a"',
        "2{}",
        '29007199254740992["a"]',
        '5-["a"]',
        '511-["a"]',
        '599999999999-["a"]',
        "3",
        "3{}",
        "0[]",
    ],
)
def test_heads_that_are_wrong_are_refused(text: str) -> None:
    with pytest.raises(InvalidPacket):
        JSON.decode(text)


@pytest.mark.parametrize("depth", [31, 32, 33, 500, 5000])
def test_nesting_is_bounded(depth: int) -> None:
    nested = "[" * (depth - 1) + "]" * (depth - 1)
    packed = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a" + b"\x91" * (depth - 2) + b"\x90"
    if depth <= 32:
        assert isinstance(JSON.decode(f'2["a",{nested}]'), SocketPacket)
        assert isinstance(PACK.decode(packed), SocketPacket)
        return
    found = JSON.decode(f'2["a",{nested}]')
    assert isinstance(found, SocketPacket)
    assert found.data is None
    with pytest.raises(TooDeep):
        JSON.decode(f'0{{"a":{nested}}}')
    if depth < 1_000:
        assert PACK.decode(packed).data is None
        return
    with pytest.raises(InvalidPacket):
        PACK.decode(packed)


@given(st.text(max_size=60) | st.from_regex(r"[0-6][0-9]{0,3}-?(/[a-z]{0,3},)?[0-9]{0,20}[\[{\"\]}:,a0-9\\u]{0,20}"))
def test_no_text_is_more_than_an_invalid_packet(text: str) -> None:
    with contextlib.suppress(InvalidPacket):
        JSON.decode(text)


@given(st.binary(max_size=80))
def test_no_bytes_are_more_than_an_invalid_packet(data: bytes) -> None:
    with contextlib.suppress(InvalidPacket):
        PACK.decode(data)


@given(st.binary(max_size=80))
def test_no_payload_is_more_than_an_invalid_packet(data: bytes) -> None:
    with contextlib.suppress(InvalidPacket):
        engineio.split_payload(data)


@pytest.mark.parametrize("body", [b"", b"abc", b"4a\x1e", b"7", b"b!!!", b"4\xff", b"\x1e"])
def test_payload_with_anything_wrong_is_refused_whole(body: bytes) -> None:
    with pytest.raises(InvalidPacket):
        engineio.split_payload(body)


def test_handshake_times_are_whole_milliseconds_and_never_zero() -> None:
    opened = engineio.open_packet(sid="s", upgrades=[], ping_interval_s=0.0004, ping_timeout_s=0.3, max_payload=10)
    found = json.loads(opened.text[1:])
    assert (found["pingInterval"], found["pingTimeout"]) == (1, 300)


def test_msgpack_javascript_dates_and_odd_keys_do_no_harm() -> None:
    packed = msgspec.msgpack.encode({"type": 2, "nsp": "/", "data": ["e", {1: msgspec.msgpack.Ext(5, b"x")}]})
    packet = PACK.decode(packed)
    assert packet.data == ["e", {"1": None}]


def test_packets_are_compressed_where_it_pays_and_once() -> None:
    small, large = Outgoing(b"4" * 1023), Outgoing(b"4" * 1024)
    assert small.frames_for(15) is small.frames
    assert large.frames_for(0) is large.frames
    assert large.frames_for(15) is large.frames_for(15)
    assert large.frames_for(15)[0] == 0xC1
    assert inflate(large.frames_for(15)[2:], 2000) == large.text
    assert zlib.decompressobj(-9).decompress(large.frames_for(9)[2:] + b"\x00\x00\xff\xff") == large.text


def test_only_what_becomes_shorter_is_compressed() -> None:
    noise = os.urandom(2000)
    mixed = Outgoing(b"4" * 100, (noise, b"z" * 2000, b"z"))
    plain, frames = mixed.frames, mixed.frames_for(15)
    start = 102 + 4 + 2000
    assert frames[:start] == plain[:start]
    assert frames[start] == 0xC2
    assert frames[-3:] == b"\x82\x01z"
