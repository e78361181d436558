"""Picture files, good and bad, made by Pillow and by hand."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    made = BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def opened(data: bytes) -> Image.Image:
    """Decoded."""
    image = Image.open(BytesIO(data))
    image.load()
    return image


def plain(size: tuple[int, int] = (60, 40), colour: Any = (200, 30, 30), mode: str = "RGB") -> Image.Image:
    return Image.new(mode, size, colour)


def bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG that says that it is so large; 2.4 GB if it is decoded."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(b"")) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def animation(frames: int) -> bytes:
    """A GIF whose frames all fill its 16 × 16 pixels, the first of them in red."""
    first = saved(plain((16, 16), (255, 0, 0)).quantize(4), "GIF")
    head, frame = first[: first.index(b",", 13 + 3 * 4)], first[first.index(b",", 13 + 3 * 4) : -1]
    return head + frame * frames + b";"


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
"""A picture that runs."""
