"""Texts as a search compares them: words in one spelling, and the lexemes that stand for them in the index. Pure.

A word is in NFKC and small letters, without accents, vowels and tatweel, with one form of alef, yeh, kaf and teh
marbuta and with ASCII digits. Its lexeme is the word without the article (and waw) before it and without the endings of
plurals: a light stem, as in Larkey's *light10* for Arabic. Scripts without spaces are cut into pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import msgspec

MAX_LEXEME: Final = 48
_ARABIC: Final = str.maketrans(
    {
        **dict.fromkeys("\u0622\u0623\u0625\u0671\u0672\u0673\u0675", "\u0627"),
        **dict.fromkeys("\u0649\u0626\u06cc\u06d2\u06d0\u06ce", "\u064a"),
        **dict.fromkeys("\u0629\u06c0\u06c1\u06c3\u06be\u06d5", "\u0647"),
        "\u0624": "\u0648", "\u06a9": "\u0643", "\u06aa": "\u0643",
    }
)  # fmt: skip
_LATIN: Final = str.maketrans(
    {"\u00f8": "o", "\u0142": "l", "\u0111": "d", "\u0131": "i", "\u00e6": "ae", "\u0153": "oe", "\u00fe": "th"}
)
_MARKS: Final = frozenset({"Mn", "Me", "Cf"})
_KEPT_MARKS: Final = re.compile("[\u0900-\u0dff\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff]")
"""Scripts whose vowels are marks that a word cannot do without."""
_DROPPED: Final = re.compile("[\u0640'\u2019\u02bc]")
_TAG: Final = re.compile(r"(?<!\w)#(\w+)")
_UNSPACED: Final = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\U00020000-\U0003ffff]+"
)
_IS_ARABIC: Final = re.compile("^[\u0621-\u064a]+$")
_ARTICLE: Final = re.compile(
    "^(?:\u0648?(?:\u0627\u0644|\u0628\u0627\u0644|\u0643\u0627\u0644|\u0641\u0627\u0644)|\u0648?\u0644\u0644)(?=.{3})"
)
_WAW: Final = re.compile("^\u0648(?=[^\u0648\u0627].{3})")
_ARABIC_ENDING: Final = re.compile("(?<=.{3})(?:\u0627\u062a|\u0648\u0646|\u064a\u0646|\u0627\u0646|\u064a\u0647)$")
_HEH: Final = re.compile("(?<=.{3})[\u0647\u064a]$")
_IES: Final = re.compile("(?<=[a-z]{2})ies$")
_ES: Final = re.compile("(?<=ss|sh|ch|.x|.z)es$")
_S: Final = re.compile("(?<=[a-rt-z0-9]{2})(?<![iu])s$")


class Token(msgspec.Struct, frozen=True):
    """A word of a text: what the index has for it, and how it is shown."""

    lexeme: str
    shown: str


def folded(text: str) -> str:
    """The text in one spelling, its words as they were."""
    if text.isascii():
        return text.lower().replace("'", "")
    plain = _DROPPED.sub("", unicodedata.normalize("NFKC", text)).casefold()
    bare = "".join(filter(_is_kept, unicodedata.normalize("NFD", plain)))
    return unicodedata.normalize("NFC", "".join(map(_digit, bare))).translate(_ARABIC).translate(_LATIN)


def _is_kept(character: str) -> bool:
    return unicodedata.category(character) not in _MARKS or _KEPT_MARKS.match(character) is not None


def _digit(character: str) -> str:
    return character if character.isascii() or not character.isdecimal() else str(unicodedata.decimal(character))


def tokens(text: str) -> Iterator[Token]:
    """The words in their order, a hashtag as ``#tag`` and as its word, a name with underscores also as its parts."""
    plain = folded(text)
    for tag in _TAG.finditer(plain):
        yield Token("#" + tag[1][: MAX_LEXEME - 1], "#" + tag[1][: MAX_LEXEME - 1])
    for found in re.finditer(r"\w+", plain):
        yield from _of_run(found[0])


def lexemes(text: str) -> Iterator[str]:
    """As of ``tokens``."""
    return (one.lexeme for one in tokens(text))


def _of_run(run: str) -> Iterator[Token]:
    if "_" in run:
        parts = [part for part in run.split("_") if part]
        if len(parts) > 1:
            yield Token(run[:MAX_LEXEME], run[:MAX_LEXEME])
        for part in parts:
            yield from _of_run(part)
    elif _UNSPACED.search(run) is None:
        yield Token(stem(run[:MAX_LEXEME]), run[:MAX_LEXEME])
    else:
        yield from _of_mixed(run)


def _of_mixed(run: str) -> Iterator[Token]:
    at = 0
    for found in _UNSPACED.finditer(run):
        if found.start() > at:
            yield from _of_run(run[at : found.start()])
        pairs = [found[0][n : n + 2] for n in range(max(1, len(found[0]) - 1))]
        yield from (Token(pair, pair) for pair in pairs)
        at = found.end()
    if at < len(run):
        yield from _of_run(run[at:])


def stem(word: str) -> str:
    """The lexeme of a folded word; a stem of a stem is itself in all but made-up words."""
    if word.isascii():
        return _latin_stem(word)
    return _arabic_stem(word) if _IS_ARABIC.match(word) else word


def _latin_stem(word: str) -> str:
    if len(word) <= 3 or not word.endswith("s"):
        return word
    for ending, instead in ((_IES, "y"), (_ES, ""), (_S, "")):
        cut = ending.sub(instead, word)
        if cut != word:
            return cut
    return word


def _arabic_stem(word: str) -> str:
    bare = _ARTICLE.sub("", word)
    if bare == word:
        bare = _WAW.sub("", word)
    cut = _ARABIC_ENDING.sub("", bare)
    return cut if cut != bare else _HEH.sub("", bare)
