"""The dialling end of RTMP, to publish or to play. Sans-I/O: restreams, pulled sources and the tests speak with it."""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from media.errors import ProtocolError
from media.rtmp import flv
from media.rtmp.amf import EcmaArray, Writable, encode
from media.rtmp.chunk import AGGREGATE, AUDIO, COMMAND, DATA, VIDEO, ChunkLimits, RtmpMessage
from media.rtmp.handshake import ClientHandshake, Entropy
from media.rtmp.link import CHUNK_BYTES, Command, RtmpLink, parse_command
from media.unit import Kind, Track, Unit

_AUDIO_CHUNKS, _VIDEO_CHUNKS = 4, 6
_CONNECT, _CREATE = 1.0, 4.0
_LIVE = -1000.0
_FLASH_VERSION = "FMLE/3.0 (compatible; SocialFlow)"


class RtmpAddress(msgspec.Struct, frozen=True):
    """Where to publish: ``rtmp://host:port/app/key``; the application is all but the last part of the path."""

    host: str
    port: int
    is_tls: bool
    app: str
    key: str
    tc_url: str


def parse_url(url: str) -> RtmpAddress:
    """Take an RTMP or RTMPS address apart. Raises ValueError for any other."""
    parts = urlsplit(url)
    if parts.scheme not in ("rtmp", "rtmps") or not parts.hostname:
        raise ValueError(f"not an RTMP address: {parts.scheme}://{parts.hostname or ''}")
    is_tls = parts.scheme == "rtmps"
    app, _, key = parts.path.strip("/").rpartition("/")
    key = f"{key}?{parts.query}" if parts.query else key
    port = parts.port or (443 if is_tls else 1935)
    return RtmpAddress(parts.hostname, port, is_tls, app, key, f"{parts.scheme}://{parts.netloc}/{app}")


class Published(msgspec.Struct, frozen=True):
    """The server takes the stream: tracks and units may be sent."""


class PublishRejected(msgspec.Struct, frozen=True):
    """The server does not want the stream, or no more."""

    code: str
    description: str


class Redirected(msgspec.Struct, frozen=True):
    """The server wants the stream at another address, of which this is the ``tcUrl``: the key stays the same.

    In the rejection of a connect (``info.ex.redirect``, as Adobe Media Server does) or as
    ``NetConnection.Connect.ReconnectRequest`` (Enhanced RTMP v2).
    """

    tc_url: str


class Playing(msgspec.Struct, frozen=True):
    """The server sends the stream from here on."""


class PlayEnded(msgspec.Struct, frozen=True):
    """The server sends no more of it."""


#: A message among the events is audio, video, data or an aggregate of the stream that is played.
ClientEvent = Published | PublishRejected | Redirected | Playing | PlayEnded | RtmpMessage

_PLAYED = frozenset((AUDIO, VIDEO, DATA, AGGREGATE))
_PLAY_ENDS = frozenset(("NetStream.Play.Stop", "NetStream.Play.UnpublishNotify", "NetStream.Play.Complete"))


class _State(enum.Enum):
    SHAKING = enum.auto()
    CONNECTING = enum.auto()
    CREATING = enum.auto()
    ASKING = enum.auto()
    PUBLISHING = enum.auto()
    PLAYING = enum.auto()
    CLOSED = enum.auto()


class ClientProtocol:
    """Publishes one stream, or plays it (``is_player``). What is to be sent waits in ``take``, from the beginning on.

    ``digest_layout`` 0 or 1 asks for the handshake with digests.
    """

    def __init__(
        self,
        *,
        address: RtmpAddress,
        is_player: bool = False,
        chunk_bytes: int = CHUNK_BYTES,
        digest_layout: int | None = None,
        limits: ChunkLimits | None = None,
        entropy: Entropy = os.urandom,
    ) -> None:
        handshake = ClientHandshake(entropy=entropy, layout=digest_layout)
        self._link = RtmpLink(handshake=handshake, limits=limits or ChunkLimits())
        self._address = address
        self._is_player = is_player
        self._chunk_bytes = chunk_bytes
        self._state = _State.SHAKING
        self._stream_id = 0
        self._tracks: dict[Kind, Track] = {}
        self.server: dict[str, object] = {}

    @property
    def is_publishing(self) -> bool:
        return self._state is _State.PUBLISHING

    @property
    def acknowledged_bytes(self) -> int:
        return self._link.acknowledged_bytes

    def take(self) -> bytes:
        """What is to be sent, once."""
        return self._link.take()

    def receive(self, data: bytes) -> list[ClientEvent]:
        """Take bytes of the server. Raises ProtocolError when it breaks the protocol."""
        events: list[ClientEvent] = []
        messages = self._link.receive(data)
        if self._state is _State.SHAKING and self._link.is_open:
            self._connect()
        for message in messages:
            if message.type == COMMAND:
                self._command(parse_command(message), events)
            elif message.type in _PLAYED and self._state is _State.PLAYING:
                events.append(message)
        return events

    def send_tracks(self, tracks: Sequence[Track], *, timestamp: int = 0) -> None:
        """Announce the tracks, first or anew: metadata and codec headers."""
        self._tracks = {track.kind: track for track in tracks}
        self.send_metadata(_metadata_of(tracks))
        for track in tracks:
            header = flv.video_header(track) if track.kind == "video" else flv.audio_header(track)
            self.send_media(track.kind, timestamp, header)

    def send_unit(self, unit: Unit, *, origin_ms: int = 0) -> None:
        """Send one unit of an announced track; its time since ``origin_ms`` becomes milliseconds modulo 2**32."""
        track = self._tracks[unit.kind]
        timestamp = unit.dts * 1000 // track.timescale - origin_ms
        frame = flv.video_frame(track, unit) if unit.kind == "video" else flv.audio_frame(track, unit)
        self.send_media(unit.kind, timestamp, frame)

    def send_metadata(self, values: Mapping[str, Writable]) -> None:
        """Send onMetaData."""
        payload = encode("@setDataFrame", "onMetaData", EcmaArray(values))
        self._link.send(_AUDIO_CHUNKS, RtmpMessage(DATA, self._stream_id, 0, payload))

    def send_media(self, kind: Kind, timestamp: int, payload: bytes) -> None:
        """Send one audio or video message as it is."""
        if self._state is not _State.PUBLISHING:
            raise ProtocolError("the server has not taken the stream")
        is_video = kind == "video"
        message = RtmpMessage(VIDEO if is_video else AUDIO, self._stream_id, timestamp & 0xFFFFFFFF, payload)
        self._link.send(_VIDEO_CHUNKS if is_video else _AUDIO_CHUNKS, message)

    def finish(self) -> None:
        """End the stream."""
        if self._state is _State.PUBLISHING:
            self._link.command("FCUnpublish", 6.0, None, self._address.key)
            self._link.command("deleteStream", 7.0, None, float(self._stream_id))
        self._state = _State.CLOSED

    def _connect(self) -> None:
        self._state = _State.CONNECTING
        self._link.announce_chunk_size(self._chunk_bytes)
        properties: dict[str, Writable] = {
            "app": self._address.app,
            "type": "nonprivate",
            "flashVer": _FLASH_VERSION,
            "tcUrl": self._address.tc_url,
            "fourCcList": [*flv.VIDEO_FOURCC, *flv.AUDIO_FOURCC],
        }
        self._link.command("connect", _CONNECT, properties)

    def _command(self, command: Command, events: list[ClientEvent]) -> None:
        if command.name == "_result":
            self._result(command)
        elif command.name == "_error" and command.transaction in (_CONNECT, _CREATE):
            self._refused(command, events)
        elif command.name == "onStatus":
            self._status(command, events)

    def _result(self, command: Command) -> None:
        if self._state is _State.CONNECTING and command.transaction == _CONNECT:
            self.server = dict(command.properties)
            self._state = _State.CREATING
            if not self._is_player:
                self._link.command("releaseStream", 2.0, None, self._address.key)
                self._link.command("FCPublish", 3.0, None, self._address.key)
            self._link.command("createStream", _CREATE, None)
        elif self._state is _State.CREATING and command.transaction == _CREATE:
            self._stream_id = max(0, min(int(command.number(0)), 0xFFFFFFFF))
            self._state = _State.ASKING
            if self._is_player:
                self._link.command("play", 5.0, None, self._address.key, _LIVE, stream_id=self._stream_id)
            else:
                self._link.command("publish", 5.0, None, self._address.key, "live", stream_id=self._stream_id)

    def _status(self, command: Command, events: list[ClientEvent]) -> None:
        info = command.arguments[0] if command.arguments else None
        if not isinstance(info, dict):
            return
        if info.get("code") == "NetStream.Publish.Start" and self._state is _State.ASKING:
            self._state = _State.PUBLISHING
            events.append(Published())
        elif info.get("code") == "NetStream.Play.Start" and self._state is _State.ASKING:
            self._state = _State.PLAYING
            events.append(Playing())
        elif info.get("code") in _PLAY_ENDS:
            self._state = _State.CLOSED
            events.append(PlayEnded())
        elif info.get("code") == "NetConnection.Connect.ReconnectRequest":
            events.append(Redirected(_text(info.get("tcUrl")) or self._address.tc_url))
        elif info.get("level") == "error":
            self._refused(command, events)

    def _refused(self, command: Command, events: list[ClientEvent]) -> None:
        info = command.arguments[0] if command.arguments else None
        described = info if isinstance(info, dict) else {}
        self._state = _State.CLOSED
        further = described.get("ex")
        target = _text(further.get("redirect")) if isinstance(further, dict) else ""
        if target:
            events.append(Redirected(target))
        else:
            events.append(PublishRejected(_text(described.get("code")), _text(described.get("description"))))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _metadata_of(tracks: Sequence[Track]) -> dict[str, Writable]:
    values: dict[str, Writable] = {}
    for track in tracks:
        if track.kind == "video":
            values |= {"width": float(track.width), "height": float(track.height), "framerate": track.fps}
            values["videocodecid"] = 7.0 if track.codec == "h264" else _fourcc_number(track)
        else:
            values |= {"audiosamplerate": float(track.sample_rate), "stereo": track.channels == 2}
            values["audiocodecid"] = 10.0 if track.codec == "aac" else _fourcc_number(track)
    return values


def _fourcc_number(track: Track) -> float:
    names = flv.VIDEO_FOURCC if track.kind == "video" else flv.AUDIO_FOURCC
    return float(int.from_bytes(next(name for name, codec in names.items() if codec is track.codec).encode(), "big"))
