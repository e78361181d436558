"""Pictures of a recording side by side on one sheet, inside a worker. Importing this imports the codecs and Pillow."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from typing import Final

import av
from PIL import Image

from media.pictures.messages import KeyFrame, MakeSheet, Reencoded

QUALITY: Final = 70
MAX_ASPECT: Final = 16


def make(order: MakeSheet) -> Reencoded:
    """One WebP, row by row. A key frame that is missing or cannot be decoded leaves its place black."""
    rows = -(-len(order.frames) // order.columns)
    sheet = Image.new("RGB", (order.columns * order.width, rows * order.height))
    for number, source in enumerate(order.frames):
        picture = None if source is None else _picture(source, order.width, order.height)
        if picture is not None:
            row, column = divmod(number, order.columns)
            left = column * order.width + (order.width - picture.width) // 2
            sheet.paste(picture, (left, row * order.height + (order.height - picture.height) // 2))
    made = BytesIO()
    sheet.save(made, "WEBP", quality=QUALITY, method=4)
    return Reencoded((made.getvalue(),))


def _picture(source: KeyFrame, width: int, height: int) -> Image.Image | None:
    """Fitted in, with square pixels."""
    try:
        with av.open(BytesIO(source.init + source.fragment), "r", format="mp4") as container:
            return _fitted(container, width, height)
    except (av.FFmpegError, ValueError, IndexError, MemoryError):
        return None


def _fitted(container: av.container.InputContainer, width: int, height: int) -> Image.Image | None:
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1
    packet = next(container.demux(stream), None)
    frames = [] if packet is None else [*stream.codec_context.decode(packet), *stream.codec_context.decode(None)]
    if not frames:
        return None
    frame, aspect = frames[0], stream.codec_context.sample_aspect_ratio
    shown = frame.width * (aspect if aspect and 0 < aspect < MAX_ASPECT else Fraction(1))
    scale = min(Fraction(width) / shown, Fraction(height, frame.height))
    size = max(2, round(shown * scale)), max(2, round(frame.height * scale))
    shown_frame = frame.reformat(width=size[0], height=size[1], format="rgb24")
    picture: Image.Image = shown_frame.to_image()  # type: ignore[no-untyped-call]
    return picture
