"""The RTMP handshake of both ends (RTMP 1.0, section 5.2), with the digest variant of Flash Player 9. Sans-I/O.

A digest client hides an HMAC-SHA256 in its first packet, at a place that four of the packet's own bytes name; there are
two layouts of these places. A server proves itself by a digest of its own at the same place and by one over its second
packet that is keyed with the client's. A client that shows no valid digest gets the plain handshake.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from media.errors import ProtocolError

VERSION = 3
PACKET_BYTES = 1536
DIGEST_BYTES = 32

#: Where the four bytes that name a digest's place are, in each of the two layouts.
_LAYOUTS = (8, 772)
_PLACES = 728

_PLAYER_KEY = b"Genuine Adobe Flash Player 001"
_SERVER_KEY = b"Genuine Adobe Flash Media Server 001"
_SECRET = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
_SERVER_VERSION = bytes((4, 5, 0, 1))
_PLAYER_VERSION = bytes((9, 0, 124, 2))

Entropy = Callable[[int], bytes]


def _hmac(key: bytes, *parts: bytes) -> bytes:
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        digest.update(part)
    return digest.digest()


def _digest_at(packet: bytes, layout: int) -> int:
    return sum(packet[layout : layout + 4]) % _PLACES + layout + 4


def _digest_of(packet: bytes, at: int, key: bytes) -> bytes:
    return _hmac(key, packet[:at], packet[at + DIGEST_BYTES :])


def _find_digest(packet: bytes, key: bytes) -> tuple[int, bytes] | None:
    """The layout and the digest of a first packet, or None when it carries no valid one."""
    if packet[4:8] == bytes(4):
        return None
    for layout in _LAYOUTS:
        at = _digest_at(packet, layout)
        shown = packet[at : at + DIGEST_BYTES]
        if hmac.compare_digest(shown, _digest_of(packet, at, key)):
            return layout, shown
    return None


def _signed(packet: bytes, layout: int, key: bytes) -> bytes:
    at = _digest_at(packet, layout)
    return packet[:at] + _digest_of(packet, at, key) + packet[at + DIGEST_BYTES :]


def _answer(digest: bytes, entropy: Entropy, key: bytes) -> bytes:
    body = entropy(PACKET_BYTES - DIGEST_BYTES)
    return body + _hmac(_hmac(key + _SECRET, digest), body)


def _check_version(first: int) -> None:
    if first != VERSION:
        raise ProtocolError(f"handshake version {first} is not {VERSION}")


class ServerHandshake:
    """The listening end. Feed it until ``is_complete``; then ``rest`` is what followed the handshake."""

    def __init__(self, *, entropy: Entropy) -> None:
        self.is_complete = False
        self.rest = b""
        self._entropy = entropy
        self._buffer = bytearray()
        self._answered = False

    def open(self) -> bytes:
        """A server speaks second: nothing."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the client, give those to send. Keeps at most what one read brought beyond two packets."""
        self._buffer += data
        if self._buffer:
            _check_version(self._buffer[0])
        reply = b""
        if not self._answered and len(self._buffer) > PACKET_BYTES:
            self._answered = True
            reply = self._reply(bytes(self._buffer[1 : 1 + PACKET_BYTES]))
        if len(self._buffer) > 2 * PACKET_BYTES:
            self.is_complete = True
            self.rest = bytes(self._buffer[1 + 2 * PACKET_BYTES :])
            self._buffer.clear()
        return reply

    def _reply(self, first: bytes) -> bytes:
        found = _find_digest(first, _PLAYER_KEY)
        version = bytes((VERSION,))
        if found is None:
            return version + bytes(8) + self._entropy(PACKET_BYTES - 8) + first
        layout, digest = found
        own = bytes(4) + _SERVER_VERSION + self._entropy(PACKET_BYTES - 8)
        return version + _signed(own, layout, _SERVER_KEY) + _answer(digest, self._entropy, _SERVER_KEY)


class ClientHandshake:
    """The dialling end. ``layout`` 0 or 1 asks for the digest variant in that layout, None for the plain one."""

    def __init__(self, *, entropy: Entropy, layout: int | None = None) -> None:
        self.is_complete = False
        self.is_verified = False
        self.rest = b""
        self._entropy = entropy
        self._layout = layout
        self._buffer = bytearray()
        self._digest = b""

    def open(self) -> bytes:
        """The version and the first packet."""
        if self._layout is None:
            return bytes((VERSION,)) + bytes(8) + self._entropy(PACKET_BYTES - 8)
        layout = _LAYOUTS[self._layout]
        first = _signed(bytes(4) + _PLAYER_VERSION + self._entropy(PACKET_BYTES - 8), layout, _PLAYER_KEY)
        at = _digest_at(first, layout)
        self._digest = first[at : at + DIGEST_BYTES]
        return bytes((VERSION,)) + first

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the server, give the closing packet once both of the server's are here."""
        self._buffer += data
        if self._buffer:
            _check_version(self._buffer[0])
        if len(self._buffer) <= 2 * PACKET_BYTES:
            return b""
        first = bytes(self._buffer[1 : 1 + PACKET_BYTES])
        second = bytes(self._buffer[1 + PACKET_BYTES : 1 + 2 * PACKET_BYTES])
        self.is_complete = True
        self.rest = bytes(self._buffer[1 + 2 * PACKET_BYTES :])
        self._buffer.clear()
        return self._close(first, second)

    def _close(self, first: bytes, second: bytes) -> bytes:
        found = _find_digest(first, _SERVER_KEY)
        if self._layout is None or found is None:
            return first
        proof = _hmac(_hmac(_SERVER_KEY + _SECRET, self._digest), second[:-DIGEST_BYTES])
        self.is_verified = hmac.compare_digest(proof, second[-DIGEST_BYTES:])
        return _answer(found[1], self._entropy, _PLAYER_KEY)
