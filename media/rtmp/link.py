"""What both ends of an RTMP connection do alike: handshake, chunks, windows and pings. Sans-I/O."""

from __future__ import annotations

import math

import msgspec

from media.errors import ProtocolError
from media.rtmp import amf
from media.rtmp.amf import Value, Writable
from media.rtmp.chunk import (
    ACKNOWLEDGEMENT,
    COMMAND,
    COMMAND_AMF3,
    DATA,
    PEER_BANDWIDTH,
    SET_CHUNK_SIZE,
    USER_CONTROL,
    WINDOW_SIZE,
    ChunkLimits,
    ChunkReader,
    ChunkWriter,
    RtmpMessage,
)
from media.rtmp.handshake import ClientHandshake, ServerHandshake

WINDOW_BYTES = 2_500_000
CHUNK_BYTES = 65_536
CONTROL_CHUNKS = 2
COMMAND_CHUNKS = 3
_PING_REQUEST, _PING_RESPONSE = 6, 7
_CONTROL = frozenset((ACKNOWLEDGEMENT, USER_CONTROL, WINDOW_SIZE, PEER_BANDWIDTH))


class RtmpLink:
    """One end of a connection below its commands. Bytes in, messages out; what to send waits in ``take``.

    Raises ProtocolError when the peer breaks the protocol; the link is of no use afterwards.
    """

    def __init__(self, *, handshake: ServerHandshake | ClientHandshake, limits: ChunkLimits) -> None:
        self.reader = ChunkReader(limits=limits)
        self.received_bytes = 0
        self.acknowledged_bytes = 0
        self.is_open = False
        self._handshake = handshake
        self._writer = ChunkWriter()
        self._out: list[bytes] = [handshake.open()]
        self._peer_window = WINDOW_BYTES
        self._own_window = 0
        self._last_ack = 0

    def receive(self, data: bytes) -> list[RtmpMessage]:
        """The messages for the layer above, in order. Control messages are answered here."""
        self.received_bytes += len(data)
        if not self.is_open:
            data = self._shake(data)
        messages = [message for message in self.reader.receive(data) if not self._is_control(message)]
        self._acknowledge()
        return messages

    def take(self) -> bytes:
        """What is to be sent, once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def send(self, chunk_stream: int, message: RtmpMessage) -> None:
        """Queue one message."""
        self._out.append(self._writer.write(chunk_stream, message))

    def command(self, *values: Writable, stream_id: int = 0) -> None:
        """Queue an AMF 0 command."""
        self.send(COMMAND_CHUNKS, RtmpMessage(COMMAND, stream_id, 0, amf.encode(*values)))

    def user_control(self, event: int, value: int) -> None:
        """Queue a user control event with one 32-bit value."""
        self._control(USER_CONTROL, event.to_bytes(2, "big") + value.to_bytes(4, "big"))

    def announce_chunk_size(self, size: int) -> None:
        """Use larger chunks from here on."""
        self._control(SET_CHUNK_SIZE, size.to_bytes(4, "big"))
        self._writer.chunk_bytes = size

    def announce_window(self, size: int) -> None:
        """Say how much may be received before an acknowledgement is due."""
        self._own_window = size
        self._control(WINDOW_SIZE, size.to_bytes(4, "big"))

    def announce_bandwidth(self, size: int) -> None:
        """Ask the peer to announce the same window (dynamic limit)."""
        self._control(PEER_BANDWIDTH, size.to_bytes(4, "big") + b"\2")

    def _shake(self, data: bytes) -> bytes:
        self._out.append(self._handshake.receive(data))
        if not self._handshake.is_complete:
            return b""
        self.is_open = True
        rest, self._handshake.rest = self._handshake.rest, b""
        return rest

    def _control(self, kind: int, payload: bytes) -> None:
        self.send(CONTROL_CHUNKS, RtmpMessage(kind, 0, 0, payload))

    def _is_control(self, message: RtmpMessage) -> bool:
        if message.type not in _CONTROL:
            return False
        if message.type == USER_CONTROL:
            self._user_control(message.payload)
            return True
        if len(message.payload) < 4:
            raise ProtocolError("a control message is cut off")
        value = int.from_bytes(message.payload[:4], "big")
        if message.type == ACKNOWLEDGEMENT:
            self.acknowledged_bytes = value
        elif message.type == WINDOW_SIZE:
            self._peer_window = max(value, 1)
        elif value != self._own_window:
            self.announce_window(value)
        return True

    def _user_control(self, payload: bytes | bytearray) -> None:
        if len(payload) < 2:
            raise ProtocolError("a user control message is cut off")
        if int.from_bytes(payload[:2], "big") == _PING_REQUEST:
            self._control(USER_CONTROL, _PING_RESPONSE.to_bytes(2, "big") + bytes(payload[2:6]))

    def _acknowledge(self) -> None:
        """At most one acknowledgement a read, however small the peer's window is."""
        if self.is_open and self.received_bytes - self._last_ack >= self._peer_window:
            self._last_ack = self.received_bytes
            self._control(ACKNOWLEDGEMENT, (self.received_bytes & 0xFFFFFFFF).to_bytes(4, "big"))


class Command(msgspec.Struct, frozen=True):
    """A command message: its name, transaction, command object (empty when null) and further arguments."""

    name: str
    transaction: float
    properties: dict[str, Value]
    arguments: list[Value]

    def text(self, index: int) -> str:
        """The argument as text, empty when it is none."""
        value = self.arguments[index] if index < len(self.arguments) else None
        return value if isinstance(value, str) else ""

    def number(self, index: int) -> float:
        """The argument as a number, 0 when it is none."""
        value = self.arguments[index] if index < len(self.arguments) else None
        return value if isinstance(value, float) and math.isfinite(value) else 0.0


def parse_command(message: RtmpMessage) -> Command:
    """Read a command; a message for AMF 3 carries the same AMF 0 values behind one zero byte."""
    payload = message.payload
    if message.type == COMMAND_AMF3 and payload[:1] == b"\0":
        payload = payload[1:]
    values = amf.decode(payload)
    if not values or not isinstance(values[0], str):
        raise ProtocolError("a command without a name")
    transaction = values[1] if len(values) > 1 else None
    properties = values[2] if len(values) > 2 else None
    return Command(
        values[0],
        transaction if isinstance(transaction, float) else 0.0,
        properties if isinstance(properties, dict) else {},
        values[3:],
    )


def parse_metadata(message: RtmpMessage) -> dict[str, Value] | None:
    """The values of an onMetaData message, set by @setDataFrame or not; None for other data."""
    payload = message.payload
    if message.type != DATA and payload[:1] == b"\0":
        payload = payload[1:]
    values = amf.decode(payload)
    if values[:1] == ["@setDataFrame"]:
        values = values[1:]
    if len(values) < 2 or values[0] != "onMetaData" or not isinstance(values[1], dict):
        return None
    return values[1]
