"""Socket.IO v5 packets as the default parser writes them: a digit, counts and names as text, then JSON.

Binary data is taken out of the JSON, leaving `{"_placeholder": true, "num": n}`, and follows as messages of its own.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from server.live.edge import packet as packets
from server.live.edge.engineio import InvalidPacket, Outgoing
from server.live.edge.packet import (
    Attachment,
    SocketPacket,
    TooDeep,
    check_connect,
    check_event,
    connected,
    depth_of,
)

_ROOT: Final = "/"
_MAX_NAMESPACE: Final = 256
_MAX_ID_DIGITS: Final = 16
_MAX_PLAIN_HEAD: Final = 16  # one character less than what could be an id that is too large
_MAX_NUMBER: Final = 400  # digits; more are infinity, as in JavaScript
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


class _Cursor:
    """Reads a packet's head from the left."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 1

    def digits(self) -> str:
        text, start = self.text, self.at
        end = start
        while end < len(text) and "0" <= text[end] <= "9":
            end += 1
        self.at = end
        return text[start:end]

    def attachments(self, limit: int) -> int:
        digits = self.digits()
        if not digits or self.text[self.at : self.at + 1] != "-":
            raise InvalidPacket("attachment count")
        self.at += 1
        if len(digits) > 4 or int(digits) > limit:
            raise InvalidPacket("too many attachments")
        return int(digits)

    def namespace(self) -> str:
        if self.text[self.at : self.at + 1] != "/":
            return _ROOT
        comma = self.text.find(",", self.at)
        end = len(self.text) if comma < 0 else comma
        if end - self.at > _MAX_NAMESPACE:
            raise InvalidPacket("namespace")
        name = self.text[self.at : end]
        self.at = end + 1
        return name.partition("?")[0] or _ROOT

    def id(self) -> int | None:
        digits = self.digits()
        if len(digits) > _MAX_ID_DIGITS or (digits and int(digits) > packets.MAX_ACK_ID):
            raise InvalidPacket("ack id")
        return int(digits) if digits else None


def _plain_head(text: str) -> int:
    """Where the JSON begins behind a type and at most the number of an acknowledgement, as in nearly every packet; 0
    when it takes a closer look."""
    if text[1:2] == "{":
        return 1
    at = text.find("[", 1, _MAX_PLAIN_HEAD)
    return at if at == 1 or (at > 1 and text[1:at].isdecimal() and text[:at].isascii()) else 0


class JsonPartial:
    """A packet that waits for its attachments, which arrive in order."""

    __slots__ = ("_attachments", "_count", "_data", "_packet", "parked_bytes")

    def __init__(self, packet: SocketPacket, data: Any, count: int) -> None:
        self._packet = packet
        self._data = data
        self._count = count
        self._attachments: list[Attachment] = []
        self.parked_bytes = 0

    def add(self, attachment: bytes) -> SocketPacket | None:
        """The whole packet once the last attachment is there."""
        self._attachments.append(Attachment(attachment))
        self.parked_bytes += len(attachment)
        if len(self._attachments) < self._count:
            return None
        if self._data is not None:
            self._packet.data = _checked(self._packet.type, _fill(self._data, self._attachments))
        return self._packet


class JsonParser:
    """The default parser of every client."""

    __slots__ = ("_max_attachments", "_max_depth")

    def __init__(self, *, max_depth: int, max_attachments: int) -> None:
        self._max_depth = max_depth
        self._max_attachments = max_attachments

    def decode(self, data: str | bytes) -> SocketPacket | JsonPartial:
        """A packet, or one that waits for attachments. Binary alone is not a packet here."""
        if isinstance(data, bytes) or not data or not "0" <= data[0] <= "6":
            raise InvalidPacket("unknown Socket.IO packet")
        type_ = ord(data[0]) - 48
        if type_ <= packets.ACK and (at := _plain_head(data)):
            number = int(data[1:at]) if at > 1 else None
            packet = SocketPacket(type_, _ROOT, number, None)
            return self._filled(packet, data[at:], 0)
        cursor, is_binary = _Cursor(data), type_ >= packets.BINARY_EVENT
        count = cursor.attachments(self._max_attachments) if is_binary else 0
        packet = SocketPacket(type_ - 3 if is_binary else type_, cursor.namespace(), cursor.id(), None)
        return self._filled(packet, data[cursor.at :], count)

    def _filled(self, packet: SocketPacket, text: str, count: int) -> SocketPacket | JsonPartial:
        """`count` is the number of attachments that are to come."""
        try:
            payload = self._json(text)
        except TooDeep:
            if packet.type != packets.EVENT:
                raise
            return JsonPartial(packet, None, count) if count else packet
        if count:
            return JsonPartial(packet, payload, count)
        packet.data = _checked(packet.type, payload)
        return packet

    def _json(self, text: str) -> Any:
        if not text:
            return None
        try:
            value = _decode(text)
        except (msgspec.MsgspecError, UnicodeEncodeError):
            value = _lenient(text)
        except RecursionError:
            raise TooDeep("payload is nested too deeply") from None
        if text.count("[") + text.count("{") > self._max_depth and depth_of(value, self._max_depth) > self._max_depth:
            raise TooDeep("payload is nested too deeply")
        return value

    def connect(self, namespace: str, sid: str, pid: str | None = None) -> Outgoing:
        return _packet(packets.CONNECT, namespace, None, connected(sid, pid))

    def connect_error(self, namespace: str, error: dict[str, Any]) -> Outgoing:
        return _packet(packets.CONNECT_ERROR, namespace, None, error)

    def disconnect(self, namespace: str) -> Outgoing:
        return Outgoing(b"41" + _prefix(namespace).rstrip(b","))

    def event(self, namespace: str, args: list[Any], id_: int | None = None) -> Outgoing:
        return _packet(packets.EVENT, namespace, id_, args)

    def ack(self, namespace: str, id_: int, args: list[Any]) -> Outgoing:
        return _packet(packets.ACK, namespace, id_, args)

    def part(self, value: Any) -> bytes:
        return encode(value)

    def event_of_parts(
        self, namespace: str, event: str, head: dict[str, Any], key: str, parts: list[bytes]
    ) -> Outgoing:
        opened = encode(head)[:-1] + (b"," if head else b"")
        body = b"".join((b"[", encode(event), b",", opened, encode(key), b":[", b",".join(parts), b"]}]"))
        return Outgoing(b"42" + _prefix(namespace) + body)


def encode(value: Any) -> bytes:
    """JSON. What Unicode cannot hold becomes the replacement character."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(_mended(value))


def _prefix(namespace: str) -> bytes:
    return b"" if namespace == _ROOT else namespace.encode() + b","


def _packet(type_: int, namespace: str, id_: int | None, data: Any) -> Outgoing:
    attachments: list[bytes] = []
    try:
        body = _encode(data)
    except TypeError:
        body = encode(_take_out(data, attachments))
    except UnicodeEncodeError:
        body = encode(_mended(_take_out(data, attachments)))
    head = f"4{type_}" if not attachments else f"4{type_ + 3}{len(attachments)}-"
    if namespace != _ROOT:
        head += namespace + ","
    if id_ is not None:
        head += str(id_)
    return Outgoing(head.encode() + body, tuple(attachments))


def _take_out(value: Any, attachments: list[bytes]) -> Any:
    """A copy with each Attachment replaced by its placeholder."""
    if isinstance(value, Attachment):
        attachments.append(bytes(value))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, list | tuple):
        return [_take_out(item, attachments) for item in value]
    if isinstance(value, dict):
        return {key: _take_out(item, attachments) for key, item in value.items()}
    return value


def _fill(value: Any, attachments: list[Attachment]) -> Any:
    if isinstance(value, list):
        return [_fill(item, attachments) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("_placeholder") is not True:
        return {key: _fill(item, attachments) for key, item in value.items()}
    number = value.get("num")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(attachments):
        raise InvalidPacket("illegal attachment")
    return attachments[number]


def _checked(type_: int, data: Any) -> Any:
    if type_ == packets.EVENT:
        return check_event(data)
    if type_ == packets.CONNECT:
        return check_connect(data)
    if type_ == packets.ACK and not isinstance(data, list):
        raise InvalidPacket("ack payload")
    if type_ == packets.DISCONNECT and data is not None:
        raise InvalidPacket("disconnect payload")
    return data


def _lenient(text: str) -> Any:
    """A second look at JSON that is valid and yet has no value here: halves of surrogate pairs, numbers without end."""
    try:
        return _mended(json.loads(text, parse_int=_integer, parse_constant=_refuse))
    except (ValueError, RecursionError):
        raise InvalidPacket("payload is not JSON") from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_NUMBER else float("-inf" if digits[0] == "-" else "inf")


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value
