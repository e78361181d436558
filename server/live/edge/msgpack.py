"""Socket.IO v5 packets as socket.io-msgpack-parser writes them: a MessagePack map in one binary message."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from server.live.edge import packet as packets
from server.live.edge.engineio import InvalidPacket, Outgoing
from server.live.edge.packet import Attachment, SocketPacket, TooDeep, check_connect, check_event, connected
from server.live.edge.socketio import encode as encode_json

_MAX_NAMESPACE: Final = 256


def _extension(code: int, data: memoryview) -> Any:
    """JavaScript's `undefined` is extension 0 with one byte; other extensions mean nothing here."""
    return None


_encode: Final = msgspec.msgpack.Encoder(enc_hook=bytes).encode
_decode: Final = msgspec.msgpack.Decoder(ext_hook=_extension).decode


class MsgpackParser:
    """The parser for clients that were built with the MessagePack one."""

    __slots__ = ("_max_depth",)

    def __init__(self, *, max_depth: int) -> None:
        self._max_depth = max_depth

    def decode(self, data: str | bytes) -> SocketPacket:
        """A packet; attachments lie inside, so it is never partial."""
        if isinstance(data, str):
            raise InvalidPacket("text where MessagePack is due")
        try:
            found = _decode(data)
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError, OverflowError):
            raise InvalidPacket("not MessagePack") from None
        if not isinstance(found, dict):
            raise InvalidPacket("not a packet")
        return self._packet(found)

    def _packet(self, found: dict[Any, Any]) -> SocketPacket:
        type_, namespace, id_ = found.get("type"), found.get("nsp"), found.get("id")
        if type(type_) is not int or not packets.CONNECT <= type_ <= packets.CONNECT_ERROR:
            raise InvalidPacket("packet type")
        if not isinstance(namespace, str) or not namespace.startswith("/") or len(namespace) > _MAX_NAMESPACE:
            raise InvalidPacket("namespace")
        if id_ is not None and (type(id_) is not int or not 0 <= id_ <= packets.MAX_ACK_ID):
            raise InvalidPacket("ack id")
        try:
            data = _plain(found.get("data"), self._max_depth)
        except TooDeep:
            if type_ != packets.EVENT:
                raise
            return SocketPacket(type_, namespace, id_, None)
        return SocketPacket(type_, namespace, id_, _checked(type_, data))

    def connect(self, namespace: str, sid: str, pid: str | None = None) -> Outgoing:
        return _outgoing({"type": packets.CONNECT, "data": connected(sid, pid), "nsp": namespace})

    def connect_error(self, namespace: str, error: dict[str, Any]) -> Outgoing:
        return _outgoing({"type": packets.CONNECT_ERROR, "data": error, "nsp": namespace})

    def disconnect(self, namespace: str) -> Outgoing:
        return _outgoing({"type": packets.DISCONNECT, "nsp": namespace})

    def event(self, namespace: str, args: list[Any], id_: int | None = None) -> Outgoing:
        found: dict[str, Any] = {"type": packets.EVENT, "data": args, "nsp": namespace}
        return _outgoing(found if id_ is None else found | {"id": id_})

    def ack(self, namespace: str, id_: int, args: list[Any]) -> Outgoing:
        return _outgoing({"type": packets.ACK, "data": args, "nsp": namespace, "id": id_})

    def part(self, value: Any) -> bytes:
        return _bytes(value)

    def event_of_parts(
        self, namespace: str, event: str, head: dict[str, Any], key: str, parts: list[bytes]
    ) -> Outgoing:
        body = {**head, key: [msgspec.Raw(part) for part in parts]}
        return _outgoing({"type": packets.EVENT, "nsp": namespace, "data": [event, body]})


def _outgoing(found: dict[str, Any]) -> Outgoing:
    return Outgoing(b"", (_bytes(found),))


def _bytes(value: Any) -> bytes:
    try:
        return _encode(value)
    except (UnicodeEncodeError, OverflowError):
        # What MessagePack cannot hold (half a surrogate pair, integers beyond 64 bits) goes by way of JSON's values.
        return _encode(_narrow(msgspec.json.decode(encode_json(value))))


def _narrow(value: Any) -> Any:
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value)
    if isinstance(value, list):
        return [_narrow(item) for item in value]
    if isinstance(value, dict):
        return {key: _narrow(item) for key, item in value.items()}
    return value


def _plain(value: Any, levels: int) -> Any:
    """JSON's kinds of value and attachments; anything else that MessagePack knows becomes text."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes):
        return Attachment(value)
    if levels == 0 and isinstance(value, list | dict):
        raise TooDeep("payload is nested too deeply")
    if isinstance(value, list):
        return [_plain(item, levels - 1) for item in value]
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _plain(item, levels - 1) for key, item in value.items()}
    return str(value)


def _checked(type_: int, data: Any) -> Any:
    if type_ == packets.EVENT:
        return check_event(data)
    if type_ == packets.CONNECT:
        return check_connect(data)
    if type_ == packets.ACK and not isinstance(data, list):
        raise InvalidPacket("ack payload")
    return data
