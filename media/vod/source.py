"""Opens a file that a person has sent, by an explicit list of containers, and says what it is. Imports the codecs.

Nothing but the bytes of that file is read: the container's reader is given them by us, and may open nothing else.
Playlists, scripts that join files and pictures in series are none of the containers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import av
from av.container import InputContainer

from media.errors import MediaError
from media.probe.containers import HEAD_BYTES, VIDEO_CODECS, container_of
from media.vod.messages import RefusalCode, Source, SourceBounds

_BUFFER_BYTES: Final = 1024 * 1024
#: Of what a file says that it lasts, so much may be missing at its end: more means that it breaks off.
_MISSING_SHARE: Final = 0.05
_MISSING_S: Final = 0.3
_MAX_RATE: Final = 240.0


class SourceRefusedError(MediaError):
    """The file cannot be, or is not to be, encoded; ``detail`` may be shown to the person."""

    def __init__(self, code: RefusalCode, detail: str) -> None:
        self.code: RefusalCode = code
        self.detail = detail
        super().__init__(f"{code}: {detail}")


@contextmanager
def opened(path: str, *, max_streams: int = 64) -> Iterator[InputContainer]:
    """Raises ``SourceRefusedError`` for what is no file of these containers."""
    with Path(path).open("rb") as file:
        found = container_of(file.read(HEAD_BYTES))
        file.seek(0)
        if found is None:
            raise SourceRefusedError("unsupported", "This kind of file is not encoded")
        options = {"protocol_whitelist": "none", "max_streams": str(max_streams)}
        try:
            container = av.open(file, "r", format=found.format, container_options=options, buffer_size=_BUFFER_BYTES)
        except (av.FFmpegError, ValueError, MemoryError) as error:
            raise SourceRefusedError("broken", f"The file cannot be read: {_words(error)}") from None
        with container:
            yield container


def _words(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:200]


def pictures_of(container: InputContainer) -> av.VideoStream:
    """The stream of moving pictures. Raises ``SourceRefusedError`` where there is none."""
    moving = [each for each in container.streams.video if not each.disposition & av.stream.Disposition.attached_pic]
    known = [each for each in moving if each.codec_context is not None and each.codec_context.name]
    if not known:
        raise SourceRefusedError("no_video", "The file has no moving pictures")
    return known[0]


def sound_of(container: InputContainer) -> av.AudioStream | None:
    """The stream of sound that players would take."""
    best = container.streams.best("audio")
    return best if isinstance(best, av.AudioStream) else None


def begin_s(container: InputContainer) -> float:
    """When the file's own clock says that it begins."""
    return (container.start_time or 0) / av.time_base


def shown_size(stream: av.VideoStream, rotation: int) -> tuple[int, int]:
    """With square pixels, turned as the file says."""
    width, height = stream.codec_context.width, stream.codec_context.height
    aspect = stream.sample_aspect_ratio
    if aspect and 0.1 < aspect < 10 and aspect != 1:
        width = max(2, round(width * aspect))
    return (height, width) if rotation % 180 else (width, height)


def inspect(path: str, bounds: SourceBounds) -> Source:
    """What a file is. Its packets are read to the end; one picture is decoded. Raises ``SourceRefusedError``."""
    with opened(path, max_streams=bounds.streams + 1) as container:
        if len(container.streams) > bounds.streams:
            raise SourceRefusedError("too_many_streams", f"A video has at most {bounds.streams} streams")
        pictures, sound = pictures_of(container), sound_of(container)
        _require_size(pictures, bounds)
        seconds = _seconds(container, pictures, bounds)
        fps = float(pictures.average_rate or pictures.guessed_rate or 0)
    width, height = shown_size_of_first(path, bounds)
    return Source(
        container=container_name(container),
        video_codec=pictures.codec_context.name,
        audio_codec=sound.codec_context.name if sound is not None and sound.codec_context else "",
        width=width,
        height=height,
        fps=fps if 1 <= fps <= _MAX_RATE else 30.0,
        seconds=seconds,
    )


def container_name(container: InputContainer) -> str:
    return container.format.name.split(",")[0]


def _require_size(pictures: av.VideoStream, bounds: SourceBounds) -> None:
    context = pictures.codec_context
    if (
        context.codec.name not in VIDEO_CODECS
        and context.name not in VIDEO_CODECS
        and context.codec.canonical_name not in VIDEO_CODECS
    ):
        raise SourceRefusedError("unsupported", f"Pictures of the codec {context.name} are not encoded")
    if context.width * context.height > bounds.pixels:
        raise SourceRefusedError("too_many_pixels", f"A video has at most {bounds.pixels} pixels")


def _seconds(container: InputContainer, pictures: av.VideoStream, bounds: SourceBounds) -> float:
    """How long the packets last that are there."""
    begin, end, keys = begin_s(container), 0.0, 0
    for packet in _packets(container):
        if packet.pts is None or packet.time_base is None:
            continue
        at = float((packet.pts + (packet.duration or 0)) * packet.time_base) - begin
        end = max(end, at)
        keys += packet.stream is pictures and packet.is_keyframe
        if end > bounds.seconds:
            raise SourceRefusedError("too_long", f"A video lasts for at most {bounds.seconds} seconds")
    said = (container.duration or 0) / av.time_base
    if not keys:
        raise SourceRefusedError("no_key_frame", "The file has no picture to begin with")
    if said - end > max(_MISSING_S, said * _MISSING_SHARE):
        raise SourceRefusedError("broken", f"The file breaks off after {end:.1f} of {said:.1f} seconds")
    return end


def _packets(container: InputContainer) -> Iterator[av.Packet[Any]]:
    """To the end, or as far as the file can be read."""
    try:
        yield from container.demux()
    except av.FFmpegError:
        return


def shown_size_of_first(path: str, bounds: SourceBounds) -> tuple[int, int]:
    """Of the first picture that can be decoded. Raises ``SourceRefusedError``."""
    with opened(path, max_streams=bounds.streams + 1) as container:
        pictures = pictures_of(container)
        pictures.codec_context.options = {"max_pixels": str(bounds.pixels)}
        for frame in decoded(container, pictures):
            return shown_size(pictures, frame.rotation)
    raise SourceRefusedError("broken", "No picture of the file can be decoded")


def decoded(container: InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Its pictures in the order in which they are shown; what cannot be decoded is left out."""
    for packet in _packets_of(container, stream):
        try:
            yield from packet.decode()
        except av.FFmpegError:
            continue


def _packets_of(container: InputContainer, stream: av.VideoStream) -> Iterator[av.Packet[av.VideoStream]]:
    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        return
