from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.live.edge.request import BadRequest, BodyTooLarge, Head, RequestBody, body_of


def head(*fields: str, line: str = "POST /a?x=1 HTTP/1.1") -> Head:
    return Head("\r\n".join([line, *fields]).encode("latin-1"))


def test_head_is_taken_apart() -> None:
    found = head("Host: a", "X-Many: 1", "x-many:  2 ", line="GET /socket.io/?EIO=4&a=%20b&a=c HTTP/1.1")
    assert (found.method, found.path, found.query) == ("GET", "/socket.io/", {"EIO": "4", "a": " b"})
    assert found.headers == {"host": "a", "x-many": "1, 2"}


@pytest.mark.parametrize(
    "raw", [b"", b"GET", b"GET / HTTP/2", b"GET  / HTTP/1.1", b"GET / HTTP/1.1\r\nno colon", b"GET / HTTP/1.1\r\n: x",
            b"GET / HTTP/1.1\r\nHost : x", b"GET / HTTP/1.1\r\n folded: x"]
)  # fmt: skip
def test_head_that_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        Head(raw)


@pytest.mark.parametrize(
    ("line", "fields", "is_keep_alive"),
    [
        ("GET / HTTP/1.1", [], True),
        ("GET / HTTP/1.1", ["Connection: close"], False),
        ("GET / HTTP/1.0", [], False),
        ("GET / HTTP/1.0", ["Connection: Keep-Alive"], True),
    ],
)
def test_connection_is_kept_as_the_version_says(line: str, fields: list[str], is_keep_alive: bool) -> None:
    assert head(*fields, line=line).is_keep_alive is is_keep_alive


@pytest.mark.parametrize(
    "fields",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: -1"],
        ["Content-Length: +5"],
        ["Content-Length: 5x"],
        ["Content-Length: " + "9" * 30],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: identity"],
    ],
)
def test_body_that_is_announced_in_two_ways_is_refused(fields: list[str]) -> None:
    with pytest.raises(BadRequest):
        body_of(head(*fields), keep_up_to=None)


def test_length_over_the_bound_is_refused_at_once() -> None:
    with pytest.raises(BodyTooLarge):
        body_of(head("Content-Length: 11"), keep_up_to=10)


CHUNKED = b"5 ;name=value\r\nhello\r\n0B\r\n, the world\r\n0\r\nTrailer: x\r\n\r\n"


@given(st.lists(st.integers(0, len(CHUNKED)), max_size=8))
def test_chunked_body_is_the_same_however_it_arrives(cuts: list[int]) -> None:
    body = RequestBody(length=None, keep_up_to=100)
    stream, ends = CHUNKED + b"GET /next", sorted({*cuts, len(CHUNKED) + 9})
    start = taken = 0
    for end in ends:
        taken += body.feed(stream[start:end])
        start = end
    assert body.is_done
    assert bytes(body.content) == b"hello, the world"
    assert taken == len(CHUNKED)


@pytest.mark.parametrize(
    "stream",
    [
        b"x\r\n",
        b" 5\r\n",
        b"5 \r\n",
        b"-1\r\n",
        b"5\nhello",
        b"5\r\nhelloX\r\n",
        b"ffffffffff\r\n",
        b"1" * 5000,
        b"\r\n",
    ],
)
def test_chunks_that_are_wrong_are_refused(stream: bytes) -> None:
    with pytest.raises(BadRequest):
        RequestBody(length=None, keep_up_to=100).feed(stream)


def test_chunks_are_bounded_together() -> None:
    body = RequestBody(length=None, keep_up_to=8)
    with pytest.raises(BodyTooLarge):
        body.feed(b"5\r\nhello\r\n5\r\nhello\r\n")


def test_body_that_is_not_kept_has_no_bound() -> None:
    body = RequestBody(length=10**12, keep_up_to=None)
    assert body.feed(b"x" * 1000) == 1000
    assert not body.content
    assert not body.is_done
