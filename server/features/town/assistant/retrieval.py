"""What is there for a question: articles, what people have made public to the asker, and the asker's own things.

Everything comes through the verbs by which the rooms answer the asker's own calls. Words find, and the sentence
encoder, as far as it answers in time, puts the nearest first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final, Protocol

from server.features.town.assistant.meaning import Meaning
from server.features.town.assistant.passages import Passage, bounded
from server.features.town.assistant.prompts import Language
from server.features.town.assistant.questions import common_words, content_of, words_of_own
from server.features.town.help.articles import Article, Articles, Words, plain_of
from server.live.viewings import Viewer
from storage.errors import Unavailable

ARTICLES: Final = 3
FOUND: Final = 6
OWN: Final = 2
NEAR: Final = 0.35
"""The least cosine of an article that shares no word with the question."""
FAR: Final = 0.1
"""What people wrote that is farther than this is left out."""


class Finds(Protocol):
    """The part of the search that questions use."""

    async def about(self, text: str, kinds: Sequence[Any], viewer: Viewer, limit: int) -> list[dict[str, Any]]: ...


OwnThings = Callable[[str], Awaitable[Sequence[Passage]]]
"""A person's latest, for the person."""


class Retrieval:
    """``own``: rooms that hold things of a person's own. ``words``: a text's, in one form each."""

    def __init__(
        self, *, articles: Articles, finds: Finds, own: Sequence[OwnThings], words: Words, meaning: Meaning | None
    ) -> None:
        self._articles = articles
        self._finds = finds
        self._own = own
        self._words = words
        self._meaning = meaning
        self._common = _forms(common_words(), words)
        self._of_own = _forms(words_of_own(), words)

    async def passages(self, text: str, language: Language, asker: Viewer) -> Sequence[Passage]:
        order = self._meaning.order(text) if self._meaning is not None else None
        asked = content_of(self._words(text), self._common)
        found, own = await asyncio.gather(self.found(" ".join(asked), asker), self._own_of(frozenset(asked), asker))
        articles = self._articles.search(" ".join(asked), language)[:ARTICLES] if asked else []
        near = await self._meaning.near(order, [_whole(one) for one in found]) if self._meaning is not None else None
        if near is not None:
            articles = self._nearest(articles, near.known, language)
            found = [one for score, one in _ordered(near.others, found) if score >= FAR] if near.others else found
        return bounded([*own, *map(_of_article, articles), *found])

    async def found(self, text: str, asker: Viewer, is_live: bool = False) -> Sequence[Passage]:
        """What people have written and shown. Nothing where the search is away for a moment."""
        kinds = ("stream",) if is_live else ("stream", "post", "recording", "clip")
        try:
            items = await self._finds.about(text, kinds, asker, FOUND)
        except Unavailable:
            return []
        return [_of_item(one) for one in items if not is_live or one["state"] == "live"]

    async def _own_of(self, asked: frozenset[str], asker: Viewer) -> Sequence[Passage]:
        """Those that share a word with the question, or all of the latest where it asks for such things."""
        if asker.id is None:
            return []
        latest = chain.from_iterable(await asyncio.gather(*(each(asker.id) for each in self._own)))
        is_asked_for = bool(asked & self._of_own)
        return [one for one in latest if is_asked_for or asked & frozenset(self._words(one.title))][:OWN]

    def _nearest(
        self, by_words: Sequence[Article], scores: Mapping[str, float], language: Language
    ) -> Sequence[Article]:
        """The best by words, then the nearest of the others."""
        slugs = {one.slug for one in by_words[:1]}
        others = sorted(
            (one for one in self._articles.search("", language) if one.slug not in slugs),
            key=lambda one: -scores.get(key_of(one), 0.0),
        )
        near = [one for one in others if scores.get(key_of(one), 0.0) >= NEAR]
        every = dict.fromkeys([one.slug for one in [*by_words[:1], *near, *by_words[1:]]])
        known = {one.slug: one for one in [*by_words, *near]}
        return [known[slug] for slug in every][:ARTICLES]


@cache
def _forms(text: str, words: Words) -> frozenset[str]:
    return frozenset(words(text))


def key_of(article: Article) -> str:
    return f"{article.language}/{article.slug}"


def known_texts(articles: Articles) -> Mapping[str, str]:
    """For ``Meaning``."""
    languages: tuple[Language, ...] = ("en", "ar")
    return {key_of(one): f"{one.title}. {one.text}" for of in languages for one in articles.search("", of)}


def _whole(one: Passage) -> str:
    return f"{one.title}. {one.text}"


def _ordered(scores: Sequence[float], found: Iterable[Passage]) -> list[tuple[float, Passage]]:
    return sorted(zip(scores, found, strict=True), key=lambda pair: -pair[0])


def _of_article(one: Article) -> Passage:
    return Passage(kind="article", title=one.title, url=f"/help/{one.slug}", text=plain_of(one.text))


def _of_item(item: Mapping[str, Any]) -> Passage:
    """``item``: as a search shows it."""
    kind = item["kind"]
    if kind == "post":
        by = item["author"]["display_name"] or item["author"]["username"]
        return Passage(kind="post", title=by, url=f"/posts/{item['id']}", text=item["text"])
    if kind == "clip":
        return Passage(kind="clip", title=item["title"], url=f"/clips/{item['id']}", text=item["owner"]["username"])
    about = "; ".join(str(one) for one in (item["state"], item["category"], item["description"]) if one)
    text = f"@{item['owner']['username']}: {about}"
    return Passage(kind=kind, title=item["title"], url=f"/watch/{item['id']}", text=text)
