from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.errors import ProtocolError
from media.rtmp.chunk import (
    ABORT,
    AUDIO,
    COMMAND,
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
        len(writer.write(4, RtmpMessage(AUDIO, 1, stamp, b"12345"))) - 5 for stamp in (1000, 1020, 1040, 1060, 1050)
    ]
    assert sizes == [12, 4, 1, 1, 12]
