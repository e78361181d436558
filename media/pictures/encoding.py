"""A picture of unknown origin to WebP of given sizes, inside a worker. Importing this imports Pillow.

The size is looked at before anything is decoded. Of an animation only the first frame is decoded, unless the order
asks for more. What is made holds
pixels in sRGB and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from typing import Final

from PIL import AvifImagePlugin, Image, ImageCms, ImageOps
from PIL.ExifTags import Base

from media.pictures.blurhash import SIDE, blurhash
from media.pictures.containers import MAX_FRAMES, BadContainerError, TooManyFramesError, format_of, is_mixed
from media.pictures.messages import PictureSize, Reencode, Reencoded, Refused, Result

QUALITY: Final = 82
METHOD: Final = 4
FRAME_MS: Final = 100
MIN_FRAME_MS: Final = 20
MAX_FRAME_MS: Final = 10_000
"""A frame that says another time is shown for ``FRAME_MS``, as browsers do."""
MAX_PROFILE_BYTES: Final = 4 * 1024 * 1024
_TURNS: Final[Mapping[object, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes each orientation upright."""
_TRANSPARENT: Final = frozenset({"LA", "PA", "RGBA", "La", "RGBa"})

Image.MAX_IMAGE_PIXELS = None  # looked at here, with a bound that the caller chooses
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def reencode(order: Reencode) -> Result:
    """The pictures, or why there are none."""
    kind = format_of(order.data)
    if kind is None:
        return Refused("unsupported", "This is no JPEG, PNG, GIF, WebP or AVIF picture")
    try:
        if is_mixed(order.data, kind):
            return Refused("mixed", "The file holds more than a picture")
        return _made(order, kind)
    except TooManyFramesError:
        return Refused("too_many_frames", f"The animation has more than {MAX_FRAMES} frames")
    except MemoryError:
        return Refused("too_costly", "The picture takes too much memory")
    except (BadContainerError, OSError, SyntaxError, ValueError, EOFError):
        return Refused("broken", f"The {kind} picture is broken or not whole")


def _made(order: Reencode, kind: str) -> Result:
    with Image.open(BytesIO(order.data), formats=(kind,)) as source:
        if source.width * source.height > order.max_pixels:
            return Refused(
                "too_many_pixels", f"{source.width} × {source.height} is more than {order.max_pixels} pixels"
            )
        if kind != "GIF" and getattr(source, "n_frames", 1) > MAX_FRAMES:  # Pillow would decode those of a GIF
            raise TooManyFramesError
        frames = getattr(source, "n_frames", 1) if order.max_frames > 1 else 1
        if frames > order.max_frames:
            return Refused("too_many_frames", f"{frames} frames are more than {order.max_frames}")
        if frames > 1:
            return _animated(source, order, frames)
        largest = _decode(source, order.sizes)
        return Reencoded(tuple(_webp(_fitted(largest, size)) for size in order.sizes), _blurhash(order, largest))


def _blurhash(order: Reencode, image: Image.Image) -> str:
    if not order.has_blurhash:
        return ""
    small = _within(image.convert("RGB"), (SIDE, SIDE), Image.Resampling.BOX)
    raw = small.tobytes()
    return blurhash(list(zip(raw[::3], raw[1::3], raw[2::3], strict=True)), small.width, small.height)


def _animated(source: Image.Image, order: Reencode, count: int) -> Result:
    """Every frame, as long as the source shows it, again and again."""
    sizes, frames, durations_ms = order.sizes, list[Image.Image](), list[int]()
    for number in range(count):
        source.seek(number)
        frames.append(_decode(source, sizes))
        durations_ms.append(_shown_ms(source.info.get("duration")))
    made = tuple(_moving([_fitted(frame, size) for frame in frames], durations_ms) for size in sizes)
    return Reencoded(made, _blurhash(order, frames[0]))


def _shown_ms(duration: object) -> int:
    if isinstance(duration, int | float) and MIN_FRAME_MS <= duration <= MAX_FRAME_MS:
        return int(duration)
    return FRAME_MS


def _decode(source: Image.Image, sizes: Sequence[PictureSize]) -> Image.Image:
    """Upright, in RGB or RGBA of sRGB, not much larger than the largest size needs."""
    turn = _TURNS.get(_orientation(source))
    profile = source.info.get("icc_profile")
    need = max(max(size.width, size.height) for size in sizes)
    source.draft(None, _at_least(source.size, need))  # a JPEG is decoded at a fraction of its size
    source.load()
    small = _reduced(_resizable(source), need)
    return _in_srgb(small if turn is None else small.transpose(turn), profile)


def _orientation(source: Image.Image) -> object:
    """Exif 2.32, tag 0x0112; upright where the metadata are broken."""
    with suppress(OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return source.getexif().get(Base.Orientation)
    return None


def _at_least(size: tuple[int, int], need: int) -> tuple[int, int]:
    """The proportions of ``size`` with a shorter side of ``need`` pixels, or as it is."""
    scale = min(1.0, 2 * need / min(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resizable(image: Image.Image) -> Image.Image:
    """In a mode that can be resized: no palette, no more than 8 bits."""
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB") and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.mode in ("I", "F"):
        return image.convert("L")
    is_transparent = image.mode in _TRANSPARENT or "transparency" in image.info
    return image.convert("RGBA" if is_transparent else "RGB")


def _reduced(image: Image.Image, need: int) -> Image.Image:
    """The shorter side is ``need`` pixels at least, if it was; averaged, so that nothing is lost to aliasing."""
    factor = min(image.size) // (2 * need)
    return image.reduce(factor) if factor > 1 else image.copy()


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert("L") if image.mode == "LA" else image.convert("RGB") if image.mode == "RGBA" else image
    shown = _converted(colours, profile) or colours.convert("RGB")
    if alpha is not None:
        shown.putalpha(alpha)
    return shown


def _converted(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """By its colour profile; None without one, and for one that is broken or of another mode."""
    if not profile or len(profile) > MAX_PROFILE_BYTES:
        return None
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    return None


def _fitted(image: Image.Image, size: PictureSize) -> Image.Image:
    if not size.is_cropped:
        return _within(image, (size.width, size.height), Image.Resampling.LANCZOS)
    scale = min(1.0, image.width / size.width, image.height / size.height)
    target = max(1, round(size.width * scale)), max(1, round(size.height * scale))
    return ImageOps.fit(image, target, Image.Resampling.LANCZOS)


def _within(image: Image.Image, bound: tuple[int, int], how: Image.Resampling) -> Image.Image:
    """All of it, with a pixel at least of what is a thousand times as long as it is high."""
    scale = min(1.0, bound[0] / image.width, bound[1] / image.height)
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), how)


def _moving(frames: Sequence[Image.Image], durations_ms: Sequence[int]) -> bytes:
    made = BytesIO()
    for frame in frames:
        frame.info.clear()
    first, *others = frames
    first.save(
        made, "WEBP", quality=QUALITY, method=METHOD, icc_profile=b"", exif=b"", xmp=b"",
        save_all=True, append_images=others, duration=list(durations_ms), loop=0,
    )  # fmt: skip
    return made.getvalue()


def _webp(image: Image.Image) -> bytes:
    made = BytesIO()
    image.info.clear()
    image.save(made, "WEBP", quality=QUALITY, method=METHOD, icc_profile=b"", exif=b"", xmp=b"")
    return made.getvalue()
