"""The listening end of RTMP for publishers. Sans-I/O: bytes and decisions in, events and bytes out.

A connection goes NEW → CONNECTED → JUDGED ⇄ PUBLISHING → CONNECTED …, and from anywhere to CLOSED. Which command may
come when is the table ``_COMMANDS``; one that comes too early breaks the protocol, an unknown one is answered with
an error.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Mapping

import msgspec

from media.errors import ProtocolError, PublishRefused
from media.rtmp import flv
from media.rtmp.amf import Value, Writable
from media.rtmp.chunk import (
    AGGREGATE,
    AUDIO,
    COMMAND,
    COMMAND_AMF3,
    DATA,
    DATA_AMF3,
    VIDEO,
    ChunkLimits,
    RtmpMessage,
)
from media.rtmp.handshake import Entropy, ServerHandshake
from media.rtmp.link import CHUNK_BYTES, WINDOW_BYTES, Command, RtmpLink, parse_command, parse_metadata

MAX_STREAMS = 16
#: Before a publisher was accepted nothing large is due.
_EARLY_PARTIAL_BYTES = 512 * 1024
_STREAM_BEGIN = 0
_CAN_FORWARD = 4
#: Enhanced RTMP v2, capsEx: multitrack, ModEx and its nanosecond offset.
_CAPABILITIES = 2 | 4 | 8


class PublishWanted(msgspec.Struct, frozen=True):
    """The client wants to publish: answer with ``accept`` or ``refuse``."""

    key: str
    app: str
    user_agent: str
    is_backup: bool = False


class Metadata(msgspec.Struct, frozen=True):
    """The encoder's onMetaData."""

    values: dict[str, Value]


class DataMalformed(msgspec.Struct, frozen=True):
    """A data message that is no AMF 0 was passed over: what it may have held is a hint, not worth the publication."""


class PublishStopped(msgspec.Struct, frozen=True):
    """The publisher has ended its stream; the connection stays."""


class ConnectionEnding(msgspec.Struct, frozen=True):
    """The connection is to be closed once what is queued has been sent."""

    reason: str


#: A Message among the events is audio or video of the stream being published.
Event = PublishWanted | Metadata | DataMalformed | PublishStopped | ConnectionEnding | RtmpMessage


class _State(enum.Enum):
    NEW = enum.auto()
    CONNECTED = enum.auto()
    JUDGED = enum.auto()
    PUBLISHING = enum.auto()
    CLOSED = enum.auto()


_LIVE = frozenset((_State.CONNECTED, _State.JUDGED, _State.PUBLISHING))
_COMMANDS: Mapping[str, frozenset[_State]] = {
    "connect": frozenset((_State.NEW,)),
    "releaseStream": _LIVE,
    "FCPublish": _LIVE,
    "FCUnpublish": _LIVE,
    "createStream": _LIVE,
    "publish": _LIVE,
    "play": _LIVE,
    "play2": _LIVE,
    "deleteStream": _LIVE,
    "closeStream": _LIVE,
}


class ServerProtocol:
    """One publisher's connection. ``receive`` raises ProtocolError; then close the connection and forget this."""

    def __init__(self, *, limits: ChunkLimits, entropy: Entropy = os.urandom) -> None:
        self._link = RtmpLink(handshake=ServerHandshake(entropy=entropy), limits=limits)
        self._max_partial_bytes = limits.max_partial_bytes
        self._link.reader.max_partial_bytes = min(_EARLY_PARTIAL_BYTES, limits.max_partial_bytes)
        self._state = _State.NEW
        self._app = ""
        self._tc_url = ""
        self._user_agent = ""
        self._streams: set[int] = set()
        self._publishing: int | None = None
        self._key = ""
        self._handlers: dict[str, Callable[[Command, RtmpMessage, list[Event]], None]] = {
            "connect": self._connect,
            "createStream": self._create_stream,
            "publish": self._publish,
            "FCPublish": self._fc_publish,
            "FCUnpublish": self._unpublish,
            "play": self._refuse_play,
            "play2": self._refuse_play,
            "deleteStream": self._delete_stream,
            "closeStream": self._close_stream,
        }

    @property
    def is_handshaken(self) -> bool:
        return self._link.is_open

    @property
    def is_publishing(self) -> bool:
        return self._state is _State.PUBLISHING

    @property
    def received_bytes(self) -> int:
        return self._link.received_bytes

    def take(self) -> bytes:
        """What is to be sent, once."""
        return self._link.take()

    def receive(self, data: bytes) -> list[Event]:
        """What these bytes bring about, in order. Media comes as soon as a publish was asked for, accepted or not."""
        events: list[Event] = []
        if self._state is _State.CLOSED:
            return events
        for message in self._link.receive(data):
            self._message(message, events)
        return events

    def accept(self) -> None:
        """Let the publisher publish."""
        if self._state is not _State.JUDGED or self._publishing is None:
            return
        self._state = _State.PUBLISHING
        self._link.reader.max_partial_bytes = self._max_partial_bytes
        self._link.user_control(_STREAM_BEGIN, self._publishing)
        self._status("NetStream.Publish.Start", f"{self._key_hint()} is now published")

    def refuse(self, refusal: PublishRefused) -> ConnectionEnding:
        """Send the publisher the reason, before or after it was accepted; close the connection after."""
        text = str(refusal)
        if refusal.code == "unavailable":
            text = f"{text}: try again later"
        return self._end("NetStream.Publish.BadName", text, refusal.code)

    def stop(self, reason: str) -> ConnectionEnding:
        """End the publication from this side; close the connection after."""
        return self._end("NetStream.Publish.Denied", f"the stream was ended: {reason}", reason)

    def _end(self, code: str, text: str, reason: str) -> ConnectionEnding:
        self._status(code, text, level="error")
        self._state = _State.CLOSED
        return ConnectionEnding(reason)

    def _message(self, message: RtmpMessage, events: list[Event]) -> None:
        if self._state is _State.CLOSED:
            return
        kind = message.type
        if kind in (AUDIO, VIDEO):
            if message.stream_id == self._publishing:
                events.append(message)
        elif kind in (COMMAND, COMMAND_AMF3):
            self._command(message, events)
        elif kind in (DATA, DATA_AMF3):
            self._data(message, events)
        elif kind == AGGREGATE:
            for inner in split_aggregate(message):
                self._message(inner, events)

    def _data(self, message: RtmpMessage, events: list[Event]) -> None:
        if message.stream_id != self._publishing:
            return
        try:
            values = parse_metadata(message)
        except ProtocolError:
            events.append(DataMalformed())
            return
        if values is not None:
            events.append(Metadata(values))

    def _command(self, message: RtmpMessage, events: list[Event]) -> None:
        command = parse_command(message)
        allowed = _COMMANDS.get(command.name)
        if allowed is None:
            self._unknown(command)
        elif self._state not in allowed:
            raise ProtocolError(f"the command {command.name} came out of turn")
        else:
            self._handlers.get(command.name, self._acknowledge)(command, message, events)

    def _unknown(self, command: Command) -> None:
        if command.name in ("_result", "_error", "onStatus"):
            return
        if self._state is _State.NEW:
            raise ProtocolError(f"the command {command.name[:40]!r} came before connect")
        if command.transaction:
            info = {"level": "error", "code": "NetConnection.Call.Failed", "description": "there is no such method"}
            self._link.command("_error", command.transaction, None, info)

    def _acknowledge(self, command: Command, message: RtmpMessage, events: list[Event]) -> None:
        if command.transaction:
            self._link.command("_result", command.transaction, None, None)

    def _connect(self, command: Command, message: RtmpMessage, events: list[Event]) -> None:
        properties = command.properties
        self._app, self._tc_url = _text(properties.get("app")), _text(properties.get("tcUrl"))
        self._user_agent = _text(properties.get("flashVer"))[:200]
        self._state = _State.CONNECTED
        self._link.announce_window(WINDOW_BYTES)
        self._link.announce_bandwidth(WINDOW_BYTES)
        self._link.announce_chunk_size(CHUNK_BYTES)
        server: dict[str, Writable] = {"fmsVer": "FMS/3,5,7,7009", "capabilities": 31.0, "mode": 1.0}
        info: dict[str, Writable] = {
            "level": "status",
            "code": "NetConnection.Connect.Success",
            "description": "connected",
            "objectEncoding": 0.0,
        }
        self._link.command("_result", command.transaction, server | _enhanced(properties), info)

    def _create_stream(self, command: Command, message: RtmpMessage, events: list[Event]) -> None:
        if len(self._streams) >= MAX_STREAMS:
            raise ProtocolError(f"more than {MAX_STREAMS} message streams")
        stream_id = next(number for number in range(1, MAX_STREAMS + 1) if number not in self._streams)
        self._streams.add(stream_id)
        self._link.command("_result", command.transaction, None, float(stream_id))

    def _fc_publish(self, command: Command, message: RtmpMessage, events: list[Event]) -> None:
        self._acknowledge(command, message, events)
        info = {"code": "NetStream.Publish.Start", "description": "ready"}
        self._link.command("onFCPublish", 0.0, None, info)

    def _publish(self, command: Command, message: RtmpMessage, events: list[Event]) -> None:
        if self._publishing is not None:
            raise ProtocolError("a second publish on one connection")
        self._publishing = message.stream_id
        self._state = _State.JUDGED
        name = command.text(0)
        self._key = find_key(app=self._app, tc_url=self._tc_url, name=name)
        is_backup = says_backup(app=self._app, tc_url=self._tc_url, name=name)
        events.append(PublishWanted(self._key, self._app, self._user_agent, is_backup))

    def _refuse_play(self, command: Command, message: RtmpMessage, events: list[Event]) -> None:
        code, text = "NetStream.Play.StreamNotFound", "streams are watched over HTTP, not over RTMP"
        self._publishing = message.stream_id
        events.append(self._end(code, text, "a player came"))

    def _unpublish(self, command: Command, message: RtmpMessage, events: list[Event]) -> None:
        self._acknowledge(command, message, events)
        self._finish(events)

    def _delete_stream(self, command: Command, message: RtmpMessage, events: list[Event]) -> None:
        stream_id = int(command.number(0)) if 0 <= command.number(0) <= MAX_STREAMS else 0
        self._streams.discard(stream_id)
        if stream_id == self._publishing:
            self._finish(events)

    def _close_stream(self, command: Command, message: RtmpMessage, events: list[Event]) -> None:
        if message.stream_id == self._publishing:
            self._finish(events)

    def _finish(self, events: list[Event]) -> None:
        if self._publishing is None:
            return
        if self._state is _State.PUBLISHING:
            self._status("NetStream.Unpublish.Success", f"{self._key_hint()} is no longer published")
        self._publishing = None
        self._state = _State.CONNECTED
        self._link.reader.max_partial_bytes = min(_EARLY_PARTIAL_BYTES, self._max_partial_bytes)
        events.append(PublishStopped())

    def _status(self, code: str, text: str, *, level: str = "status") -> None:
        info = {"level": level, "code": code, "description": text}
        self._link.command("onStatus", 0.0, None, info, stream_id=self._publishing or 0)

    def _key_hint(self) -> str:
        """Enough of the key to distinguish streams, not enough to publish with."""
        return f"{self._key[:4]}…"


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _enhanced(properties: Mapping[str, Value]) -> dict[str, Writable]:
    """What this end takes of Enhanced RTMP, if the client has announced it."""
    if not properties.keys() & {"fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"}:
        return {}
    return {
        "fourCcList": [*flv.VIDEO_FOURCC, *flv.AUDIO_FOURCC],
        "videoFourCcInfoMap": dict.fromkeys(flv.VIDEO_FOURCC, float(_CAN_FORWARD)),
        "audioFourCcInfoMap": dict.fromkeys(flv.AUDIO_FOURCC, float(_CAN_FORWARD)),
        "capsEx": float(_CAPABILITIES),
    }


def find_key(*, app: str, tc_url: str, name: str) -> str:
    """The stream key: the publish name, else the last part of the application's path behind its first; no queries.

    Encoders differ in where they cut ``live/KEY`` in two, so that the key can be in the application or the URL.
    """
    for path in (name, app, _path_of(tc_url)):
        parts = [part for part in path.split("?", 1)[0].split("/") if part]
        if path is not name and parts[:1] == ["live"]:
            parts = parts[1:]
        if parts:
            return parts[-1]
    return ""


def says_backup(*, app: str, tc_url: str, name: str) -> bool:
    """Whether the publisher stands by: ``backup=1`` in the query behind the key, the application or the URL."""
    queries = [path.partition("?")[2] for path in (name, app, tc_url)]
    return any(pair == "backup=1" for query in queries for pair in query.split("&"))


def _path_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[2]


def split_aggregate(message: RtmpMessage) -> list[RtmpMessage]:
    """The messages inside an aggregate (RTMP 1.0, section 7.1.6), their timestamps moved to the aggregate's."""
    payload, found = message.payload, list[RtmpMessage]()
    at, shift = 0, None
    while at < len(payload):
        size = int.from_bytes(payload[at + 1 : at + 4], "big")
        end = at + 11 + size
        if end > len(payload):
            raise ProtocolError("an aggregate message is cut off")
        kind = payload[at]
        if kind == AGGREGATE:
            raise ProtocolError("an aggregate message inside another")
        stamp = payload[at + 7] << 24 | int.from_bytes(payload[at + 4 : at + 7], "big")
        shift = message.timestamp - stamp if shift is None else shift
        body = bytes(memoryview(payload)[at + 11 : end])
        found.append(RtmpMessage(kind, message.stream_id, (stamp + shift) & 0xFFFFFFFF, body))
        at = end + 4
    return found
