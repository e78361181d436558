"""What is there for a question: the help centre's articles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.features.town.assistant.passages import Passage, bounded
from server.features.town.assistant.prompts import Language
from server.features.town.help.articles import Article, Articles

ARTICLES: Final = 3


class Retrieval:
    def __init__(self, *, articles: Articles) -> None:
        self._articles = articles

    async def passages(self, text: str, language: Language) -> Sequence[Passage]:
        return bounded(_of_article(one) for one in self._articles.search(text, language)[:ARTICLES])


def _of_article(one: Article) -> Passage:
    return Passage(kind="article", title=one.title, url=f"/help/{one.slug}", text=one.text)
