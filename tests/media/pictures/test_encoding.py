"""Pictures of unknown origin become WebP that holds pixels and nothing else."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms
from PIL.ExifTags import Base
from PIL.PngImagePlugin import PngInfo

from media.pictures.encoding import reencode
from media.pictures.messages import PictureSize, Reencode, Reencoded, Refused
from tests.media.pictures.files import SVG, animation, bomb, opened, plain, saved

SQUARE = PictureSize(32, 32)


def made(data: bytes, *sizes: PictureSize, max_pixels: int = 1_000_000) -> list[Image.Image]:
    result = reencode(Reencode(data=data, sizes=sizes or (SQUARE,), max_pixels=max_pixels))
    assert isinstance(result, Reencoded), result
    return [opened(one) for one in result.pictures]


def refused(data: bytes, **options: Any) -> str:
    result = reencode(Reencode(data=data, sizes=(SQUARE,), max_pixels=options.get("max_pixels", 1_000_000)))
    assert isinstance(result, Refused)
    return result.code


def is_near(image: Image.Image, colour: tuple[int, ...], *, at: tuple[int, int] = (16, 16), by: int = 12) -> bool:
    pixel = image.getpixel(at)
    assert isinstance(pixel, tuple)
    return all(abs(one - other) <= by for one, other in zip(pixel, colour, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_each_format_becomes_webp_of_each_size(kind: str) -> None:
    small, banner = made(saved(plain((600, 400)), kind), SQUARE, PictureSize(300, 100))
    assert [(one.format, one.size) for one in (small, banner)] == [("WEBP", (32, 32)), ("WEBP", (300, 100))]
    assert is_near(small, (200, 30, 30))


@pytest.mark.parametrize(
    ("mode", "colour", "shown"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 90, (90, 90, 90)),
        ("LA", (90, 128), (90, 90, 90, 128)),
        ("P", 0, (0, 0, 0)),
        ("RGBA", (9, 99, 199, 128), (9, 99, 199, 128)),
        ("I;16", 257 * 90, (90, 90, 90)),
    ],
)
def test_each_colour_mode_is_shown_as_it_is_and_alpha_is_kept(mode: str, colour: Any, shown: tuple[int, ...]) -> None:
    assert is_near(made(saved(plain((64, 64), colour, mode), "PNG"))[0], shown)


def test_printers_colours_and_transparent_palettes_are_shown() -> None:
    assert is_near(made(saved(plain((64, 64), (0, 255, 255, 0), "CMYK"), "JPEG"))[0], (255, 0, 0), by=20)
    assert made(saved(plain((64, 64), 0, "P"), "GIF", transparency=0))[0].getpixel((0, 0))[3] == 0  # type: ignore[index]


def test_a_small_picture_is_not_enlarged_and_the_middle_is_cut_out() -> None:
    image = plain((60, 20))
    image.paste((0, 0, 255), (20, 0, 40, 20))
    (found,) = made(saved(image, "PNG"), PictureSize(512, 512))
    assert found.size == (20, 20)
    assert is_near(found, (0, 0, 255), at=(10, 10))


def test_uncropped_sizes_hold_the_whole_picture() -> None:
    sizes = PictureSize(100, 100, is_cropped=False), PictureSize(900, 900, is_cropped=False)
    assert [one.size for one in made(saved(plain((400, 200)), "PNG"), *sizes)] == [(100, 50), (400, 200)]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_it_stands_upright_and_its_metadata_are_gone(kind: str, orientation: int) -> None:
    upright = plain((96, 48), (255, 255, 255))
    upright.paste((255, 0, 0), (0, 0, 24, 24))  # red in the upper left corner
    lain = upright.transpose(BACK[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    exif[Base.Make] = "a camera"
    options = {"pnginfo": _text()} if kind == "PNG" else {}
    data = saved(lain, kind, exif=exif, quality=95, **options)
    result = reencode(Reencode(data=data, sizes=(PictureSize(96, 96, is_cropped=False),), max_pixels=10_000))
    assert isinstance(result, Reencoded)
    (found,) = (opened(one) for one in result.pictures)
    assert found.size == (96, 48)
    assert is_near(found, (255, 0, 0), at=(8, 8), by=40)
    assert is_near(found, (255, 255, 255), at=(88, 40), by=40)
    assert not any(secret in result.pictures[0] for secret in (b"camera", b"EXIF", b"ICCP", b"XMP", b"my street"))


BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def _text() -> PngInfo:
    text = PngInfo()
    text.add_text("Location", "my street")
    return text


def test_colours_of_a_profile_are_shown_in_srgb_and_a_broken_profile_is_passed_over() -> None:
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    linear = plain((64, 64), (128, 128, 128))
    assert is_near(made(saved(linear, "PNG", icc_profile=wide))[0], (128, 128, 128))  # of another mode
    assert is_near(made(saved(linear, "PNG", icc_profile=b"no profile"))[0], (128, 128, 128))
    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    swapped = bytes(srgb).replace(b"rXYZ", b"tXYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tXYZ", b"bXYZ", 1)
    assert is_near(made(saved(plain((64, 64), (255, 0, 0)), "PNG", icc_profile=swapped))[0], (0, 0, 255), by=30)
    alpha = plain((64, 64), (255, 0, 0, 99), "RGBA")
    assert is_near(made(saved(alpha, "PNG", icc_profile=swapped))[0], (0, 0, 255, 99), by=30)


def test_of_an_animation_the_first_frame_alone_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.GifImagePlugin.GifImageFile.seek", None)
    assert is_near(made(animation(1_000))[0], (255, 0, 0), at=(8, 8))


def test_an_animation_with_too_many_frames_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [plain((2, 2), (number % 256, number // 256, 0)) for number in range(1_001)]
    others = [
        saved(frames[0], kind, save_all=True, lossless=True, append_images=frames[1:]) for kind in ("PNG", "WEBP")
    ]
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    assert {refused(data) for data in (animation(10_000), *others)} == {"too_many_frames"}


def test_a_picture_with_too_many_pixels_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    assert refused(bomb()) == "too_many_pixels"
    assert refused(saved(plain((20, 51)), "PNG"), max_pixels=1_000) == "too_many_pixels"


@pytest.mark.parametrize(("size", "shown"), [((100_000, 1), (640, 1)), ((1, 100_000), (1, 640))])
def test_a_picture_of_so_many_pixels_in_one_row_is_shown(size: tuple[int, int], shown: tuple[int, int]) -> None:
    whole = PictureSize(640, 640, is_cropped=False)
    order = Reencode(data=saved(plain(size), "PNG"), sizes=(whole,), max_pixels=1_000_000, has_blurhash=True)
    result = reencode(order)
    assert isinstance(result, Reencoded), result
    assert opened(result.pictures[0]).size == shown


@pytest.mark.parametrize("where", [b"zTXt", b"iCCP"])
def test_what_unfolds_to_far_more_than_it_is_takes_no_room(where: bytes) -> None:
    """A hundred million bytes in a hundred thousand, in what a picture says of itself."""
    packer = zlib.compressobj(9)
    folded = b"".join([*(packer.compress(bytes(1_000_000)) for _ in range(100)), packer.flush()])
    body = b"a\0\0" + folded
    chunk = struct.pack(">I4s", len(body), where) + body + struct.pack(">I", zlib.crc32(where + body))
    picture = saved(plain(), "PNG")
    head = len(b"\x89PNG\r\n\x1a\n") + 25
    tracemalloc.start()
    assert refused(picture[:head] + chunk + picture[head:]) == "broken"
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 20_000_000


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_a_truncated_picture_is_broken(kind: str) -> None:
    data = saved(Image.effect_noise((200, 200), 80).convert("RGB"), kind)
    assert refused(data[: len(data) // 2]) == "broken"
    assert refused(data[:20]) == "broken"


@pytest.mark.parametrize(
    "data", [b"", b"x", SVG, b"%PDF-1.4\n" + saved(plain(), "JPEG"), saved(plain(), "BMP"), b"GIF"]
)
def test_what_is_no_picture_of_a_known_format_is_unsupported(data: bytes) -> None:
    assert refused(data) == "unsupported"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
@pytest.mark.parametrize(
    "more", [b"%PDF-1.7", b"<script>alert(1)</script>", b"<?php echo 1;", b"PK\x05\x06" + b"\0" * 18]
)
def test_a_polyglot_is_refused(kind: str, more: bytes) -> None:
    assert refused(saved(plain(), kind) + more) == "mixed"


def test_a_gif_that_is_a_script_is_refused() -> None:
    gif = saved(plain((16, 16)).quantize(4), "GIF")
    assert refused(gif + b"*/=1;alert(1)") == "mixed"
    assert refused(gif[:6] + b"/*" + gif[8:]) == "broken"


def test_what_cameras_write_after_a_jpeg_does_not_matter() -> None:
    assert made(saved(plain(), "JPEG") + b"\0\0\x12\x0aMotionPhoto" + b"\xff\xd8\xff\xe1" * 9)
