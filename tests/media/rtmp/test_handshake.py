from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import ProtocolError
from media.rtmp.handshake import PACKET_BYTES, ClientHandshake, ServerHandshake


def entropy(count: int) -> bytes:
    return bytes(index * 7 % 251 for index in range(count))


def test_plain_client_gets_its_packet_echoed() -> None:
    server = ServerHandshake(entropy=entropy)
    first = bytes(8) + b"\xaa" * 1528
    reply = server.receive(b"\x03" + first)
    assert len(reply) == 1 + 2 * PACKET_BYTES
    assert reply[0] == 3
    assert reply[5:9] == bytes(4)
    assert reply[1 + PACKET_BYTES :] == first
    assert not server.is_complete
    assert server.receive(reply[1 : 1 + PACKET_BYTES] + b"next") == b""
    assert server.is_complete
    assert server.rest == b"next"


@pytest.mark.parametrize(("layout", "pointer"), [(0, 8), (1, 772)])
def test_digest_of_either_layout_is_answered_by_one_keyed_with_it(layout: int, pointer: int) -> None:
    packet = bytearray(bytes(4) + b"\x80\0\7\2" + entropy(1528))
    at = sum(packet[pointer : pointer + 4]) % 728 + pointer + 4
    digest = hmac.digest(b"Genuine Adobe Flash Player 001", bytes(packet[:at] + packet[at + 32 :]), hashlib.sha256)
    packet[at : at + 32] = digest
    reply = ServerHandshake(entropy=entropy).receive(b"\x03" + packet)
    second, third = reply[1 : 1 + PACKET_BYTES], reply[1 + PACKET_BYTES :]
    own = sum(second[pointer : pointer + 4]) % 728 + pointer + 4
    signed = hmac.digest(b"Genuine Adobe Flash Media Server 001", second[:own] + second[own + 32 :], hashlib.sha256)
    assert second[own : own + 32] == signed
    assert third != bytes(packet)


@pytest.mark.parametrize("layout", [None, 0, 1])
def test_both_ends_agree(layout: int | None) -> None:
    client, server = ClientHandshake(entropy=entropy, layout=layout), ServerHandshake(entropy=entropy)
    assert server.receive(client.receive(server.receive(client.open())) + b"tail") == b""
    assert client.is_complete
    assert server.is_complete
    assert server.rest == b"tail"
    assert client.is_verified == (layout is not None)


def test_version_with_a_wrong_digest_falls_back_to_the_plain_handshake() -> None:
    packet = bytes(4) + b"\x80\0\7\2" + entropy(1528)
    assert ServerHandshake(entropy=entropy).receive(b"\x03" + packet).endswith(packet)


@pytest.mark.parametrize("version", [0, 2, 6, 8, 0x16, 0x47])
def test_other_version_breaks_the_protocol_with_the_first_byte(version: int) -> None:
    with pytest.raises(ProtocolError, match="version"):
        ServerHandshake(entropy=entropy).receive(bytes((version,)))


@given(cuts=st.lists(st.integers(1, 900), max_size=12))
def test_any_cutting_gives_the_same_reply(cuts: list[int]) -> None:
    data = b"\x03" + bytes(8) + entropy(1528) + bytes(PACKET_BYTES) + b"rest"
    whole = ServerHandshake(entropy=entropy)
    expected = whole.receive(data)
    server, reply, at = ServerHandshake(entropy=entropy), b"", 0
    for cut in cuts:
        if not server.is_complete:
            reply += server.receive(data[at : at + cut])
            at += cut
    if not server.is_complete:
        reply += server.receive(data[at:])
        at = len(data)
    assert reply == expected
    assert server.rest + data[at:] == whole.rest
