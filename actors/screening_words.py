"""Words as people read them, however they are written: what a screening compares. Pure.

What is compared is in small letters, without look-alikes of other scripts (UTS 39), accents, tatweel, Arabic vowels and
variants of alef, yeh and teh marbuta. A letter may be repeated more often than in the word, never less often, so that
``as`` is no ``ass``; twice for once only in words of four letters and more, and in Arabic, so that ``good`` is no
``god``. Digits and signs are letters beside letters. Letters that are written apart are one word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, product
from typing import Final

from actors.confusables import LOOK_LIKE, SMALL_CAPITALS

MAX_WORD: Final = 64
MAX_SPELLED: Final = 24
MAX_UNSURE: Final = 3
_DOUBLED_FROM: Final = 4
_LONG_RUN: Final = 3
_SHORT: Final = 2

_UNSURE: Final = "\x01"  # an i or an l
_ARABIC: Final = {
    "\u0671": "\u0627", "\u0629": "\u0647", "\u06c1": "\u0647", "\u06be": "\u0647", "\u06d5": "\u0647",
    "\u0649": "\u064a", "\u06cc": "\u064a", "\u06d2": "\u064a", "\u06a9": "\u0643", "\u06aa": "\u0643",
    "\u06a4": "\u0641", "\u067e": "\u0628", "\u0686": "\u062c", "\u0698": "\u0632", "\u06af": "\u0643",
    "\u0640": "",
}  # fmt: skip
_GREEK_AND_CYRILLIC: Final = {"\u0438": "n", "\u044f": "r", "\u0432": "b", "\u043d": "h", "\u043c": "m", "\u0442": "t",
                              "\u043a": "k", "\u03b7": "n", "\u03b2": "b", "\u03ba": "k", "\u03c4": "t", "\u03c1": "p",
                              "\u03b5": "e", "\u0454": "e", "\u0434": "d", "\u00df": "b", "\u00f8": "o", "\u0142": "l",
                              "\u0111": "d", "\u00fe": "p", "\u00f0": "d", "\u0127": "h"}  # fmt: skip
_LIKE_I_OR_L: Final = (
    "\u0131\u0196\u01c0\u0269\u026a\u0399\u03b9\u0406\u0456\u04c0\u04cf\u2223\u2373\u23fd\u2502|\u00a1"
)
_FOLD: Final = str.maketrans(
    {
        **{other: letter for letter, others in LOOK_LIKE.items() for other in others},
        **SMALL_CAPITALS,
        **_GREEK_AND_CYRILLIC,
        **_ARABIC,
        **dict.fromkeys(_LIKE_I_OR_L, _UNSURE),
    }
)
_LEET: Final = str.maketrans(
    {"0": "o", "1": _UNSURE, "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g"}
)
_SIGNS: Final = {"@": "a", "$": "s", "!": _UNSURE, "|": _UNSURE, "+": "t", "(": "c", "\u20ac": "e"}
_INNER_I: Final = re.compile("(?<=[a-z])I+")
_SIGN: Final = re.compile(r"[@$!|+(\u20ac]")
_PUNCTUATION: Final = re.compile(r"[^\w\s]|_")
_AS_LETTERS: Final = re.compile(r"[@$!|+(\u20ac]+(?=\w)|(?<=\w)[$+|]+")
_TOKEN: Final = re.compile(r"[\w\x01]+")
_JOINED: Final = re.compile(r"(?<![^\W_])[^\W_]++(?:[^\w\s]++[^\W_]++|_++[^\W_]++)++")
_JOINT: Final = re.compile(r"(?<=\w)[^\w\s]+(?=\w)|_")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_NUMBER: Final = re.compile(r"(?<!\S)[0-9][0-9.,:]+[0-9](?![^\s.,!?])")
_NO_WORD: Final = "\u2d63\u2d63\u2d63"
"""In place of a number: letters, three of them, that no word has."""
HAS_DIGITS: Final = re.compile("[0-9\x01]")
_REPEATED: Final = re.compile(r"([\w\x01])\1+")
_MARKS: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\u200b-\u200f\u2060-\u2064\u00ad\ufeff]+"
)
_IS_ARABIC: Final = re.compile("[\u0621-\u064a]")
_PREFIX: Final = re.compile("^(?:[\u0648\u0641]?(?:[\u0628\u0643]?\u0627\u0644|\u0644\u0644)|\u0648)(?=.{3})")
_ARTICLES: Final = (
    "\u0648", "\u0627\u0644", "\u0644\u0644", "\u0628\u0627\u0644", "\u0643\u0627\u0644", "\u0641\u0627\u0644",
    "\u0641\u0644\u0644", "\u0641\u0628\u0627\u0644", "\u0641\u0643\u0627\u0644",
)  # fmt: skip
"""What ``_PREFIX`` begins with."""
# Arabizi: digits for the letters that Latin lacks; vowels are left out on both sides.
_ARABIZI: Final = re.compile("^[a-z]*[a-z][235679]|^[235679][a-z]")
_CONSONANTS: Final = str.maketrans(
    {
        "\u0628": "b", "\u062a": "t", "\u062b": "t", "\u062c": "j", "\u062d": "7", "\u062e": "5", "\u062f": "d",
        "\u0630": "t", "\u0631": "r", "\u0632": "z", "\u0633": "s", "\u0634": "sh", "\u0635": "s", "\u0636": "d",
        "\u0637": "t", "\u0638": "z", "\u0639": "3", "\u063a": "g", "\u0641": "f", "\u0642": "k", "\u0643": "k",
        "\u0644": "l", "\u0645": "m", "\u0646": "n", "\u0647": "h",
        **dict.fromkeys("\u0627\u0648\u064a\u0621", ""),
    }
)  # fmt: skip
_LATIN: Final = str.maketrans(
    {**dict.fromkeys("aeiouyw2'", ""), "6": "t", "9": "k", "8": "g", "q": "k", "c": "k", "p": "b", "v": "f"}
)


def folded(text: str) -> str:
    """The text in small letters without accents, look-alikes and what does not show."""
    if "I" in text:
        text = _INNER_I.sub(_unsure, text)
    if text.isascii():
        return text.lower()
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    if plain.isascii():
        return plain.lower()
    alike = plain.translate(_FOLD)
    return alike if alike.islower() or alike.lower() == alike else alike.lower().translate(_FOLD)


def _unsure(letters: re.Match[str]) -> str:
    return _UNSURE * len(letters[0])


def without_numbers(plain: str) -> str:
    """A folded text with another token for each number that stands by itself, so that most texts are but letters.

    Digits are letters beside letters alone: a number is in no word, unless it is short enough to be a letter or two of
    one that is written apart.
    """
    return plain if is_letters(plain) else _NUMBER.sub(_as_no_word, plain)


def _as_no_word(number: re.Match[str]) -> str:
    return _NO_WORD if len(shortened(number[0])) > _SHORT else number[0]


def tokens_of(text: str) -> list[str]:
    """The words of a folded text, their digits as they are."""
    return _TOKEN.findall(text.replace("_", " ") if "_" in text else text)


def is_letters(text: str) -> bool:
    """Whether there are but letters, with spaces between them."""
    return text.replace(" ", "").isalpha()


def is_joined(text: str) -> bool:
    """Whether there are words without a space between them."""
    return _PUNCTUATION.search(text) is not None and _JOINT.search(text) is not None


def joined(text: str) -> Iterator[str]:
    """Words that have no space between them, as one."""
    for found in _JOINED.findall(text):
        yield _SEPARATORS.sub("", found)


def forms(token: str) -> Iterable[str]:
    """What the token may be read as: digits as letters, an unsure letter as i and as l."""
    if token.isalpha():
        return (token,)
    if token.isdigit():
        return ()
    return _forms(token)


@lru_cache(maxsize=4096)
def _forms(token: str) -> Sequence[str]:
    whole = token.translate(_LEET)
    bare = token.rstrip("0123456789").translate(_LEET)
    return tuple(form for one in dict.fromkeys((whole, bare)) if one for form in _sure(one))


def _sure(token: str) -> Iterator[str]:
    parts = token.split(_UNSURE)
    unsure = len(parts) - 1
    choices = product("il", repeat=unsure) if unsure <= MAX_UNSURE else (("i",) * unsure, ("l",) * unsure)
    for choice in choices:
        yield parts[0] + "".join(letter + part for letter, part in zip(choice, parts[1:], strict=True))


def shortened(token: str) -> str:
    """Each run of a letter as one."""
    return _REPEATED.sub(_first, token)


def _first(run: re.Match[str]) -> str:
    return run[1]


def runs(token: str) -> tuple[int, ...]:
    return tuple(len(list(run)) for _, run in groupby(token))


def is_written_as(token: str, word: str) -> bool:
    """Whether a token is this word, with letters repeated. Both have the same ``shortened``."""
    if token == word:
        return True
    pairs = list(zip(runs(token), runs(word), strict=True))
    if any(here < there for here, there in pairs):
        return False
    is_long = len(word) >= _DOUBLED_FROM or not word.isascii()
    return all(here == there or here >= _LONG_RUN or is_long for here, there in pairs)


def readings(plain: str) -> Iterator[str]:
    """A folded text with signs between words, and with signs as letters where there may be any."""
    yield plain
    if _SIGN.search(plain) and _AS_LETTERS.search(plain):
        yield _AS_LETTERS.sub(_as_letters, plain)


def _as_letters(signs: re.Match[str]) -> str:
    return "".join(_SIGNS[sign] for sign in signs[0])


def spelled(tokens: Sequence[str], lengths: Sequence[int]) -> Iterator[str]:
    """What tokens may be together, where their letters are written apart: a letter by itself is among them.

    ``lengths``: those of the tokens as ``shortened``.
    """
    if 1 not in lengths:
        return
    for at, length in enumerate(lengths):
        if length <= _SHORT:
            yield from _from(at, tokens, lengths)
        elif at + 1 < len(tokens) and lengths[at + 1] == 1:
            yield tokens[at] + tokens[at + 1]


def _from(at: int, tokens: Sequence[str], lengths: Sequence[int]) -> Iterator[str]:
    """Those that begin with this short token: with the short ones behind it, or with one longer."""
    together, has_letter = tokens[at], lengths[at] == 1
    if has_letter and at + 1 < len(tokens) and lengths[at + 1] > _SHORT:
        yield together + tokens[at + 1]
    for follower in range(at + 1, min(at + MAX_SPELLED, len(tokens))):
        if lengths[follower] > _SHORT:
            return
        together += tokens[follower]
        has_letter = has_letter or lengths[follower] == 1
        if has_letter:
            yield together


def without_article(token: str) -> str:
    """An Arabic word without the article and what is written before it."""
    return _PREFIX.sub("", token, count=1)


def without_articles(text: str) -> Iterator[str]:
    """The words of a text that may have an article, each without it."""
    for token in tokens_of(text):
        if token.startswith(_ARTICLES):
            yield without_article(token)


def is_arabic(token: str) -> bool:
    return _IS_ARABIC.search(token) is not None


def consonants(token: str) -> str:
    """The consonants of an Arabic word, or of one in Arabizi, in Latin letters; empty for what is neither."""
    if is_arabic(token):
        return shortened(token.translate(_CONSONANTS))
    if _ARABIZI.search(token) and token.isascii():
        return shortened(token.replace("kh", "5").replace("gh", "g").replace("th", "t").translate(_LATIN))
    return ""
