"""The sentence encoder helps to find as far as it answers in time, and is never cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from server.features.discovery.search.folding import lexemes
from server.features.town.assistant.meaning import MAX_WAITING, Meaning
from server.features.town.assistant.questions import common_words, content_of
from server.sentences.encoder import Vectors
from server.sentences.process import ModelAway

AXES = ("money", "film", "sleep")


async def encode(texts: Sequence[str]) -> Vectors:
    """A vector along the axis of each word that a text has."""
    found = np.array([[float(axis in text) for axis in AXES] for text in texts], dtype=np.float32)
    return found / np.maximum(1.0, np.linalg.norm(found, axis=1, keepdims=True))


async def test_a_text_is_near_to_what_means_the_same() -> None:
    meaning = Meaning(encode=encode, known={"payouts": "money", "dreams": "sleep"})
    found = None
    while found is None or not found.known:
        found = await meaning.near(meaning.order("money please"), ["a film", "more money"])
    assert found.known == {"payouts": 1.0, "dreams": 0.0}
    assert found.others == [0.0, 1.0]


async def test_texts_are_encoded_once_and_those_that_are_late_leave_the_articles_their_order() -> None:
    asked: list[str] = []
    going_on = asyncio.Event()

    async def slow(texts: Sequence[str]) -> Vectors:
        asked.extend(texts)
        if "a film" in texts:
            await going_on.wait()
        return await encode(texts)

    meaning = Meaning(encode=slow, known={"payouts": "money"})
    found = await meaning.near(meaning.order("money"), ["a film", "a film", "sleep"])
    assert found is not None
    assert (found.known, found.others) == ({"payouts": 1.0}, None)
    going_on.set()
    while found is not None and found.others is None:
        found = await meaning.near(meaning.order("film"), ["sleep", "a film"])
    asked.clear()
    found = await meaning.near(meaning.order("film"), ["sleep", "a film"])
    assert found is not None
    assert (found.others, asked) == ([0.0, 1.0], ["film"])
    await meaning.close()


async def test_an_encoder_that_is_late_or_away_is_done_without_and_not_asked_for_ever() -> None:
    asked, going_on = 0, asyncio.Event()

    async def late(texts: Sequence[str]) -> Vectors:
        nonlocal asked
        asked += 1
        await going_on.wait()
        raise ModelAway("it is gone")

    meaning = Meaning(encode=late, known={"a": "b"})
    for _ in range(MAX_WAITING + 3):
        assert await meaning.near(meaning.order("money"), []) is None
    assert asked == MAX_WAITING + 1
    going_on.set()
    await meaning.close()


def test_the_words_that_every_question_has_are_left_out() -> None:
    common = frozenset(lexemes(common_words()))
    assert content_of(lexemes("How do I get a payout for my stream?"), common) == ["payout", "stream"]
    assert content_of(lexemes("كيف أبدأ البث؟"), common) == list(lexemes("أبدأ البث"))
    assert content_of(lexemes("What is it?"), common) == []
