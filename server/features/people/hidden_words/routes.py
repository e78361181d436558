"""``/api/v1/me/hidden-words``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from server.features.people.hidden_words.hidden_words import HiddenWords, can_match
from server.features.people.relations import require_expiry
from server.http.errors import FieldError, Problem, invalid_field
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Moment, Shape, Text, one_line
from storage.postgres import Database

MAX_CHARS: Final = 100
MOST_EVER: Final = 1_000
EXPIRES: Final = Field(description="When it is shown again; null: never")


class HiddenWordBody(Body):
    text: Annotated[
        Text,
        Field(min_length=1, max_length=MAX_CHARS, description="A word, a hashtag, or several words in a row"),
        AfterValidator(partial(one_line, at_least=1, at_most=MAX_CHARS)),
    ]
    expires_at: Annotated[Moment | None, EXPIRES] = None


class HiddenWordsBody(Body):
    words: Annotated[list[HiddenWordBody], Field(max_length=MOST_EVER, description="In place of all that there were")]


class HiddenWordShape(Shape):
    text: str
    expires_at: Annotated[datetime | None, EXPIRES]


class HiddenWordsShape(Shape):
    words: list[HiddenWordShape]


class HiddenWordRoutes:
    def __init__(
        self, *, db: Database, now: Callable[[], datetime], most: int, rate: CallRate, words: HiddenWords
    ) -> None:
        self._db = db
        self._now = now
        self._most = most
        self._rate = rate
        self._words = words

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {
            "path": "/api/v1/me/hidden-words", "tag": "people", "auth": "required", "answers": {200: HiddenWordsShape},
        }  # fmt: skip
        return [
            Operation(
                method="GET", handler=self._list, name="listHiddenWords", summary="Words that I do not want to read",
                **mine,
            ),
            Operation(
                method="PUT", handler=self._set, name="setHiddenWords", body=HiddenWordsBody,
                summary="Hide posts, notifications and comments that have these words, in any spelling",
                account_rate=self._rate, **mine,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, None]) -> Answer:
        return await self._shown(call.me.id)

    async def _set(self, call: Call[HiddenWordsBody, None]) -> Answer:
        given = call.body.words
        if len(given) > self._most:
            raise invalid_field("words", f"must be at most {self._most}")
        self._require_words(given)
        words = {one.text: one.expires_at for one in given}
        async with self._db.transaction() as tx:
            await self._words.set(tx, call.me.id, list(words.items()))
        return await self._shown(call.me.id)

    def _require_words(self, given: Sequence[HiddenWordBody]) -> None:
        unread = [
            FieldError(f"words.{at}.text", "must have letters or digits, in at most 8 words")
            for at, one in enumerate(given)
            if not can_match(one.text)
        ]
        if unread:
            raise Problem(422, unread[0].message, errors=unread)
        for at, one in enumerate(given):
            require_expiry(one.expires_at, now=self._now(), field=f"words.{at}.expires_at")

    async def _shown(self, person_id: str) -> Answer:
        rows = await self._words.list(self._db, person_id)
        words = [HiddenWordShape(text=row["text"], expires_at=row["expires_at"]) for row in rows]
        return Answer(200, HiddenWordsShape(words=words))
