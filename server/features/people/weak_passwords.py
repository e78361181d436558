"""Passwords that are guessed first: common ones, and what is made of one, of a name or of a row of keys. Pure.

NIST SP 800-63B section 3.1.1.2 asks to refuse those and no other. The list is our own, of words that lead the lists of
leaked passwords: a library that estimates strength would cost 50 ms of import and up to 50 ms a password.
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
_MAX_ADDED: Final = 5  # digits and signs around a word that make nothing better of it
_MIN_NAME: Final = 4
_LEET: Final = str.maketrans("@4301!$57", "aaeoiisst")
_ADDED: Final = re.compile(r"^[^a-z]+|[^a-z]+$")
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
    return any(
        (
            len(unit) < _MIN_NAME,
            _is_run(unit),
            _is_row(unit),
            _is_made_of(unit, _common()),
            _is_made_of(unit, frozenset(name.casefold() for name in names if len(name) >= _MIN_NAME)),
        )
    )


@cache
def _common() -> frozenset[str]:
    return frozenset(_LIST.read_text().split())


def _unit(text: str) -> str:
    """What the text is a repetition of."""
    at = (text + text).find(text, 1) if text else 0
    return text[:at]


def _is_run(text: str) -> bool:
    """One character after the other of the alphabet or the digits, either way."""
    return {ord(later) - ord(earlier) for earlier, later in pairwise(text)} in ({1}, {-1})


def _is_row(text: str) -> bool:
    return any(text in row or text in row[::-1] for row in _ROWS)


def _is_made_of(text: str, words: frozenset[str]) -> bool:
    if text in words:
        return True
    for plain in (text, text.translate(_LEET)):
        word = _ADDED.sub("", plain)
        if len(text) - len(word) <= _MAX_ADDED and (word in words or word.translate(_LEET) in words):
            return True
    return False
