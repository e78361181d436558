"""Looks at a file inside the child process. Importing this imports the codecs.

The demuxer is named, not guessed, may open nothing but these bytes, and may use none but the decoders of the list.
What the file says of itself is held against the bounds before a picture is decoded: one, for how it is turned.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final, NoReturn, Protocol, cast

import av
from av.container import InputContainer
from av.stream import Disposition

from media.errors import MediaError
from media.probe.containers import HEAD_BYTES, TAIL_BYTES, VIDEO_CODECS, container_of, is_mixed, is_whole
from media.probe.messages import MAX_READ_BYTES, Found, ProbeBounds, RefusalCode, Refused, Result

PACKETS: Final = 500
"""So many packets of a file are looked at for a picture to begin with."""
AUDIO_CODECS: Final = frozenset(
    {"aac", "mp3", "mp2", "opus", "vorbis", "flac", "alac", "ac3", "eac3", "amr_nb", "amr_wb", "wmav2", "adpcm_ms"}
)
_DECODERS: Final = (
    *sorted(VIDEO_CODECS | AUDIO_CODECS),
    *("libdav1d", "libvpx", "libvpx-vp9", "libopus", "libvorbis", "mp3float", "msmpeg4", "amrnb", "amrwb", "pcm_s16le"),
)
_DEMUXERS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpegts,wav,flac,ogg,mp3,aac"


class RefusedError(MediaError):
    """The file is not taken."""

    def __init__(self, code: RefusalCode, detail: str) -> None:
        self.refusal = Refused(code, detail)
        super().__init__(detail)


class Source(Protocol):
    """The bytes of the file. Raises ``RefusedError`` beyond what may be read."""

    size: int

    def read_at(self, offset: int, size: int) -> bytes: ...


def inspect(source: Source, bounds: ProbeBounds) -> Result:
    """What the file is, or why it is not taken."""
    try:
        return _inspected(source, bounds)
    except RefusedError as error:
        return error.refusal
    except MemoryError:
        detail = f"The file has more than {bounds.tracks} tracks, or takes too much memory to look at"
        return Refused("too_costly", detail)
    except (av.FFmpegError, ValueError, OverflowError, UnicodeError):
        return Refused("broken", "The file is broken")


def _inspected(source: Source, bounds: ProbeBounds) -> Found:
    head = source.read_at(0, HEAD_BYTES)
    container = container_of(head)
    if container is None:
        raise RefusedError("unsupported", "This kind of file is not taken")
    if is_mixed(head, source.read_at(max(0, source.size - TAIL_BYTES), TAIL_BYTES)):
        raise RefusedError("mixed", "The file holds more than pictures and sound")
    if not is_whole(container.format, source.size, source.read_at):
        raise RefusedError("not_whole", "The file is not whole")
    with _opened(source, container.format, bounds) as opened:
        return _found(source, opened, container.format, bounds)


def _opened(source: Source, name: str, bounds: ProbeBounds) -> InputContainer:
    options = {
        "protocol_whitelist": "none",
        "format_whitelist": _DEMUXERS,
        "codec_whitelist": ",".join(_DECODERS),
        "max_streams": str(bounds.tracks + 1),
        "analyzeduration": "5000000",
    }
    reader: Any = io.BufferedReader(_Reader(source), MAX_READ_BYTES)
    opened = av.open(reader, "r", format=name, container_options=options, io_open=_open_nothing)
    return cast(InputContainer, opened)


def _open_nothing(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise OSError("a file opens no other")


def _found(source: Source, opened: InputContainer, name: str, bounds: ProbeBounds) -> Found:
    if len(opened.streams) > bounds.tracks:
        raise RefusedError("too_many_tracks", f"A file has at most {bounds.tracks} tracks")
    duration_ms = None if opened.duration is None else round(opened.duration / 1_000)
    if duration_ms is not None and duration_ms > bounds.seconds * 1_000:
        raise RefusedError("too_long", f"A file lasts at most {bounds.seconds} seconds")
    video, audio = _video_of(opened), next(iter(opened.streams.audio), None)
    if video is None and audio is None:
        raise RefusedError("unsupported", "The file has neither moving pictures nor sound")
    _require_all_samples(source, opened)
    audio_codec = _codec(audio, AUDIO_CODECS)
    common: dict[str, Any] = {
        "container": name, "tracks": len(opened.streams), "duration_ms": duration_ms, "audio_codec": audio_codec,
    }  # fmt: skip
    if video is None:
        return Found(kind="audio", **common)
    video_codec = _codec(video, VIDEO_CODECS)
    width, height = _shown_size(opened, video, bounds)
    return Found(kind="video", video_codec=video_codec, width=width, height=height, **common)


def _video_of(opened: InputContainer) -> Any:
    """The first track of moving pictures; a cover is none."""
    return next((each for each in opened.streams.video if not each.disposition & Disposition.attached_pic), None)


def _codec(stream: Any, taken: frozenset[str]) -> str | None:
    if stream is None:
        return None
    name = stream.codec_context.codec.canonical_name if stream.codec_context is not None else ""
    if name not in taken and not name.startswith("pcm_"):
        raise RefusedError("unsupported", f"The codec {name or 'of a track'} is not taken")
    return str(name)


def _require_all_samples(source: Source, opened: InputContainer) -> None:
    """A file whose index points behind its end was cut off, whatever its boxes say."""
    for stream in (*opened.streams.video, *opened.streams.audio):
        last = stream.index_entries[-1] if len(stream.index_entries) else None
        if last is not None and last.pos + last.size > source.size:
            raise RefusedError("not_whole", "The file is not whole")


def _shown_size(opened: InputContainer, video: Any, bounds: ProbeBounds) -> tuple[int, int]:
    context = video.codec_context
    if context.width * context.height > bounds.pixels:
        detail = f"{context.width} × {context.height} is more than {bounds.pixels} pixels"
        raise RefusedError("too_many_pixels", detail)
    frame = next(_decoded(opened, video, bounds), None)
    if frame is None:
        raise RefusedError("broken", "No picture of the file can be decoded")
    aspect = video.sample_aspect_ratio
    is_odd = aspect and aspect != 1 and 0.1 < aspect < 10
    width = max(2, round(frame.width * aspect)) if is_odd else frame.width
    return (frame.height, width) if frame.rotation % 180 else (width, frame.height)


def _decoded(opened: InputContainer, video: Any, bounds: ProbeBounds) -> Iterator[av.VideoFrame]:
    """From the first key frame on. Raises ``RefusedError`` when there is none among the first packets."""
    video.codec_context.options = {"max_pixels": str(bounds.pixels)}
    has_key = False
    for count, packet in enumerate(_packets(opened, video)):
        has_key |= packet.is_keyframe
        if not has_key and count >= PACKETS:
            break
        if has_key or packet.dts is None:
            yield from _frames(packet)
        if count >= 2 * PACKETS:
            return
    if not has_key:
        raise RefusedError("no_key_frame", "The file has no picture to begin with")


def _packets(opened: InputContainer, video: Any) -> Iterator[Any]:
    try:
        yield from opened.demux(video)
    except av.FFmpegError:
        return


def _frames(packet: Any) -> Iterator[av.VideoFrame]:
    try:
        yield from packet.decode()
    except av.FFmpegError:
        return


class _Reader(io.RawIOBase):
    """A source as a file object."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._source.read_at(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
