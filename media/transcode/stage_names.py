"""Names of a stage's people as they stand in its picture: light letters on a dark strip."""

from __future__ import annotations

import functools
import logging
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features

from media.transcode.stage_layout import Box

#: Of the height of the person's picture; smaller letters than these are not read.
_SHARE: Final = 0.05
_MIN_PX: Final = 12
#: Of its width, at most.
_WIDEST: Final = 0.6
_STRIP: Final = 0x18
_LETTERS: Final = 0xE6
_RIGHT_TO_LEFT: Final = (("\u0590", "\u08ff"), ("\ufb1d", "\ufdff"), ("\ufe70", "\ufefc"))
#: No font has it.
_NO_LETTER: Final = "\U0010fffe"

log = logging.getLogger(__name__)


@functools.lru_cache(maxsize=64)
def name_strip(name: str, font: str, box: Box) -> NDArray[np.uint8] | None:
    """Its brightness, even in width and height, for a box of this size. None for a name that cannot be written: of no
    letters, of letters that the font does not have, or from the right where nothing lays that out; and for all where
    the font or what draws it is missing."""
    try:
        letters = ImageFont.truetype(font, max(_MIN_PX, round(box.height * _SHARE)))
    except (OSError, ImportError) as error:
        log.warning("names of stages are left out: %s", error)
        return None
    if not name or not _is_laid_out(name) or _lacks(letters, name):
        return None
    return _drawn(_fitted(name, letters, box.width * _WIDEST), letters)


def _is_laid_out(name: str) -> bool:
    is_from_right = any(first <= letter <= last for letter in name for first, last in _RIGHT_TO_LEFT)
    return not is_from_right or bool(features.check("raqm"))


def _lacks(letters: ImageFont.FreeTypeFont, name: str) -> bool:
    nothing = bytes(letters.getmask(_NO_LETTER))
    return any(bytes(letters.getmask(letter)) == nothing for letter in set(name) if not letter.isspace())


def _fitted(name: str, letters: ImageFont.FreeTypeFont, width: float) -> str:
    shown = name
    while letters.getlength(shown) > width and len(shown) > 2:
        shown = shown[:-2].rstrip() + "…"
    return shown


def _drawn(text: str, letters: ImageFont.FreeTypeFont) -> NDArray[np.uint8]:
    ascent, descent = letters.getmetrics()
    margin = descent
    width, height = round(letters.getlength(text)) + 2 * margin, ascent + descent + margin
    strip = Image.new("L", (width + width % 2, height + height % 2), _STRIP)
    ImageDraw.Draw(strip).text((margin, margin / 2), text, fill=_LETTERS, font=letters)
    return np.asarray(strip, np.uint8)
