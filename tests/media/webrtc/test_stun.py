from __future__ import annotations

import ipaddress

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
        assert message.attributes["XOR-MAPPED-ADDRESS"] == (str(ipaddress.ip_address(host)), 4_242)


def test_unsigned_checks_and_other_messages_are_not_understood() -> None:
    bare = other.Message(message_method=other.Method.BINDING, message_class=other.Class.REQUEST)
    assert stun.parse_request(bytes(bare)) is None
    answer = other.Message(message_method=other.Method.BINDING, message_class=other.Class.RESPONSE)
    assert stun.parse_request(bytes(answer)) is None


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
