from __future__ import annotations

import hmac
import ipaddress
import struct

import pytest
from aioice import stun as other
from hypothesis import given
from hypothesis import strategies as st

from media.webrtc import stun

PASSWORD = "a-password-that-is-long-enough"


def check(*, username: str = "ours:theirs", nominate: bool = True, password: str = PASSWORD) -> bytes:
    message = other.Message(message_method=other.Method.BINDING, message_class=other.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 2
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    return bytes(message)


def test_a_signed_check_is_read() -> None:
    request = stun.parse_request(check())
    assert request is not None
    assert (request.local_ufrag, request.remote_ufrag, request.nominates) == ("ours", "theirs", True)
    assert request.is_signed_with(PASSWORD)


def test_a_check_signed_with_another_password_is_told_apart() -> None:
    request = stun.parse_request(check(password="another"))
    assert request is not None
    assert not request.is_signed_with(PASSWORD)


def test_a_changed_check_is_told_apart() -> None:
    request = stun.parse_request(check().replace(b"ours:theirs", b"ours:thairs"))
    assert request is not None
    assert not request.is_signed_with(PASSWORD)


def test_the_response_is_understood_by_another_implementation() -> None:
    for host in ("192.0.2.7", "2001:db8::7"):
        request = stun.parse_request(check())
        assert request is not None
        data = stun.response(request, address=(host, 4_242), password=PASSWORD)
        message = other.parse_message(data)
        assert message.check_message_integrity(PASSWORD.encode())
        assert message.message_class == other.Class.RESPONSE
        assert message.message_method == other.Method.BINDING
        assert "FINGERPRINT" in message.attributes
        assert message.attributes["XOR-MAPPED-ADDRESS"] == (str(ipaddress.ip_address(host)), 4_242)


def test_unsigned_checks_and_other_messages_are_not_understood() -> None:
    bare = other.Message(message_method=other.Method.BINDING, message_class=other.Class.REQUEST)
    assert stun.parse_request(bytes(bare)) is None
    answer = other.Message(message_method=other.Method.BINDING, message_class=other.Class.RESPONSE)
    assert stun.parse_request(bytes(answer)) is None


def attribute(name: int, value: bytes) -> bytes:
    return struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)


USERNAME, USE_CANDIDATE, SOFTWARE = 0x0006, 0x0025, 0x8022


def request(*attributes: bytes, then: bytes = b"", integrity: bytes | None = None) -> bytes:
    """A Binding request with these attributes, MESSAGE-INTEGRITY and what is to stand after it."""
    body = b"".join(attributes)
    ids = b"\x21\x12\xa4\x42" + bytes(range(12))
    covered = b"\0\1" + (len(body) + 24).to_bytes(2, "big") + ids + body
    if integrity is None:
        integrity = hmac.digest(PASSWORD.encode(), covered, "sha1")
    tail = attribute(0x0008, integrity) + then
    return b"\0\1" + (len(body) + len(tail)).to_bytes(2, "big") + ids + body + tail


def is_accepted(data: bytes) -> bool:
    understood = stun.parse_request(data)
    return understood is not None and understood.is_signed_with(PASSWORD)


def test_the_sample_request_of_rfc_5769_is_understood() -> None:
    data = bytes.fromhex(
        "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b1"
        "51263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
    )
    sample = stun.parse_request(data)
    assert sample is not None
    assert (sample.local_ufrag, sample.remote_ufrag, sample.nominates) == ("evtj", "h6vY", False)
    assert sample.transaction_id == bytes.fromhex("b7e7a701bc34d686fa87dfae")
    assert sample.is_signed_with("VOkJxbRl1RmTxUk/WvJxBt")


@pytest.mark.parametrize("username", ["a:b", "a:bc", "a:bcd", "a:bcde", "ours:theirs:more"])
def test_user_names_of_any_length_are_padded(username: str) -> None:
    understood = stun.parse_request(request(attribute(USERNAME, username.encode())))
    assert understood is not None
    assert f"{understood.local_ufrag}:{understood.remote_ufrag}" == username
    assert understood.is_signed_with(PASSWORD)


@pytest.mark.parametrize("username", [b"", b"ours", b":theirs", b"ours:", b":", b"ours:\xff"])
def test_a_check_without_both_names_is_not_understood(username: bytes) -> None:
    assert stun.parse_request(request(attribute(USERNAME, username))) is None


def test_only_what_is_signed_counts() -> None:
    """Attributes after MESSAGE-INTEGRITY are ignored (RFC 8489, section 14.5): anyone on the way can add them."""
    data = request(attribute(USERNAME, b"a:b"), then=attribute(USE_CANDIDATE, b"") + attribute(USERNAME, b"c:d"))
    understood = stun.parse_request(data)
    assert understood is not None
    assert (understood.local_ufrag, understood.nominates) == ("a", False)
    assert understood.is_signed_with(PASSWORD)


@pytest.mark.parametrize("size", [0, 16, 19, 21, 24])
def test_a_check_whose_integrity_is_no_sha1_is_not_understood(size: int) -> None:
    assert stun.parse_request(request(attribute(USERNAME, b"a:b"), integrity=bytes(size))) is None


def test_a_datagram_over_1500_bytes_is_not_understood() -> None:
    name = attribute(USERNAME, b"a:b")
    filled = [1500 - len(request(name, attribute(SOFTWARE, b""))), 1504 - len(request(name, attribute(SOFTWARE, b"")))]
    fits, too_long = (request(name, attribute(SOFTWARE, bytes(size))) for size in filled)
    assert (len(fits), is_accepted(fits)) == (1500, True)
    assert (len(too_long), stun.parse_request(too_long)) == (1504, None)


def test_a_check_with_more_than_32_attributes_is_not_understood() -> None:
    name, other = attribute(USERNAME, b"a:b"), attribute(SOFTWARE, b"x")
    assert is_accepted(request(name, *[other] * 30))
    assert stun.parse_request(request(name, *[other] * 31)) is None


def cut(data: bytes, size: int) -> bytes:
    """The first bytes of a message whose length field says that it is whole."""
    return data[:2] + (size - 20).to_bytes(2, "big") + data[4:size]


def test_a_check_that_ends_within_an_attribute_is_not_understood() -> None:
    data = request(attribute(USERNAME, b"ours:theirs"))
    assert all(stun.parse_request(cut(data, size)) is None for size in range(20, len(data)))
    assert is_accepted(cut(data, len(data)))


@pytest.mark.parametrize("length", [0, 43, 45, 0xFFFF])
def test_a_length_that_is_not_the_datagrams_is_not_understood(length: int) -> None:
    data = request(attribute(USERNAME, b"ours:the"))
    assert len(data) == 20 + 36
    assert stun.parse_request(data[:2] + length.to_bytes(2, "big") + data[4:]) is None


def test_a_length_that_is_no_multiple_of_four_is_not_understood() -> None:
    data = request(attribute(USERNAME, b"a:b"), then=b"x")
    assert stun.parse_request(data) is None
    assert is_accepted(request(attribute(USERNAME, b"a:b"), then=bytes(4)))


@pytest.mark.parametrize(
    ("data", "is_it"),
    [
        (b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12), True),
        (b"\3\1\0\0\x21\x12\xa4\x42" + bytes(12), True),
        (b"\0\1\0\0\x21\x12\xa4\x42" + bytes(11), False),
        (b"\4\1\0\0\x21\x12\xa4\x42" + bytes(12), False),
        (b"\0\1\0\0\x21\x12\xa4\x43" + bytes(12), False),
    ],
    ids=["request", "other", "short", "zrtp", "cookie"],
)
def test_stun_is_told_from_other_protocols_of_the_port(data: bytes, is_it: bool) -> None:
    assert stun.is_stun(data) is is_it


def test_the_response_to_a_link_local_address_leaves_its_zone_out() -> None:
    understood = stun.parse_request(check())
    assert understood is not None
    zoned, plain = (
        stun.response(understood, address=(host, 9), password=PASSWORD) for host in ("fe80::1%eth0", "fe80::1")
    )
    assert zoned == plain


@given(st.binary(max_size=200))
def test_random_bytes_are_not_understood(data: bytes) -> None:
    assert stun.parse_request(data) is None


@given(st.integers(0, 107), st.integers(0, 255))
def test_a_damaged_check_never_counts_as_signed(at: int, value: int) -> None:
    data = bytearray(check(nominate=False))
    at %= len(data)
    if data[at] == value:
        return
    data[at] = value
    request = stun.parse_request(bytes(data))
    in_fingerprint = at >= len(data) - 8
    assert request is None or in_fingerprint or not request.is_signed_with(PASSWORD)
