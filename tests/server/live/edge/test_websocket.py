"""RFC 6455, the receiving half: every violation by its code, every split of the bytes the same."""

from __future__ import annotations

import base64
import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.live.edge import websocket
from server.live.edge.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, VIOLATION, Event, FrameReader
from tests.server.live.edge.serving import mask

KEY = base64.b64encode(bytes(range(16))).decode()
UPGRADE = {"sec-websocket-version": "13", "sec-websocket-key": KEY}


RSV1 = 0x40


def read(*frames: bytes, max_bytes: int = 1000, may_inflate: bool = False) -> list[Event]:
    return FrameReader(max_bytes=max_bytes, may_inflate=may_inflate).feed(b"".join(frames))


def read_slowly(data: bytes, max_bytes: int = 1000, may_inflate: bool = False) -> list[Event]:
    reader = FrameReader(max_bytes=max_bytes, may_inflate=may_inflate)
    return [event for index in range(len(data)) for event in reader.feed(data[index : index + 1])]


def deflated(payload: bytes, level: int = 6) -> bytes:
    """As a client does it that takes no context over."""
    compressor = zlib.compressobj(level, wbits=-15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def violation(*frames: bytes, **options: int) -> object:
    events = read(*frames, **options)
    assert events[-1][0] == VIOLATION
    assert [event[0] for event in read_slowly(b"".join(frames), **options)] == [event[0] for event in events]
    return events[-1][1][0]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 65535, 65536, 70001])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_message_of_any_length_arrives_whole(length: int, opcode: int) -> None:
    payload = bytes(97 + index % 26 for index in range(length))
    frame = mask(opcode, payload)
    expected = [(opcode, payload.decode() if opcode == TEXT else payload)]
    assert read(frame, max_bytes=1 << 20) == expected
    reader = FrameReader(max_bytes=1 << 20)
    parts = [frame[index : index + 997] for index in range(0, len(frame), 997)]
    assert [event for part in parts for event in reader.feed(part)] == expected


def test_several_frames_in_one_read_arrive_in_order() -> None:
    assert read(mask(TEXT, b"a"), mask(PING, b"p"), mask(BINARY, b"b"), mask(PONG, b"")) == [
        (TEXT, "a"),
        (PING, b"p"),
        (BINARY, b"b"),
        (PONG, b""),
    ]


def test_control_frames_come_between_fragments() -> None:
    frames = [
        mask(TEXT, b"one ", is_last=False),
        mask(PING, b"?"),
        mask(CONTINUATION, b"two ", is_last=False),
        mask(CONTINUATION, b"three"),
        mask(TEXT, b"next"),
    ]
    expected = [(PING, b"?"), (TEXT, "one two three"), (TEXT, "next")]
    assert read(*frames) == expected
    assert read_slowly(b"".join(frames)) == expected


def test_character_split_between_fragments_is_whole() -> None:
    data = "κόσμε\U0001f600".encode()
    for cut in range(len(data) + 1):
        assert read(mask(TEXT, data[:cut], is_last=False), mask(CONTINUATION, data[cut:])) == [(TEXT, data.decode())]


def test_empty_fragments_make_an_empty_message() -> None:
    assert read(mask(TEXT, b"", is_last=False), mask(CONTINUATION, b"")) == [(TEXT, "")]


def test_frame_that_is_not_masked_is_refused_with_1002() -> None:
    assert violation(b"\x81\x02hi") == 1002


@pytest.mark.parametrize("bits", [0x40, 0x20, 0x10, 0x70])
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
def test_reserved_bits_are_refused_with_1002(bits: int, opcode: int) -> None:
    assert violation(mask(opcode, b"", first=0x80 | bits | opcode)) == 1002


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_unknown_opcode_is_refused_with_1002_after_what_came_before(opcode: int) -> None:
    events = read(mask(TEXT, b"before"), mask(opcode, b"x"), mask(TEXT, b"after"))
    assert events[0] == (TEXT, "before")
    assert [event[0] for event in events] == [TEXT, VIOLATION]


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_control_frame_too_long_or_fragmented_is_refused_with_1002(opcode: int) -> None:
    assert violation(mask(opcode, b"x" * 126)) == 1002
    assert violation(mask(opcode, b"", is_last=False)) == 1002


def test_fragments_out_of_order_are_refused_with_1002() -> None:
    assert violation(mask(CONTINUATION, b"x")) == 1002
    assert violation(mask(CONTINUATION, b"x", is_last=False)) == 1002
    assert violation(mask(TEXT, b"x", is_last=False), mask(TEXT, b"y")) == 1002
    assert violation(mask(TEXT, b"x", is_last=False), mask(BINARY, b"y", is_last=False)) == 1002


@pytest.mark.parametrize(
    "head",
    [b"\x82\xfe\x00\x05", b"\x82\xff" + (65535).to_bytes(8, "big"), b"\x82\xff" + (1 << 63).to_bytes(8, "big")],
    ids=["16 bits for 5", "64 bits for 65535", "top bit"],
)
def test_length_not_in_its_shortest_form_is_refused_with_1002(head: bytes) -> None:
    assert violation(head + b"\0\0\0\0") == 1002


def test_message_over_the_bound_is_refused_with_1009_before_it_arrives() -> None:
    assert violation(b"\x82\xfe\x03\xe9\0\0\0\0", max_bytes=1000) == 1009
    assert violation(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"\0\0\0\0", max_bytes=1000) == 1009
    assert read(mask(BINARY, b"x" * 1000), max_bytes=1000) == [(BINARY, b"x" * 1000)]


def test_fragments_are_bounded_together() -> None:
    frames = [mask(BINARY, b"x" * 600, is_last=False), mask(CONTINUATION, b"x" * 600)]
    assert violation(*frames, max_bytes=1000) == 1009


@pytest.mark.parametrize(
    "data",
    [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xce\xba\xe1\xbd", b"\xf8\x88\x80\x80\x80", b"\x80"],
)
def test_text_that_is_not_utf8_is_refused_with_1007(data: bytes) -> None:
    assert violation(mask(TEXT, data)) == 1007
    assert violation(mask(TEXT, b"ok ", is_last=False), mask(CONTINUATION, data)) == 1007


def test_text_is_refused_at_its_first_wrong_byte_even_inside_a_frame() -> None:
    frame = mask(TEXT, "κόσμε".encode() + b"\xf4\x90\x80\x80" + b"edited" * 10)
    wrong = 6 + 11 + 2  # head, five letters, the two bytes that no character starts with
    assert read(frame[:wrong])[-1][0] == VIOLATION
    first = mask(TEXT, "κόσμε".encode(), is_last=False)
    second = mask(CONTINUATION, b"\xf4\x90\x80\x80" + b"edited" * 10)
    assert read(first, second[: 6 + 2])[-1][0] == VIOLATION


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999])
def test_close_with_an_allowed_code_is_read(code: int) -> None:
    payload = code.to_bytes(2, "big") + "wié".encode()
    assert read(mask(CLOSE, payload), mask(TEXT, b"too late")) == [(CLOSE, (code, "wié"))]


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_close_with_another_code_is_refused_with_1002(code: int) -> None:
    assert violation(mask(CLOSE, code.to_bytes(2, "big"))) == 1002


def test_close_without_a_code_and_broken_closes() -> None:
    assert read(mask(CLOSE, b"")) == [(CLOSE, (1005, ""))]
    assert violation(mask(CLOSE, b"\x03")) == 1002
    assert violation(mask(CLOSE, b"\x03\xe8\xff\xff")) == 1007


def test_close_frames_are_written_as_they_are_read() -> None:
    assert websocket.close_frame(1005) == b"\x88\x00"
    assert websocket.close_frame(1000, "bye") == b"\x88\x05\x03\xe8bye"
    long = websocket.close_frame(1008, "é" * 100)
    assert len(long) == 2 + 124
    long[4:].decode()


@pytest.mark.parametrize(("length", "head"), [(125, b"\x82\x7d"), (126, b"\x82\x7e\x00\x7e"), (65536, b"\x82\x7f")])
def test_frames_are_written_in_the_shortest_form(length: int, head: bytes) -> None:
    assert websocket.frame(BINARY, b"x" * length).startswith(head)


def test_handshake_is_answered_as_in_the_standard() -> None:
    assert websocket.accept_token("dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    response, window = websocket.switching_protocols(UPGRADE)
    assert response.startswith(b"HTTP/1.1 101 ")
    assert b"xtensions" not in response
    assert window == 0


def test_handshake_agrees_on_compression_where_it_is_offered_and_allowed() -> None:
    offer = UPGRADE | {"sec-websocket-extensions": "permessage-deflate; server_max_window_bits=12"}
    response, window = websocket.switching_protocols(offer)
    assert window == 12
    assert response.endswith(
        b"\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
        b"server_max_window_bits=12\r\n\r\n"
    )
    for headers, may_deflate in ((offer, False), (UPGRADE | {"sec-websocket-extensions": "other"}, True)):
        response, window = websocket.switching_protocols(headers, may_deflate=may_deflate)
        assert window == 0
        assert b"xtensions" not in response


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-websocket-version": "8"}, 426),
        ({"sec-websocket-key": "short"}, 400),
        ({"sec-websocket-key": ""}, 400),
        ({"sec-websocket-key": "é"}, 400),
        ({"sec-websocket-extensions": "permessage-deflate;"}, 400),
    ],
)
def test_handshake_that_is_wrong_is_refused(headers: dict[str, str], status: int) -> None:
    with pytest.raises(websocket.HandshakeError) as refused:
        websocket.switching_protocols(UPGRADE | headers)
    assert refused.value.status == status


messages = st.one_of(
    st.tuples(st.just(TEXT), st.text(max_size=300).map(str.encode)), st.tuples(st.just(BINARY), st.binary(max_size=300))
)


def test_compressed_messages_arrive_as_they_were() -> None:
    text = "κόσμε " * 40
    frames = [
        mask(TEXT, deflated(text.encode()), first=0x80 | RSV1 | TEXT),
        mask(BINARY, deflated(b"\xff" * 300), first=0x80 | RSV1 | BINARY),
        mask(TEXT, "not compressed, κόσμε".encode()),
        mask(TEXT, b"\x00", first=0x80 | RSV1 | TEXT),
        mask(BINARY, b"", first=0x80 | RSV1 | BINARY),
    ]
    expected = [(TEXT, text), (BINARY, b"\xff" * 300), (TEXT, "not compressed, κόσμε"), (TEXT, ""), (BINARY, b"")]
    assert read(*frames, may_inflate=True) == expected
    assert read_slowly(b"".join(frames), may_inflate=True) == expected


def test_control_frames_come_between_compressed_fragments() -> None:
    data = deflated(b"one two three " * 20)
    frames = [
        mask(TEXT, data[:5], first=RSV1 | TEXT),
        mask(PING, b"?"),
        mask(CONTINUATION, b"", is_last=False),
        mask(CONTINUATION, data[5:]),
        mask(TEXT, "plain é".encode()[:-1], is_last=False),
        mask(CONTINUATION, b"\xa9"),
    ]
    expected = [(PING, b"?"), (TEXT, "one two three " * 20), (TEXT, "plain é")]
    assert read(*frames, may_inflate=True) == expected
    assert read_slowly(b"".join(frames), may_inflate=True) == expected


@pytest.mark.parametrize("bits", [0x20, 0x10, 0x60, 0x50, 0x70])
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
def test_other_reserved_bits_are_refused_with_1002_on_a_compressed_connection(bits: int, opcode: int) -> None:
    assert violation(mask(opcode, b"", first=0x80 | bits | opcode), may_inflate=True) == 1002


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_control_frame_that_is_compressed_is_refused_with_1002(opcode: int) -> None:
    assert violation(mask(opcode, deflated(b""), first=0x80 | RSV1 | opcode), may_inflate=True) == 1002


@pytest.mark.parametrize("first", [BINARY, RSV1 | BINARY])
def test_continuation_that_says_it_is_compressed_is_refused_with_1002(first: int) -> None:
    start = mask(BINARY, deflated(b"x")[:1], first=first)
    assert violation(start, mask(CONTINUATION, b"\x00", first=0x80 | RSV1), may_inflate=True) == 1002


def test_compressed_message_amid_another_is_refused_with_1002() -> None:
    frames = [mask(BINARY, b"x", is_last=False), mask(BINARY, deflated(b"y"), first=0x80 | RSV1 | BINARY)]
    assert violation(*frames, may_inflate=True) == 1002


@pytest.mark.parametrize("data", [b"\xff", b"\xed\xa0\x80", b"\xce\xba\xe1\xbd"])
def test_compressed_text_that_is_not_utf8_is_refused_with_1007(data: bytes) -> None:
    assert violation(mask(TEXT, deflated(data), first=0x80 | RSV1 | TEXT), may_inflate=True) == 1007
    assert read(mask(BINARY, deflated(data), first=0x80 | RSV1 | BINARY), may_inflate=True) == [(BINARY, data)]


def test_corrupt_compressed_data_is_refused_with_1007() -> None:
    assert violation(mask(BINARY, b"\xff" * 9, first=0x80 | RSV1 | BINARY), may_inflate=True) == 1007
    assert violation(mask(TEXT, deflated(b"cut short")[:-3], first=0x80 | RSV1 | TEXT), may_inflate=True) == 1007


def test_compressed_message_that_holds_more_than_the_bound_is_refused_with_1009() -> None:
    fits, bomb = deflated(bytes(1000)), deflated(bytes(1001))
    assert read(mask(BINARY, fits, first=0x80 | RSV1 | BINARY), may_inflate=True) == [(BINARY, bytes(1000))]
    assert violation(mask(BINARY, bomb, first=0x80 | RSV1 | BINARY), may_inflate=True) == 1009
    frames = [mask(BINARY, bomb[:3], first=RSV1 | BINARY), mask(CONTINUATION, bomb[3:])]
    assert violation(*frames, may_inflate=True) == 1009


def test_compressed_message_is_bounded_before_it_arrives_but_for_what_compressing_adds() -> None:
    noise = os.urandom(100_000)
    longer = deflated(noise, level=0)
    assert len(longer) > len(noise)
    for frames in (
        [mask(BINARY, longer, first=0x80 | RSV1 | BINARY)],
        [mask(BINARY, longer[:70_000], first=RSV1 | BINARY), mask(CONTINUATION, longer[70_000:])],
    ):
        assert read(*frames, max_bytes=len(noise), may_inflate=True) == [(BINARY, noise)]
    assert read(b"\xc2\xfe\x04\x00\0\0\0\0", max_bytes=1000, may_inflate=True)[-1] == (
        VIOLATION,
        (1009, "message is too big"),
    )
    assert read(mask(BINARY, longer), max_bytes=len(noise), may_inflate=True)[-1][0] == VIOLATION


@given(st.lists(st.tuples(messages, st.booleans()), max_size=5), st.data())
def test_any_fragmentation_and_any_split_give_the_same_messages(
    wanted: list[tuple[tuple[int, bytes], bool]], data: st.DataObject
) -> None:
    stream = b""
    for (opcode, payload), is_deflated in wanted:
        sent = deflated(payload) if is_deflated else payload
        cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=3)))
        parts = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
        for index, part in enumerate(parts):
            kind = CONTINUATION if index else opcode | (RSV1 if is_deflated else 0)
            stream += mask(kind, part, is_last=index == len(parts) - 1)
    reader = FrameReader(max_bytes=1000, may_inflate=True)
    found: list[Event] = []
    while stream:
        length = data.draw(st.integers(1, len(stream)))
        found += reader.feed(stream[:length])
        stream = stream[length:]
    assert found == [(opcode, payload.decode() if opcode == TEXT else payload) for (opcode, payload), _ in wanted]


@given(st.lists(st.binary(max_size=200), max_size=10), st.booleans())
def test_noise_is_never_more_than_a_violation(chunks: list[bytes], may_inflate: bool) -> None:
    reader = FrameReader(max_bytes=1000, may_inflate=may_inflate)
    for chunk in chunks:
        reader.feed(chunk)
