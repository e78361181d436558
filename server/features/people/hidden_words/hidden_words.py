"""Which texts a person does not want to read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Final

from actors.screening import BannedWord, ChatFilter, Screen
from storage.plans import PlannedOnce
from storage.postgres import Reads, Row, Transaction

Hides = Callable[[str], bool]
"""Whether a text has a word that is hidden."""
COMPILED: Final = 1_024
"""Lists of words that are kept compiled: those of the people who have read lately."""


def nothing_hidden(_: str) -> bool:
    return False


class HiddenWords:
    """Reads in the caller's transaction, one statement each. A word that has expired hides nothing."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now

    async def of(self, reads: Reads, person_id: str | None) -> Hides:
        """What judges texts for one person; nothing is hidden from a guest (None)."""
        rows = await reads.fetch(_OF, [person_id], self._now()) if person_id is not None else []
        return hides(tuple(row["text"] for row in rows))

    async def hidden_from(self, reads: Reads, text: str, person_ids: Collection[str]) -> set[str]:
        """Those of the persons from whom the text is hidden."""
        rows = await reads.fetch(_OF, list(person_ids), self._now()) if person_ids else []
        words = {person: tuple(row["text"] for row in of) for person, of in groupby(rows, lambda row: row["person_id"])}
        return {person for person, texts in words.items() if hides(texts)(text)}

    async def list(self, reads: Reads, person_id: str) -> Sequence[Row]:
        """The person's words that have not expired, as they wrote them, with ``expires_at``."""
        return await reads.fetch(_OF, [person_id], self._now())

    async def set(self, tx: Transaction, person_id: str, words: Sequence[tuple[str, datetime | None]]) -> None:
        """In place of all that the person had."""
        await tx.execute(_LOCK, person_id)
        await tx.execute(_CLEAR, person_id, [text for text, _ in words])
        await tx.execute(_SET, person_id, [text for text, _ in words], [until for _, until in words])


def hides(words: Sequence[str]) -> Hides:
    return _compiled(tuple(words)) if words else nothing_hidden


@lru_cache(maxsize=COMPILED)
def _compiled(words: tuple[str, ...]) -> Hides:
    screen = Screen(ChatFilter(words=tuple(BannedWord(text=word) for word in words)))
    return lambda text: screen.judge(text).action != "allow"


def can_match(word: str) -> bool:
    """Whether there is something in a word that a text can have."""
    return _compiled((word,))(word)


OWN: Final = """
(select array_agg(w.text order by w.text) from hidden_words w
 where w.person_id = {person} and (w.expires_at is null or w.expires_at > {now}))
"""
"""SQL of the words of one person, for statements that read what they may hide: null without any."""
_OF: Final = PlannedOnce("""
select person_id, text, expires_at from hidden_words
where person_id = any($1::uuid[]) and (expires_at is null or expires_at > $2) order by person_id, text
""")
_LOCK: Final = "select pg_advisory_xact_lock(hashtextextended($1::text, 8))"
_CLEAR: Final = "delete from hidden_words where person_id = $1 and text <> all($2::text[])"
_SET: Final = """
insert into hidden_words (person_id, text, expires_at)
select $1, w.text, w.until from unnest($2::text[], $3::timestamptz[]) as w (text, until)
on conflict (person_id, text) do update set expires_at = excluded.expires_at
"""
