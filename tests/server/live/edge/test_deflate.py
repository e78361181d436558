"""RFC 7692: what is agreed on, and payloads either way."""

from __future__ import annotations

import contextlib
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.live.edge import deflate
from server.live.edge.deflate import Corrupt, Malformed, TooLong, agree, inflate

ANSWER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
TAIL = b"\x00\x00\xff\xff"
OURS = "permessage-deflate"


@pytest.mark.parametrize(
    ("header", "window"),
    [
        ("permessage-deflate", 15),
        ("permessage-deflate; client_max_window_bits", 15),
        ("permessage-deflate; client_max_window_bits=8", 15),
        ('permessage-deflate; client_max_window_bits="12"', 15),
        ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", 15),
        ("permessage-deflate; server_max_window_bits=9", 9),
        ("permessage-deflate;server_max_window_bits = 15 ;client_max_window_bits", 15),
        ('permessage-deflate; server_max_window_bits="1\\0"', 10),
        (", ,\tpermessage-deflate ,", 15),
        ("x-webkit-deflate-frame, permessage-deflate", 15),
        ('other; list="a, permessage-deflate; b"; n=1, permessage-deflate', 15),
    ],
)
def test_offer_is_accepted(header: str, window: int) -> None:
    agreed = agree(header)
    assert agreed is not None
    assert agreed.window == window
    bits = f"; server_max_window_bits={window}" if "server_max" in header else ""
    assert agreed.answer == ANSWER + bits


@pytest.mark.parametrize(
    "parameters",
    [
        "server_max_window_bits",
        "server_max_window_bits=8",  # which is right, and more than zlib can do
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=010",
        "server_max_window_bits=x",
        'server_max_window_bits=""',
        "client_max_window_bits=7",
        'client_max_window_bits=""',
        "server_no_context_takeover=1",
        'client_no_context_takeover=""',
        "client_no_context_takeover; client_no_context_takeover",
        "client_max_window_bits; client_max_window_bits=10",
        "Server_no_context_takeover",
        "unknown",
        "unknown=1",
    ],
)
def test_offer_with_a_parameter_that_is_not_right_is_passed_over_for_the_next(parameters: str) -> None:
    assert agree(f"{OURS}; {parameters}") is None
    agreed = agree(f"{OURS}; {parameters}, {OURS}; server_max_window_bits=11")
    assert agreed is not None
    assert agreed.window == 11


def test_nothing_is_agreed_on_where_nothing_is_offered_that_is_known() -> None:
    assert agree("") is None
    assert agree("x-webkit-deflate-frame; no_context_takeover, permessage-deflated") is None


@pytest.mark.parametrize(
    "header",
    [
        "permessage-deflate;",
        "; x",
        "a b",
        "a; b=",
        'a; b="',
        'a; b="\\"',
        "a; =1",
        "a=1",
        "permessage-deflate; é",
        "a;;b",
    ],
)
def test_header_that_is_none_of_the_grammars_is_malformed(header: str) -> None:
    for whole in (header, f"permessage-deflate, {header}"):
        with pytest.raises(Malformed):
            agree(whole)


@pytest.mark.parametrize(
    ("coded", "plain"),
    [
        ("f248cdc9c90700", b"Hello"),
        ("000500faff48656c6c6f00", b"Hello"),
        ("f348cdc9c9070000", b"Hello"),
        ("f24805000000ffffcac9c90700", b"Hello"),
        ("03000300f348cdc9c9070000", b"Hello"),
        ("00", b""),
        ("0200", b""),
        ("", b""),
    ],
    ids=["plain", "stored", "last block", "two blocks", "last blocks", "stored empty", "empty", "nothing"],
)
def test_what_the_standard_shows_is_read(coded: str, plain: bytes) -> None:
    assert inflate(bytes.fromhex(coded), 100) == plain


def test_blocks_after_a_last_one_look_back_before_it() -> None:
    first = zlib.compressobj(wbits=-15)
    data = first.compress(b"the same again") + first.flush()
    second = zlib.compressobj(wbits=-15, zdict=b"the same again")
    data += second.compress(b"the same again") + second.flush(zlib.Z_SYNC_FLUSH)
    assert inflate(data[:-4], 100) == b"the same again" * 2


@pytest.mark.parametrize(
    "data",
    [b"\xff", b"\xf2\x00\x11\x00\x00", b"\xf3\x48\xcd\xc9\xc9\x07\x00", b"\0\x64\0\x9b\xffcut", b"\x03\0" * 20 + b"\0"],
    ids=["no block", "out of a context that nobody took over", "after the last", "cut short", "ends too often"],
)
def test_what_no_compressor_makes_is_corrupt(data: bytes) -> None:
    with pytest.raises(Corrupt):
        inflate(data, 1000)


def test_every_cut_of_a_compressed_message_is_corrupt() -> None:
    whole = deflate.deflate(b"a compressed message, a compressed message", 15)
    for cut in range(1, len(whole)):
        with pytest.raises(Corrupt):
            inflate(whole[:cut], 1000)


def test_bound_is_exact() -> None:
    data = deflate.deflate(b"x" * 1000, 15)
    assert inflate(data, 1000) == b"x" * 1000
    with pytest.raises(TooLong):
        inflate(data, 999)
    with pytest.raises(TooLong):
        inflate(b"\x03\x00" + data, 999)
    several = zlib.compressobj(wbits=-15)
    ended = several.compress(b"y" * 1000) + several.flush()
    assert len(inflate(ended + data, 2000)) == 2000
    with pytest.raises(TooLong):
        inflate(ended + data, 1999)


def test_bomb_takes_no_more_memory_than_the_bound() -> None:
    compressor = zlib.compressobj(9, wbits=-15)
    bomb = b"".join(compressor.compress(bytes(1 << 20)) for _ in range(64))
    bomb += compressor.flush(zlib.Z_SYNC_FLUSH)[:-4]
    tracemalloc.start()
    try:
        with pytest.raises(TooLong):
            inflate(bomb, 100_000)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def read_with(window: int, data: bytes) -> bytes:
    """In small pieces, so that no more than the window can be looked back at."""
    reader, found, data = zlib.decompressobj(-window), b"", data + TAIL
    while True:
        part = reader.decompress(data, 64)
        found, data = found + part, reader.unconsumed_tail
        if not part and not data:
            return found


payloads = st.one_of(
    st.binary(max_size=3000),
    st.text(alphabet='abc{}":,', max_size=8000).map(str.encode),
    st.builds(lambda part, times: part * times, st.binary(min_size=1, max_size=300), st.integers(0, 300)),
)


@given(payloads, st.integers(9, 15))
def test_whoever_has_the_window_reads_what_was_compressed_for_it(payload: bytes, window: int) -> None:
    data = deflate.deflate(payload, window)
    assert read_with(window, data) == payload
    assert inflate(data, len(payload)) == payload


@given(payloads, st.integers(0, 9), st.integers(9, 15), st.integers(1, 9), st.integers(0, 4))
def test_whatever_a_compressor_makes_is_read(
    payload: bytes, level: int, window: int, memory: int, strategy: int
) -> None:
    compressor = zlib.compressobj(level, zlib.DEFLATED, -window, memory, strategy)
    data = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    assert inflate(data.removesuffix(TAIL), len(payload)) == payload


@given(st.binary(max_size=400), st.integers(1, 2000))
def test_noise_is_at_most_corrupt_or_too_long(data: bytes, max_bytes: int) -> None:
    with contextlib.suppress(Corrupt, TooLong):
        assert len(inflate(data, max_bytes)) <= max_bytes
