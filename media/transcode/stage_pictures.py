"""The picture of a stage, put together from those of its people. Imports the codecs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from media.transcode.stage_layout import Box
from media.transcode.video import open_decoder, packet_of
from media.unit import Track, Unit

Plane = NDArray[np.uint8]
#: Luma of the ground, and of the place of a person without a picture; colour planes without any colour.
GROUND: Final = 0x18
VACANT: Final = 0x38
NO_COLOUR: Final = 0x80


class Picture:
    """The last picture of one person, in the size in which it was asked for last."""

    def __init__(self, track: Track) -> None:
        self._track = track
        self._decoder: av.VideoCodecContext | None = None
        self._frame: av.VideoFrame | None = None
        self._scaled: tuple[tuple[int, int], Sequence[Plane]] | None = None

    @property
    def needs_key(self) -> bool:
        return self._decoder is None

    def feed(self, unit: Unit) -> None:
        """Raises ``av.FFmpegError`` for one that cannot be decoded: the next has to be a key frame then."""
        if self._decoder is None:
            if not unit.is_key:
                return
            self._decoder = open_decoder(self._track)
        decoder, self._decoder = self._decoder, None
        for frame in decoder.decode(packet_of(unit)):
            self._frame, self._scaled = frame, None
        self._decoder = decoder

    def planes(self, width: int, height: int) -> Sequence[Plane] | None:
        """So large that it fills the box, with what is beyond it cut off evenly. None before the first picture."""
        if self._frame is None:
            return None
        if self._scaled is None or self._scaled[0] != (width, height):
            self._scaled = (width, height), _filling(self._frame, width, height)
        return self._scaled[1]


class Canvas:
    """The whole picture, drawn anew for each frame."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._whole = np.empty((height * 3 // 2, width), np.uint8)
        self._planes = _planes(self._whole.reshape(-1), width, height)

    def draw(self, shown: Sequence[tuple[Box, Picture | None, Plane | None]]) -> av.VideoFrame:
        """Later ones above earlier ones, each with the strip of its name, if it has one."""
        for plane, level in zip(self._planes, (GROUND, NO_COLOUR, NO_COLOUR), strict=True):
            plane[:] = level
        for box, picture, name in shown:
            self._draw(box, None if picture is None else picture.planes(box.width, box.height))
            if name is not None:
                self._draw(_under(box, name), (name, NO_COLOUR, NO_COLOUR))
        return av.VideoFrame.from_ndarray(self._whole, format="yuv420p")

    def _draw(self, box: Box, planes: Sequence[Plane | int] | None) -> None:
        levels: Sequence[Any] = planes if planes is not None else (VACANT, NO_COLOUR, NO_COLOUR)
        for plane, level, by in zip(self._planes, levels, (1, 2, 2), strict=True):
            left, top = box.left // by, box.top // by
            plane[top : top + box.height // by, left : left + box.width // by] = level


def _under(box: Box, name: Plane) -> Box:
    """At the lower edge, on the left, where it has room."""
    height, width = min(name.shape[0], box.height), min(name.shape[1], box.width)
    return Box(box.left, box.top + box.height - height, width, height)


def _filling(frame: av.VideoFrame, width: int, height: int) -> Sequence[Plane]:
    scale = max(width / max(1, frame.width), height / max(1, frame.height))
    wide = max(width, round(frame.width * scale / 2) * 2)
    high = max(height, round(frame.height * scale / 2) * 2)
    whole = frame.reformat(width=wide, height=high, format="yuv420p").to_ndarray()
    planes = _planes(np.asarray(whole, np.uint8).reshape(-1), wide, high)
    left, top = (wide - width) // 4 * 2, (high - height) // 4 * 2
    return [
        plane[top // by : (top + height) // by, left // by : (left + width) // by]
        for plane, by in zip(planes, (1, 2, 2), strict=True)
    ]


def _planes(flat: Plane, width: int, height: int) -> Sequence[Plane]:
    """Views of brightness and the two colours."""
    luma, chroma = width * height, width * height // 4
    return [
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(height // 2, width // 2),
        flat[luma + chroma : luma + 2 * chroma].reshape(height // 2, width // 2),
    ]
