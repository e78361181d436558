"""What a text says besides its words: whom it mentions, its hashtags, its links, and how long it is. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from server.features.people.rules import mentioned_in

MAX_GRAPHEMES: Final = 2_000
MAX_CODE_POINTS: Final = 20_000
"""Of a text with the longest emoji: 2,000 families have 14,000."""
MAX_TAG: Final = 100
MAX_TAGS: Final = 30
MAX_MENTIONS: Final = 50
MAX_LINK: Final = 2_000

_LINK: Final = re.compile(r"https?://[^\s<>\"'\\^`{|}\u0000-\u001f]+", re.IGNORECASE)
_LINK_ENDS: Final = ".,;:!?\u060c\u061b\u061f\u2026\u00bb\u201d\u2019*_~"
_TAG_BEGINS: Final = re.compile(r"(?<![A-Za-z0-9_&#/@])[#\uff03](?=\w)")

_ZWNJ: Final = "\u200c"
_ARABIC_MARKS: Final = re.compile(
    "[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0640\u200c]"
)
_ARABIC_LETTERS: Final = str.maketrans(
    {"\u0622": "\u0627", "\u0623": "\u0627", "\u0625": "\u0627", "\u0671": "\u0627", "\u0649": "\u064a",
     "\u06cc": "\u064a", "\u0629": "\u0647", "\u06a9": "\u0643"}
)  # fmt: skip


def graphemes_of(text: str) -> int:
    """How many characters people count: extended grapheme clusters (UAX 29)."""
    import regex  # 8 ms that most nodes never need: a text has no more graphemes than code points

    return sum(1 for _ in regex.finditer(r"\X", text))


def is_too_long(text: str) -> bool:
    return len(text) > MAX_GRAPHEMES and graphemes_of(text) > MAX_GRAPHEMES


def mentions_of(text: str) -> list[str]:
    """The usernames that a text mentions, each once in lower case: the first ``MAX_MENTIONS``."""
    return mentioned_in(_without_links(text), MAX_MENTIONS)


def tags_of(text: str) -> list[str]:
    """The hashtags of a text, folded, each once: the first ``MAX_TAGS``. One longer than ``MAX_TAG`` is none."""
    plain = _without_links(text)
    found = (fold_tag(plain[begin:end]) for begin, end in tag_spans(plain))
    return list(dict.fromkeys(tag for tag in found if tag))[:MAX_TAGS]


def tag_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the hashtags of a text begin behind their sign, and end: letters with their marks, digits and underscores
    of any script, with a letter among them (UTS 31, hashtag identifiers).
    """
    for found in _TAG_BEGINS.finditer(text):
        end = begin = found.end()
        while end < len(text) and _is_of_tag(text[end]):
            end += 1
        end = begin + len(text[begin:end].rstrip(_ZWNJ))
        if end - begin <= MAX_TAG and any(character.isalpha() for character in text[begin:end]):
            yield begin, end


def _is_of_tag(character: str) -> bool:
    return character.isalnum() or character in ("_", _ZWNJ) or unicodedata.category(character)[0] == "M"


def fold_tag(tag: str) -> str:
    """The form in which two hashtags are the same: in any case and width; in Arabic without vowels and tatweel, and
    with one form of alef, yeh, kaf and teh marbuta. Accents of other scripts tell words apart, and stay.
    """
    plain = unicodedata.normalize("NFKC", tag).casefold()
    return unicodedata.normalize("NFC", _ARABIC_MARKS.sub("", plain).translate(_ARABIC_LETTERS))[:MAX_TAG]


def first_link_of(text: str) -> str | None:
    """The first web address in a text, without the punctuation behind it."""
    found = _LINK.search(text)
    link = _trimmed(found[0]) if found else ""
    return link if 0 < len(link) <= MAX_LINK else None


def _trimmed(link: str) -> str:
    link = link.rstrip(_LINK_ENDS)
    while link.endswith((")", "]")) and link.count("(["[link[-1] == "]"]) < link.count(link[-1]):
        link = link[:-1].rstrip(_LINK_ENDS)
    return link


def _without_links(text: str) -> str:
    return _LINK.sub(" ", text) if "://" in text else text
