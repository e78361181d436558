"""Engine.IO v4 packets, without I/O: what goes into a WebSocket message or a polling payload.

A text packet is a digit and its data; a message in binary is the bare bytes over WebSocket and `b` with base64 in a
polling payload. Packets of a payload are separated by the record separator.
"""

from __future__ import annotations

import base64
import binascii
import os
from functools import lru_cache
from typing import Final

import msgspec

from server.live.edge import deflate, websocket

OPEN: Final = "0"
CLOSE: Final = "1"
PING: Final = "2"
PONG: Final = "3"
MESSAGE: Final = "4"
UPGRADE: Final = "5"
NOOP: Final = "6"

_SEPARATOR: Final = b"\x1e"
_KINDS: Final = frozenset("0123456")

RANDOM_CHARACTERS: Final = 20
_SIDS_AT_ONCE: Final = 64
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


class InvalidPacket(Exception):
    """What was received is no Engine.IO or Socket.IO packet; the session that sent it is closed."""


class Outgoing:
    """Packets on their way out, encoded once and framed once however many sockets they go to.

    `text` is a whole Engine.IO text packet or empty; `attachments` follow it as binary messages, never apart from it.
    """

    __slots__ = ("_deflated", "_frames", "_payload", "attachments", "text")

    def __init__(self, text: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        self.text = text
        self.attachments = attachments
        self._frames: bytes | None = None
        self._deflated: dict[int, bytes] | None = None
        self._payload: bytes | None = None

    @property
    def frames(self) -> bytes:
        """The WebSocket frames."""
        if self._frames is None:
            frames = websocket.frame(websocket.TEXT, self.text) if self.text else b""
            for part in self.attachments:
                frames += websocket.frame(websocket.BINARY, part)
            self._frames = frames
        return self._frames

    def frames_for(self, window: int) -> bytes:
        """The WebSocket frames for a client that reads this window's compression, where that pays; 0: it reads none.

        For what is sent to many clients. To compress a few kilobytes takes as long as to write them to five sockets:
        the 12 KB that a join sends would make it dearer by a fifth. And what is sent to one client alone may be a
        secret, which the compressed length would give away in part (CRIME).
        """
        if not window or len(self.text) < deflate.PAYS_FROM > max(map(len, self.attachments), default=0):
            return self.frames
        if self._deflated is None:
            self._deflated = {}
        found = self._deflated.get(window)
        if found is None:
            found = self._deflated[window] = self._deflate(window)
        return found

    def _deflate(self, window: int) -> bytes:
        parts = [(websocket.TEXT, self.text)] if self.text else []
        parts += [(websocket.BINARY, part) for part in self.attachments]
        return b"".join(
            websocket.deflated_frame(opcode, part, window)
            if len(part) >= deflate.PAYS_FROM
            else websocket.frame(opcode, part)
            for opcode, part in parts
        )

    @property
    def payload(self) -> bytes:
        """The same packets for a polling payload."""
        if self._payload is None:
            parts = [self.text] if self.text else []
            parts.extend(b"b" + base64.b64encode(part) for part in self.attachments)
            self._payload = _SEPARATOR.join(parts)
        return self._payload


PING_PACKET: Final = Outgoing(b"2")
CLOSE_PACKET: Final = Outgoing(b"1")
NOOP_PACKET: Final = Outgoing(b"6")
PROBE_ANSWER: Final = Outgoing(b"3probe")


def new_sid(node_tag: str = "") -> str:
    """An identifier that cannot be guessed: 120 random bits in `RANDOM_CHARACTERS`, then the node's tag."""
    if not _sids:
        _sids.extend(_random_sids())
    return _sids.pop() + node_tag


def _random_sids() -> list[str]:
    """Many at a time: the system is asked for random bits as slowly as for a packet."""
    text = binascii.b2a_base64(os.urandom(15 * _SIDS_AT_ONCE), newline=False).translate(_URL_SAFE).decode()
    return [text[at : at + RANDOM_CHARACTERS] for at in range(0, len(text), RANDOM_CHARACTERS)]


_sids: Final[list[str]] = []  # of this process: whoever forks it begins a new one before anything is served


def open_packet(
    *, sid: str, upgrades: list[str], ping_interval_s: float, ping_timeout_s: float, max_payload: int
) -> Outgoing:
    """The handshake. Times go out in whole milliseconds and never as 0."""
    terms = _terms(tuple(upgrades), ping_interval_s, ping_timeout_s, max_payload)
    return Outgoing(b'0{"sid":' + msgspec.json.encode(sid) + terms)


@lru_cache(maxsize=16)
def _terms(upgrades: tuple[str, ...], ping_interval_s: float, ping_timeout_s: float, max_payload: int) -> bytes:
    """What the handshake says behind the id, the same to everyone."""
    body = {
        "upgrades": upgrades,
        "pingInterval": max(1, round(ping_interval_s * 1000)),
        "pingTimeout": max(1, round(ping_timeout_s * 1000)),
        "maxPayload": max_payload,
    }
    return b"," + msgspec.json.encode(body)[1:]


def message(data: str | bytes) -> Outgoing:
    """A message packet around opaque data."""
    if isinstance(data, str):
        return Outgoing(b"4" + data.encode("utf-8", "replace"))
    return Outgoing(b"", (data,))


def check_text(packet: str) -> str:
    """The type of a text packet; InvalidPacket if it has none."""
    if not packet or packet[0] not in _KINDS:
        raise InvalidPacket("unknown Engine.IO packet")
    return packet[0]


def join_payload(parts: list[bytes]) -> bytes:
    """One polling payload of encoded packets."""
    return _SEPARATOR.join(parts)


def split_payload(body: bytes) -> list[str | bytes]:
    """The packets of a polling payload: text packets as they are, binary messages as bytes. All or InvalidPacket."""
    return [_decode(part) for part in body.split(_SEPARATOR)]


def _decode(part: bytes) -> str | bytes:
    if part[:1] == b"b":
        try:
            return base64.b64decode(part[1:], validate=True)
        except (binascii.Error, ValueError):
            raise InvalidPacket("binary packet is not base64") from None
    try:
        text = part.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidPacket("text packet is not UTF-8") from None
    check_text(text)
    return text
