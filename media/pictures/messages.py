"""What is asked of a picture worker, and its answer: one msgpack message each way. Sans-I/O."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

RefusalCode = Literal["unsupported", "broken", "mixed", "too_many_pixels", "too_many_frames", "too_costly"]
"""``unsupported``: no picture of a known format. ``broken``: it cannot be decoded. ``mixed``: it is a picture and
something else. ``too_many_…``: above the bound. ``too_costly``: above a limit of memory or time.
"""


class PictureSize(msgspec.Struct, frozen=True, array_like=True):
    """The largest size of a picture, in pixels.

    With ``is_cropped`` the middle is cut out in these proportions; without it the whole is fitted in. A picture is
    never enlarged.
    """

    width: int
    height: int
    is_cropped: bool = True


class Reencode(msgspec.Struct, frozen=True, kw_only=True, tag="reencode"):
    """Make one WebP of each size. With ``max_frames`` of 1 the first frame is taken of an animation.

    ``has_blurhash``: say what the smallest of them looks like, too.
    """

    data: bytes
    sizes: tuple[PictureSize, ...]
    max_pixels: int
    max_frames: int = 1
    has_blurhash: bool = False


class KeyFrame(msgspec.Struct, frozen=True, array_like=True):
    """An initialisation segment, and the beginning of a media segment that holds all of its key frame."""

    init: bytes
    fragment: bytes


class MakeSheet(msgspec.Struct, frozen=True, kw_only=True, tag="sheet"):
    """Put pictures of these key frames side by side, each ``width`` by ``height`` pixels."""

    frames: tuple[KeyFrame | None, ...]
    columns: int
    width: int
    height: int


class Reencoded(msgspec.Struct, frozen=True, tag="reencoded"):
    """The pictures, in the order of the sizes."""

    pictures: tuple[bytes, ...]
    blurhash: str = ""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """Why there is no picture; ``detail`` may be shown to the person."""

    code: RefusalCode
    detail: str


Order = Reencode | MakeSheet
Result = Reencoded | Refused

encode: Final = msgspec.msgpack.encode
orders: Final = msgspec.msgpack.Decoder(Order)
results: Final = msgspec.msgpack.Decoder(Result)
