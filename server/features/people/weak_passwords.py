"""Passwords that are guessed first: common ones, and what is made of one, of a name or of a row of keys. Pure.

NIST SP 800-63B section 3.1.1.2 asks to refuse those and no other. The list is the 30,000 of zxcvbn 4.5 (MIT, Dropbox
Inc.) with its first names and its 5,000 most used English words, and some words of our own. zxcvbn's own estimate is
not taken: it costs 30 ms for 28 characters and 690 ms for 64. A registration names all that is wrong with it at once,
so the answer is needed on the event loop; this takes less than 0.2 ms.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

WEAK: Final = "is among the first that are guessed: choose a longer or a less common one"
_LIST: Final = Path(__file__).with_name("weak_passwords.txt")
_MAX_SEEN: Final = 64
_MAX_ADDED: Final = 5  # digits and signs around a word that make nothing better of it
_MIN_NAME: Final = 4
_MIN_UNIT: Final = 6
_LEET: Final = str.maketrans("@4301!$57", "aaeoiisst")
_ADDED: Final = re.compile(r"^[^a-z]+|[^a-z]+$")
_DATE: Final = re.compile(r"(19|20)\d\d(0\d|1[0-2])([0-2]\d|3[01])|([0-2]\d|3[01])(0\d|1[0-2])(19|20)\d\d")
_ROWS: Final = (
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "1234567890",
    "qazwsxedcrfvtgbyhnujmik",
)


def is_weak(password: str, *, names: Iterable[str] = ()) -> bool:
    """Whether it is among the first that are tried; ``names`` are the person's own and the place's."""
    folded = unicodedata.normalize("NFKC", password).casefold()
    unit = _unit(folded)
    if len(unit) < _MIN_UNIT or _is_run(unit) or _is_row(unit):
        return True
    own = frozenset(name.casefold() for name in names if len(name) >= _MIN_NAME)
    return len(unit) <= _MAX_SEEN and (_is_made_of(unit, common()) or _is_made_of(unit, own))


@cache
def common() -> frozenset[str]:
    """Read from the disk the first time."""
    return frozenset(_LIST.read_text(encoding="utf-8").split())


def _unit(text: str) -> str:
    """What the text is a repetition of, the last time perhaps only in part."""
    return next((text[:at] for at in range(1, len(text) // 2 + 1) if text.startswith(text[at:])), text)


def _is_run(text: str) -> bool:
    """One character after the other of the alphabet or the digits, either way."""
    return {ord(later) - ord(earlier) for earlier, later in pairwise(text)} in ({1}, {-1})


def _is_row(text: str) -> bool:
    return any(text in row or text in row[::-1] for row in _ROWS)


def _is_made_of(text: str, words: frozenset[str]) -> bool:
    if text in words:
        return True
    for plain in (text, text.translate(_LEET), _DATE.sub("", text)):
        bare = _ADDED.sub("", plain)
        word = _unit(bare)
        if len(plain) - len(bare) <= _MAX_ADDED and (word in words or word.translate(_LEET) in words):
            return True
    return False
