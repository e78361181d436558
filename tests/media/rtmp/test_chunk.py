from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.errors import ProtocolError
from media.rtmp import chunk
from media.rtmp.chunk import (
    ABORT,
    AUDIO,
    COMMAND,
    DATA,
    SET_CHUNK_SIZE,
    VIDEO,
    ChunkLimits,
    ChunkReader,
    ChunkWriter,
    RtmpMessage,
)


def reader(**limits: int) -> ChunkReader:
    return ChunkReader(limits=ChunkLimits(**limits))


def read(data: bytes) -> list[tuple[int, int, int, bytes]]:
    return [plain(message) for message in reader().receive(data)]


def plain(message: RtmpMessage) -> tuple[int, int, int, bytes]:
    return message.type, message.stream_id, message.timestamp, bytes(message.payload)


def head(form: int, stream: int, *fields: int | bytes) -> bytes:
    """A header from its fields: timestamp, length, type, stream id."""
    widths = (3, 3, 1)
    out = bytes((form << 6 | stream,))
    for field, width in zip(fields[:3], widths, strict=False):
        out += field if isinstance(field, bytes) else field.to_bytes(width, "big")
    if len(fields) > 3:
        last = fields[3]
        out += last if isinstance(last, bytes) else last.to_bytes(4, "little")
    return out


def test_four_header_types_carry_on_from_one_another() -> None:
    data = head(0, 3, 1000, 3, 8, 1) + b"one"
    data += head(1, 3, 20, 4, 8) + b"two!"
    data += head(2, 3, 21) + b"thre"
    data += head(3, 3) + b"four"
    assert read(data) == [
        (8, 1, 1000, b"one"),
        (8, 1, 1020, b"two!"),
        (8, 1, 1041, b"thre"),
        (8, 1, 1062, b"four"),
    ]


def test_type_3_after_type_0_adds_the_timestamp_itself() -> None:
    data = head(0, 3, 1000, 1, 8, 1) + b"a" + head(3, 3) + b"b"
    assert [message[2] for message in read(data)] == [1000, 2000]


def test_example_of_the_specification_cuts_307_bytes_into_three_chunks() -> None:
    body = bytes(range(256)) + bytes(51)
    data = head(0, 4, 1000, 307, 9, 12346) + body[:128] + b"\xc4" + body[128:256] + b"\xc4" + body[256:]
    assert read(data) == [(9, 12346, 1000, body)]


def test_interleaved_chunk_streams_are_put_together_apart() -> None:
    video, audio = bytes(300), b"\xff" * 200
    data = head(0, 6, 5, 300, 9, 1) + video[:128] + head(0, 4, 6, 200, 8, 1) + audio[:128]
    data += b"\xc6" + video[128:256] + b"\xc4" + audio[128:] + b"\xc6" + video[256:]
    assert read(data) == [(8, 1, 6, audio), (9, 1, 5, video)]


@pytest.mark.parametrize(
    ("stream", "coded"), [(64, b"\0\0"), (319, b"\0\xff"), (320, b"\1\0\1"), (65599, b"\1\xff\xff")]
)
def test_large_chunk_stream_ids_are_understood(stream: int, coded: bytes) -> None:
    body = bytes(200)
    data = coded + head(0, 0, 7, 200, 9, 1)[1:] + body[:128] + bytes((0xC0 | coded[0],)) + coded[1:] + body[128:]
    assert read(data) == [(9, 1, 7, body)]


def test_extended_timestamp_is_repeated_on_continuation_chunks() -> None:
    stamp, body = (0x01020304).to_bytes(4, "big"), bytes(range(200))
    data = head(0, 6, 0xFFFFFF, 200, 9, 1) + stamp + body[:128] + b"\xc6" + stamp + body[128:]
    assert read(data) == [(9, 1, 0x01020304, body)]


def test_extended_timestamp_left_out_of_continuation_chunks_is_tolerated() -> None:
    stamp, body = (0x01020304).to_bytes(4, "big"), bytes(range(200))
    data = head(0, 6, 0xFFFFFF, 200, 9, 1) + stamp + body[:128] + b"\xc6" + body[128:]
    assert read(data) == [(9, 1, 0x01020304, body)]


def test_extended_delta_is_added_and_wraps() -> None:
    data = head(0, 6, 0xFFFFFF, 1, 9, 1) + (0xFFFFFFF0).to_bytes(4, "big") + b"a" + head(2, 6, 0x20) + b"b"
    assert [message[2] for message in read(data)] == [0xFFFFFFF0, 0x10]


def test_abort_throws_away_the_unfinished_message() -> None:
    unfinished = head(0, 6, 0, 300, 9, 1) + bytes(128)
    abort = head(0, 2, 0, 4, ABORT, 0) + (6).to_bytes(4, "big")
    whole = head(0, 6, 9, 2, 9, 1) + b"ok"
    under_test = reader()
    assert [plain(message) for message in under_test.receive(unfinished + abort + whole)] == [(9, 1, 9, b"ok")]
    assert under_test.partial_bytes == 0


def test_chunk_size_changes_in_the_middle_of_another_message() -> None:
    body = bytes(range(250)) * 2
    data = head(0, 6, 0, 500, 9, 1) + body[:128]
    data += head(0, 2, 0, 4, SET_CHUNK_SIZE, 0) + (1000).to_bytes(4, "big") + b"\xc6" + body[128:]
    assert read(data) == [(9, 1, 0, body)]


def test_chunk_stream_may_start_with_type_1() -> None:
    assert read(head(1, 2, 0, 2, COMMAND) + b"hi") == [(COMMAND, 0, 0, b"hi")]


def test_empty_messages_are_messages() -> None:
    assert read(head(0, 4, 1, 0, 8, 1) + head(3, 4)) == [(8, 1, 1, b""), (8, 1, 2, b"")]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (head(2, 3, 0), "starts with a header of type 2"),
        (b"\xc5", "starts with a header of type 3"),
        (head(0, 2, 0, 4, 1, 0) + bytes(4), "chunk size 0"),
        (head(0, 2, 0, 4, 1, 0) + b"\x80\0\0\0", "chunk size 2147483648"),
        (head(0, 2, 0, 2, 1, 0) + b"\1\1", "chunk size"),
        (head(0, 2, 0, 1, 2, 0) + b"\1", "abort message"),
        (head(0, 3, 0, 0xFFFFFF, 9, 1), "over the limit"),
        (head(0, 3, 0, 300_000, 20, 1), "over the limit"),
        (head(0, 3, 0, 300, 9, 1) + bytes(128) + head(0, 3, 0, 300, 9, 1), "inside another"),
    ],
)
def test_broken_format_is_a_protocol_error(data: bytes, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        read(data)


def test_too_many_chunk_streams_are_refused() -> None:
    data = b"".join(head(0, stream, 0, 1, 8, 1) + b"x" for stream in range(2, 12))
    assert len(reader(max_chunk_streams=10).receive(data)) == 10
    with pytest.raises(ProtocolError, match="chunk streams"):
        reader(max_chunk_streams=9).receive(data)


def test_unfinished_messages_are_bounded_together() -> None:
    data = b"".join(head(0, stream, 0, 1000, 8, 1) + bytes(128) for stream in range(2, 12))
    with pytest.raises(ProtocolError, match="unfinished"):
        reader(max_partial_bytes=1000).receive(data)


def test_announced_length_costs_nothing_before_its_bytes_come() -> None:
    under_test = reader()
    under_test.receive(b"".join(head(0, stream, 0, 8 * 1024 * 1024, 9, 1) + b"x" * 128 for stream in range(2, 60)))
    assert under_test.partial_bytes == 58 * 128


def long_head(stream: int, form: int, *fields: int) -> bytes:
    """A header whose chunk stream id, 64 or more, takes one or two bytes of its own."""
    number = bytes((stream - 64,)) if stream < 320 else (stream - 64).to_bytes(2, "little")
    return bytes((form << 6 | (len(number) - 1),)) + number + head(form, 3, *fields)[1:]


@pytest.mark.parametrize(
    "head_of_4",
    [
        lambda form, *fields: head(form, 4, *fields),
        lambda form, *fields: long_head(200, form, *fields),
        lambda form, *fields: long_head(5000, form, *fields),
    ],
    ids=["one byte", "two bytes", "three bytes"],
)
def test_each_message_is_handed_on_with_its_last_byte(head_of_4: Callable[..., bytes]) -> None:
    late = (0x01000000).to_bytes(4, "big")
    parts = [
        head_of_4(0, 1, 3, 8, 1) + b"one",
        head_of_4(2, 1) + b"two",
        head_of_4(1, 1, 0, 8),
        head_of_4(3),
        head_of_4(0, 0xFFFFFF, 0, 8, 1) + late,
        head_of_4(3) + late,
        head_of_4(0, 0xFFFFFF, 129, 8, 1) + late + bytes(128) + head_of_4(3) + late + b"x",
    ]
    under_test = reader()
    for part in parts:
        for byte in part[:-1]:
            assert under_test.receive(bytes((byte,))) == []
        assert len(under_test.receive(part[-1:])) == 1


def test_payload_that_looks_like_headers_of_chunks_is_payload() -> None:
    """Of its own chunk stream: a run of chunks ends where another chunk stream's chunk comes between."""
    for chunks in (2, 5, 13, 21):
        body, between = b"\xc6" * 4000, b"\xc6" * 100
        first, last = cut(body[: chunks * 128], 6), cut(body[chunks * 128 :], 6)
        data = head(0, 6, 5, 4000, 9, 1) + first + head(0, 4, 6, 100, 8, 1) + between + b"\xc6" + last
        assert read(data) == [(8, 1, 6, between), (9, 1, 5, body)]


def cut(body: bytes, stream: int) -> bytes:
    """Chunks of the default size, without the header of the first."""
    return bytes((0xC0 | stream,)).join(body[at : at + 128] for at in range(0, len(body), 128))


@pytest.mark.parametrize("stream", [64, 65, 319, 320, 321, 576, 65_599])
def test_abort_names_a_large_chunk_stream(stream: int) -> None:
    """The others keep what they have of their messages."""
    under_test = reader()
    for each in (64, 65, 319, 320, 321, 576, 65_599):
        under_test.receive(long_head(each, 0, 0, 129, 9, 1) + bytes(128))
    assert under_test.partial_bytes == 7 * 128
    under_test.receive(head(0, 2, 0, 4, ABORT, 0) + stream.to_bytes(4, "big"))
    assert under_test.partial_bytes == 6 * 128
    (whole,) = under_test.receive(long_head(stream, 0, 1, 2, 9, 1) + b"ok")
    assert plain(whole) == (9, 1, 1, b"ok")


def test_bytes_beyond_what_a_control_message_needs_are_ignored() -> None:
    under_test = reader()
    under_test.receive(head(0, 2, 0, 5, SET_CHUNK_SIZE, 0) + (200).to_bytes(4, "big") + b"\xff")
    assert under_test.chunk_bytes == 200
    under_test.receive(head(0, 6, 0, 201, 9, 1) + bytes(200))
    under_test.receive(head(0, 2, 0, 5, ABORT, 0) + (6).to_bytes(4, "big") + b"\xff")
    assert under_test.partial_bytes == 0


def test_largest_chunk_size_of_the_specification_is_taken() -> None:
    under_test = reader()
    under_test.receive(head(0, 2, 0, 4, SET_CHUNK_SIZE, 0) + b"\x7f\xff\xff\xff")
    assert under_test.chunk_bytes == 2**31 - 1


#: Sections 5.4 and 7.1 of the specification.
TYPES = {
    1: chunk.SET_CHUNK_SIZE,
    2: chunk.ABORT,
    3: chunk.ACKNOWLEDGEMENT,
    4: chunk.USER_CONTROL,
    5: chunk.WINDOW_SIZE,
    6: chunk.PEER_BANDWIDTH,
    8: chunk.AUDIO,
    9: chunk.VIDEO,
    15: chunk.DATA_AMF3,
    17: chunk.COMMAND_AMF3,
    18: chunk.DATA,
    20: chunk.COMMAND,
    22: chunk.AGGREGATE,
}


def test_types_of_messages_have_the_numbers_of_the_specification() -> None:
    assert all(number == name for number, name in TYPES.items())


@pytest.mark.parametrize("kind", TYPES)
def test_only_media_may_be_as_long_as_8_mib_and_the_rest_256_kib(kind: int) -> None:
    most = 8 * 2**20 if kind in {8, 9, 22} else 256 * 2**10
    assert read(head(0, 3, 0, most, kind, 1)) == []
    with pytest.raises(ProtocolError, match="over the limit"):
        read(head(0, 3, 0, most + 1, kind, 1))


def test_16_mib_of_unfinished_messages_are_kept_and_no_byte_more() -> None:
    under_test, most = reader(), 8 * 2**20
    under_test.receive(head(0, 2, 0, 4, SET_CHUNK_SIZE, 0) + (most - 1).to_bytes(4, "big"))
    for stream in (4, 5):
        under_test.receive(head(0, stream, 0, most, 9, 1) + bytes(most - 1))
    under_test.receive(head(0, 6, 0, most, 9, 1) + bytes(2))
    assert under_test.partial_bytes == 16 * 2**20
    with pytest.raises(ProtocolError, match="unfinished"):
        under_test.receive(bytes(1))


def test_64_chunk_streams_are_kept_and_no_more() -> None:
    under_test = reader()
    for stream in range(100, 164):
        under_test.receive(long_head(stream, 0, 0, 0, 8, 1))
    with pytest.raises(ProtocolError, match="more than 64 chunk streams"):
        under_test.receive(long_head(164, 0, 0, 0, 8, 1))


messages = st.lists(
    st.tuples(
        st.integers(2, 6),
        st.builds(
            RtmpMessage,
            st.sampled_from([AUDIO, VIDEO, COMMAND]),
            st.integers(0, 2),
            st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(0, 3000)),
            st.binary(max_size=700),
        ),
    ),
    max_size=12,
)


@settings(max_examples=200)
@given(sent=messages, size=st.integers(1, 300), cuts=st.lists(st.integers(1, 200), max_size=40))
def test_what_is_written_is_read_however_it_is_cut(
    sent: list[tuple[int, RtmpMessage]], size: int, cuts: list[int]
) -> None:
    writer = ChunkWriter()
    data = writer.write(2, RtmpMessage(SET_CHUNK_SIZE, 0, 0, size.to_bytes(4, "big")))
    writer.chunk_bytes = size
    data += b"".join(writer.write(stream, message) for stream, message in sent)
    under_test, found, at = reader(), list[RtmpMessage](), 0
    for cut in [*cuts, len(data)]:
        found += under_test.receive(data[at : at + cut])
        at += cut
    assert [plain(message) for message in found] == [plain(message) for _, message in sent]
    assert under_test.partial_bytes == 0


def test_writer_shortens_headers_as_far_as_the_last_one_allows() -> None:
    writer = ChunkWriter()
    sizes = [
        len(writer.write(4, RtmpMessage(AUDIO, 1, stamp, b"12345"))) - 5
        for stamp in (1000, 1020, 1040, 1060, 1060, 1060, 1050)
    ]
    assert sizes == [12, 4, 1, 1, 4, 1, 12]


@pytest.mark.parametrize("stamp", [0xFFFFFE, 0xFFFFFF, 0x1000000, 0xFFFFFFFF])
def test_timestamps_around_4_h_39_min_where_24_bits_end_are_read_as_written(stamp: int) -> None:
    sent = [RtmpMessage(VIDEO, 1, at, bytes(300)) for at in (stamp - 40, stamp - 20, stamp)]
    writer = ChunkWriter()
    data = b"".join(writer.write(6, message) for message in sent)
    assert read(data) == [plain(message) for message in sent]
    assert read(ChunkWriter().write(6, sent[-1])) == [plain(sent[-1])]


def test_pause_of_4_h_39_min_needs_an_extended_delta() -> None:
    sent = [RtmpMessage(DATA, 1, at, b"x") for at in (0, 0xFFFFFF, 2 * 0xFFFFFF, 3 * 0xFFFFFF + 1)]
    writer = ChunkWriter()
    assert read(b"".join(writer.write(6, message) for message in sent)) == [plain(message) for message in sent]
