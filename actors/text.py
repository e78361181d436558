"""What is kept of a text that people see: one cleaning for names, titles, messages and whatever else they write. Pure.

A cleaned text is in NFC and has no control, private or invisible character, nothing that turns the direction of the
text around it, and a bounded number of marks on each character. What scripts and emoji need stays where they need it:
joiners in Arabic, Persian and Indic words and in emoji (UTS 51), variation selectors behind what has variants, tag
characters in flags. Characters that this Python's tables don't know yet stay: next year's emoji are among them.
Cleaning a clean text changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, Literal

MAX_MARKS: Final = 5  # on one character; UTS 39 section 5.4 allows 4, a Hebrew letter with all its points has 5

# Tabs, line ends and their kind, which are spaces in a text of one line.
_BREAKS: Final = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_LINE_ENDS: Final = re.compile("\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")

# Text of which nothing can go: letters, punctuation and pictures that have no marks among them.
_PLAIN: Final = re.compile(
    "[ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0373\u0376\u0377\u037b-\u037f\u038c-\u0482\u048a-\u052f\u05d0-\u05ea"
    "\u0606-\u060f\u061b\u061d-\u064a\u0660-\u066f\u0671-\u06d3\u0e01-\u0e30\u1e00-\u1fbc\u2010-\u2027\u2030-\u205e"
    "\u2100-\u2125\u2190-\u2328\u232b-\u27ff\u2900-\u2adb\u3001-\u3029\u3041-\u3096\u309b-\u3163\u3165-\u318e"
    "\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff9f\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f900-\U0001faff]*"
)

# Letters and signs by their category that show nothing: fillers of Hangul, Khmer, Khitan and hieroglyphs, the joiner of
# graphemes, the null notehead, the place of an embedded object.
_UNSEEN: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufffc\U00013441\U00013442\U00016fe4\U0001d159")
_BLANK: Final = "\u2800"  # the empty cell of Braille, which is a space

# Format characters that show: signs that stand before the number or letters that they mark (Prepended_Concatenation).
_SIGNS: Final = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
_KINDS_THAT_GO: Final = frozenset({"Cc", "Cf", "Cs", "Co"})

_ZWNJ: Final = "\u200c"
_ZWJ: Final = "\u200d"
# Scripts whose letters join or form clusters: Arabic and its kin, the Indic ones, Myanmar, Khmer, Mongolian.
_JOINING: Final = re.compile(
    "[\u0600-\u07ff\u0840-\u0fff\u1000-\u109f\u1780-\u18af\u1a20-\u1cff\ua840-\ua8ff\ua980-\uaaff\uabc0-\uabff"
    "\ufb50-\ufdfd\ufe70-\ufefc\U00010ac0-\U00010aff\U00010d00-\U00010d3f\U00010f00-\U00010fff"
    "\U00011000-\U00011fff\U0001e900-\U0001e95f]"
)
_PICTURE: Final = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d"
    "\u3297\u3299\U0001f000-\U0001faff]"
)
_HAN: Final = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_SELECTOR: Final = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_PICTURE_SELECTORS: Final = frozenset("\ufe0e\ufe0f")
_KEYCAP: Final = "\u20e3"
# The flags of regions are a black flag and invisible letters (UTS 51, 1.4.9): the only use that these have here.
_REGION: Final = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f")
_TAG_END: Final = "\U000e007f"


def clean_line(text: str) -> str:
    """One line with single spaces, for names, titles and the like; empty when nothing shows."""
    return " ".join(clean_message(text).split())


def clean_message(text: str) -> str:
    """One line with the spaces that its author set; breaks become a space. Empty when nothing shows."""
    return _shown(_BREAKS.sub(" ", text)).strip()


def clean_lines(text: str) -> str:
    """Several lines, ended by ``\\n``, with tabs as they are and no blank edges. Empty when nothing shows."""
    lines = _LINE_ENDS.split(text)
    return "\n".join("\t".join(map(_shown, line.split("\t"))).rstrip() for line in lines).strip()


def _shown(text: str) -> str:
    """What of a line shows, in NFC."""
    composed = unicodedata.normalize("NFC", text)
    if _PLAIN.fullmatch(composed):
        return composed
    while (kept := _kept(composed)) != composed:
        composed = unicodedata.normalize("NFC", kept)  # what stood between a letter and its mark may have gone
    return kept


def _kept(text: str) -> str:
    flags = {at for found in _REGION.finditer(text) for at in range(*found.span())} if _TAG_END in text else ()
    kept: list[str] = []
    marks = 0
    for at, character in enumerate(text):
        kind = _kind(character)
        if kind == "mark":
            marks += 1
        elif kind != "joint":
            marks = 0
        if kind == "shown" or at in flags:
            kept.append(character)
        elif kind == "blank":
            kept.append(" ")
        elif kind != "unseen":
            before, after = kept[-1] if kept else " ", text[at + 1 : at + 2]
            is_held = _may_join(character, before, after) if kind == "joint" else _may_mark(before, marks)
            kept += character if is_held else ""
    return "".join(kept).rstrip(_ZWNJ)


@lru_cache(maxsize=8192)
def _kind(character: str) -> Literal["shown", "mark", "joint", "blank", "unseen"]:
    """``joint``: a joiner or a variation selector, which stay by what stands beside them, as a ``mark`` does."""
    category = unicodedata.category(character)
    if character in (_ZWNJ, _ZWJ) or _SELECTOR.match(character):
        return "joint"
    if character == _BLANK:
        return "blank"
    if character in _UNSEEN or _is_noncharacter(character):
        return "unseen"
    if category in _KINDS_THAT_GO and character not in _SIGNS:
        return "unseen"
    return "mark" if category in ("Mn", "Me") else "shown"


def _may_mark(before: str, marks: int) -> bool:
    """Not without something to stand on, and not one too many."""
    return not before.isspace() and marks <= MAX_MARKS


def _may_join(joint: str, before: str, after: str) -> bool:
    """In words of scripts that join (RFC 5892, appendix A.1 and A.2, less strictly), and between pictures."""
    if joint not in (_ZWNJ, _ZWJ):
        return _may_select(joint, before, after)
    if _JOINING.match(before):
        return True
    is_picture = _PICTURE.match(before) is not None or before in ("\ufe0f", _TAG_END)
    return joint == _ZWJ and is_picture and _PICTURE.match(after) is not None


def _may_select(selector: str, before: str, after: str) -> bool:
    """Behind what has variants: pictures, key caps, ideographs, mathematical signs, Mongolian and Myanmar letters."""
    if selector in _PICTURE_SELECTORS:
        return _PICTURE.match(before) is not None or (before in "0123456789#*" and after == _KEYCAP)
    if selector >= "\U000e0100":
        return _HAN.match(before) is not None
    if selector <= "\u180f":
        return "\u1820" <= before <= "\u18aa"
    has_variants = _HAN.match(before) is not None or "\u1000" <= before <= "\u109f"
    return has_variants or unicodedata.category(before) == "Sm"


def _is_noncharacter(character: str) -> bool:
    """Code points that are none, and those set aside for what shows nothing (Default_Ignorable, unassigned)."""
    code = ord(character)
    is_none = 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
    is_ignorable = code == 0x2065 or 0xFFF0 <= code <= 0xFFF8 or 0xE0000 <= code <= 0xE0FFF
    return is_none or is_ignorable
