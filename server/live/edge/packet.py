"""What a Socket.IO v5 packet is, whichever way it is written, and the checks that both ways share."""

from __future__ import annotations

from typing import Any, Final, Protocol

from server.live.edge.engineio import InvalidPacket, Outgoing

CONNECT: Final = 0
DISCONNECT: Final = 1
EVENT: Final = 2
ACK: Final = 3
CONNECT_ERROR: Final = 4
BINARY_EVENT: Final = 5
BINARY_ACK: Final = 6

MAX_ACK_ID: Final = 2**53 - 1


class Attachment(bytes):
    """Binary data in an event. A plain `bytes` given to a socket would travel as base64 text; this travels as it is."""

    __slots__ = ()


class TooDeep(InvalidPacket):
    """The payload is nested too deeply."""


class SocketPacket:
    """One packet: `data` is the auth payload of a CONNECT, the list of arguments of an EVENT (name first) or an ACK.
    None for an EVENT that is nested too deeply to be read, so that it can be answered."""

    __slots__ = ("data", "id", "namespace", "type")

    def __init__(self, type_: int, namespace: str, id_: int | None, data: Any) -> None:
        self.type = type_
        self.namespace = namespace
        self.id = id_
        self.data = data


class Partial(Protocol):
    """A packet whose attachments have not all arrived."""

    @property
    def parked_bytes(self) -> int: ...

    def add(self, attachment: bytes) -> SocketPacket | None: ...


class Parser(Protocol):
    """One way of writing packets. Decoding raises InvalidPacket and nothing else, whatever the bytes."""

    def decode(self, data: str | bytes) -> SocketPacket | Partial: ...

    def connect(self, namespace: str, sid: str, pid: str | None = None) -> Outgoing:
        """`pid` for clients that may recover their connection's state."""
        ...

    def connect_error(self, namespace: str, error: dict[str, Any]) -> Outgoing: ...

    def disconnect(self, namespace: str) -> Outgoing: ...

    def event(self, namespace: str, args: list[Any], id_: int | None = None) -> Outgoing: ...

    def event_of_parts(
        self, namespace: str, event: str, head: dict[str, Any], key: str, parts: list[bytes]
    ) -> Outgoing:
        """An event of one object: `head` and, under `key`, a list of parts that were encoded before."""
        ...

    def part(self, value: Any) -> bytes:
        """A value as `event_of_parts` takes it."""
        ...

    def ack(self, namespace: str, id_: int, args: list[Any]) -> Outgoing: ...


def check_event(data: Any) -> list[Any]:
    """The arguments of an event, name first. Names that client libraries keep for themselves mean nothing here: no
    name ends a socket.
    """
    if not isinstance(data, list) or not data:
        raise InvalidPacket("event payload")
    name = data[0]
    if isinstance(name, int | float) and not isinstance(name, bool):
        data[0] = str(name)
    elif not isinstance(name, str):
        raise InvalidPacket("event name")
    return data


def connected(sid: str, pid: str | None) -> dict[str, str]:
    """The payload of an accepted CONNECT."""
    return {"sid": sid} if pid is None else {"sid": sid, "pid": pid}


def check_connect(data: Any) -> Any:
    if data is not None and not isinstance(data, dict):
        raise InvalidPacket("connect payload")
    return data


def depth_of(value: Any, limit: int) -> int:
    """How deeply containers are nested, counted as far as `limit` + 1."""
    level, depth = [value], 0
    while depth <= limit:
        level = [child for item in level if isinstance(item, dict | list) for child in _children(item)]
        depth += 1
        if not level:
            break
    return depth


def _children(item: dict[Any, Any] | list[Any]) -> list[Any]:
    return list(item.values()) if isinstance(item, dict) else item
