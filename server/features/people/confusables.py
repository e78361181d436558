"""Names that look alike: the skeleton of UTS 39 section 4, as far as it concerns usernames, which are ASCII. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final

from actors.confusables import LOOK_LIKE, SMALL_CAPITALS
from actors.text import clean_line

_FOLDED: Final = str.maketrans(SMALL_CAPITALS) | {
    ord(other): letter for letter, others in LOOK_LIKE.items() for other in others
}
_SAME_LETTERS: Final = str.maketrans("i1|0", "lllo")

USERNAME_SKELETON: Final = "replace(translate(username_key, 'i10', 'llo'), 'rn', 'm')"
"""In SQL, the skeleton of a username; there is an index on it."""


def skeleton(name: str) -> str:
    """Two names with the same skeleton look the same to people, whatever their case."""
    plain = unicodedata.normalize("NFKC", clean_line(name)).translate(_FOLDED).casefold().translate(_FOLDED)
    return plain.translate(_SAME_LETTERS).replace("rn", "m")


def bare_skeleton(name: str) -> str:
    """As ``skeleton``, without accents and what stands between letters: ``\u00c1.D.M.I.N`` is read as ``admin``."""
    return skeleton("".join(character for character in unicodedata.normalize("NFKD", name) if character.isalnum()))
