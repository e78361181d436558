"""Words that a person hides, and mutes that end by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.features.people.audience import Audience
from server.features.people.hidden_words import HiddenWords
from tests.server.conftest import ApiFixture, Someone
from tests.server.kit import Kit

MATCH = "\u0627\u0644\u0645\u0628\u0627\u0631\u0627\u0629"
RESULT = "\u0646\u062a\u064a\u062c\u0629 \u0627\u0644\u0645\u0628\u0640\u0627\u0631\u0627\u0647"
"""In Arabic: the match, and the result of the match with another last letter and a tatweel."""
SOON = (datetime.now(UTC) + timedelta(hours=1)).isoformat()


async def hide(person: Someone, *words: dict[str, Any] | str) -> Any:
    given = [{"text": word} if isinstance(word, str) else word for word in words]
    return await person.ask("PUT", "/me/hidden-words", json={"words": given})


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("spoiler", "No SPOILERS? A Spoiler!"),
        ("spoiler", "s p o i l e r ahead"),
        ("spoiler", "\u0455\u0440oiler"),  # Cyrillic letters that look like s and p
        (MATCH, RESULT),
        ("game over", "well, game over now"),
    ],
)  # fmt: skip
async def test_a_hidden_word_is_seen_in_every_spelling(api: ApiFixture, word: str, text: str) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    assert (await hide(ada, word)).status == 200
    words = HiddenWords(now=lambda: datetime.now(UTC))
    hides = await words.of(api.database, ada.id)
    assert hides(text)
    assert not hides("a fine day for a walk")
    assert await words.hidden_from(api.database, text, [ada.id, bob.id]) == {ada.id}
    assert not (await words.of(api.database, None))(text)


async def test_words_are_set_as_a_whole_and_expire(api: ApiFixture) -> None:
    ada = await api.register("ada")
    answer = await hide(ada, "rain", {"text": "snow", "expires_at": SOON})
    assert [one["text"] for one in (await answer.json())["words"]] == ["rain", "snow"]
    later = HiddenWords(now=lambda: datetime.now(UTC) + timedelta(hours=2))
    assert not (await later.of(api.database, ada.id))("snow")
    assert (await later.of(api.database, ada.id))("rain")
    await hide(ada, "snow")
    listed = await (await ada.ask("GET", "/me/hidden-words")).json()
    assert listed == {"words": [{"text": "snow", "expires_at": None}]}


@pytest.mark.parametrize(
    "word",
    [
        {"text": "!!!"},
        {"text": ""},
        {"text": "x" * 101},
        {"text": "a\x00b"},
        {"text": "rain", "expires_at": "2001-01-01T00:00:00Z"},
        {"text": "rain", "expires_at": "9999-12-31T23:59:59-12:00"},
        {"text": "rain", "expires_at": 5},
        {"text": "a b c d e f g h i"},
    ],
)
async def test_what_cannot_be_hidden_is_refused(api: ApiFixture, word: dict[str, Any]) -> None:
    ada = await api.register("ada")
    assert (await hide(ada, word)).status == 422
    assert (await hide(ada, *(f"word{n}" for n in range(201)))).status == 422
    assert await (await ada.ask("GET", "/me/hidden-words")).json() == {"words": []}


async def test_a_mute_with_an_end_is_over_then(api: ApiFixture, kit: Kit) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    assert (await ada.ask("PUT", "/users/bob/mute", json={"expires_at": SOON})).status == 204
    [muted] = (await (await ada.ask("GET", "/me/mutes")).json())["items"]
    assert muted["username"] == "bob"
    assert muted["expires_at"] is not None
    assert await Audience().reached_by(api.database, bob.id, [ada.id]) == []
    await api.database.execute("update mutes set expires_at = now() - interval '1 second'")
    assert await Audience().reached_by(api.database, bob.id, [ada.id]) == [ada.id]
    assert (await (await ada.ask("GET", "/me/mutes")).json())["items"] == []
    assert (await (await ada.ask("GET", "/users/bob")).json())["viewer"]["muted"] is False
    [schedule] = [one for feature in kit.install().features for one in feature.schedules if "end_mutes" in one.name]
    assert schedule.every_s is not None
    assert schedule.every_s <= 60
    await schedule.job.run(None)  # type: ignore[arg-type]  # it has no body
    assert await api.database.fetchval("select count(*) from mutes") == 0
    names = await api.database.fetch("select name, body from facts where name = 'mute.changed' order by id")
    assert [row["body"]["is_muting"] for row in names] == [True, False]


async def test_a_mute_again_sets_another_end(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await api.register("bob")
    assert (await ada.ask("PUT", "/users/bob/mute", json={"expires_at": SOON})).status == 204
    assert (await ada.ask("PUT", "/users/bob/mute")).status == 204
    [muted] = (await (await ada.ask("GET", "/me/mutes")).json())["items"]
    assert muted["expires_at"] is None
    past = {"expires_at": "2001-01-01T00:00:00Z"}
    assert (await ada.ask("PUT", "/users/bob/mute", json=past)).status == 422
