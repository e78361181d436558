"""The help centre: Markdown files that come with the server, and the operator's own, held in memory and searched."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

from server.features.town.help.shapes import Language

SHIPPED: Final = Path(__file__).parent / "articles"
MAX_ARTICLES: Final = 1_000
MAX_BYTES: Final = 200_000
EXCERPT: Final = 200
_SLUG: Final = re.compile("^[a-z0-9-]{1,64}$")
_TITLE_WEIGHT: Final = 4
_MARKS: Final = (
    (re.compile(r"^\s*(```|~~~).*$", re.MULTILINE), ""),
    (re.compile(r"^\s*\|?[\s:|-]*-{3}[\s:|-]*$", re.MULTILINE), ""),
    (re.compile(r"^\s{0,3}(#{1,6}|>+|[-+*]|\d{1,9}[.)])\s+", re.MULTILINE), ""),
    (re.compile(r"!?\[([^]\n]*)\]\([^)\n]*\)"), r"\1"),
    (re.compile(r"(\*{1,3}|~~)(?=\S)([^\n]*?\S)\1"), r"\2"),
    (re.compile(r"(?<!\w)(_{1,3})(?=\S)([^\n]*?\S)\1(?!\w)"), r"\2"),
    (re.compile(r"`+|\s\|\s|^\||\|$", re.MULTILINE), " "),
)
"""Of Markdown, and what stands in their place: fences, rules, beginnings of lines, links, emphasis, code and tables."""
log = logging.getLogger("server.help")

Words = Callable[[str], Iterable[str]]
"""The words of a text, in one form each."""


@dataclass(frozen=True)
class Article:
    slug: str
    language: Language
    title: str
    text: str
    in_title: frozenset[str] = field(repr=False)
    in_text: frozenset[str] = field(repr=False)


class Articles:
    """``folder``: the operator's, with ``en`` and ``ar`` in it; one of theirs replaces ours of the same name."""

    def __init__(self, *, words: Words, folder: Path | None) -> None:
        self._words = words
        self._all = {**_shipped(words), **(_read(folder, words) if folder is not None else {})}

    def one(self, slug: str, language: Language) -> Article | None:
        """In the language, or else in another."""
        found = [self._all.get((slug, each)) for each in (language, *get_args(Language))]
        return next((one for one in found if one is not None), None)

    def search(self, text: str, language: Language) -> Sequence[Article]:
        """The best first; without words all, by their names. Each once: found by what it says in any language, and
        told in this one where it is written in it.
        """
        asked = frozenset(self._words(text))
        best: dict[str, int] = {}
        for (slug, _), one in self._all.items():
            best[slug] = max(best.get(slug, 0), _score(one, asked))
        found = sorted((slug for slug, score in best.items() if score or not asked), key=lambda one: (-best[one], one))
        told = (self.one(slug, language) for slug in found)
        return [article for article in told if article is not None]


@cache
def _shipped(words: Words) -> Mapping[tuple[str, Language], Article]:
    """They are files of the program, which stay as they are for as long as it runs."""
    return _read(SHIPPED, words)


def _read(folder: Path, words: Words) -> dict[tuple[str, Language], Article]:
    found: dict[tuple[str, Language], Article] = {}
    for language in get_args(Language):
        for path in sorted((folder / language).glob("*.md"))[:MAX_ARTICLES]:
            article = _parsed(path, language, words)
            if article is not None:
                found[article.slug, language] = article
    return found


def _parsed(path: Path, language: Language, words: Words) -> Article | None:
    try:
        if _SLUG.match(path.stem) is None or path.stat().st_size > MAX_BYTES:
            raise ValueError(f"a name of a-z, 0-9 and -, and at most {MAX_BYTES} bytes are taken")
        title, _, text = path.read_text("utf-8").strip().partition("\n")
    except (OSError, ValueError) as error:
        log.warning("the article %s is left out: %s", path, error)
        return None
    title = title.removeprefix("#").strip()
    return Article(path.stem, language, title, text.strip(), frozenset(words(title)), frozenset(words(text)))


def _score(article: Article, asked: frozenset[str]) -> int:
    return _TITLE_WEIGHT * len(asked & article.in_title) + len(asked & article.in_text)


def excerpt_of(article: Article) -> str:
    return " ".join(plain_of(article.text).split())[:EXCERPT].rstrip()


def plain_of(markdown: str) -> str:
    """What it says, without the marks. Those that are part of a word, as in ``stream_key``, stay."""
    for pattern, instead in _MARKS:
        markdown = pattern.sub(instead, markdown)
    return markdown


def language_of(text: str, accepted: str) -> Literal["en", "ar"]:
    """That of the words, or else the one that ``Accept-Language`` names first."""
    if any("؀" <= character <= "ۿ" for character in text):
        return "ar"
    if text.strip():
        return "en"
    return "ar" if accepted.strip().lower().startswith("ar") else "en"
