"""Messages of rooms are judged some seconds after they are shown, many at once: there are too many for a job each.

Rooms of streams and communities; conversations between people only where the operator wants it. What is held is taken
off the room until a moderator has looked at it.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from server.features.safety.screening.model import TextModel
from server.features.safety.screening.screening import FEWEST_WORDS, Flagging
from server.features.safety.screening.texts import text_of
from server.features.safety.screening.verdicts import Judge, Verdict, labels_of
from server.sentences.process import ModelAway
from storage.ids import least_id, made_at
from storage.postgres import Database, Row, Transaction

EVERY_S: Final = 5.0
SETTLED: Final = dt.timedelta(seconds=8)
"""Messages that are younger wait: one with a lower id may still be on its way into the log."""
MOST_BEHIND_S: Final = 120.0
"""Older ones are passed over: to look at what is shown now is worth more."""
AT_ONCE: Final = 250
BATCHES: Final = 10
MAX_CHARS: Final = 240
MOST_CASES: Final = 20
"""Of one batch, the worst first: more are for the moderators of the room."""

log = logging.getLogger("server.screening")

_LAST: Final = "select last_id from screened_chat"
_BEGIN: Final = "insert into screened_chat (last_id) values ($1) on conflict do nothing"
_READ_TO: Final = "update screened_chat set last_id = $1"
_NEW: Final = """
select m.id, left(m.text, $4) as text, m.deleted_at is not null or m."offset" <= r.cleared_to as is_deleted,
    r.is_private and not exists (select from communities c where c.id = m.room_id) as is_between_people
from chat_messages m join chat_rooms r on r.id = m.room_id
where m.id > $1 and m.id <= $2 order by m.id limit $3
"""


class Found(msgspec.Struct, frozen=True):
    """A message that is not let pass, and the version of the model that judged."""

    message_id: str
    verdict: Verdict
    version: str


class ChatScreening:
    """``model``: None where the operator wants none. ``conversations``: whether those are judged too."""

    def __init__(
        self,
        *,
        db: Database,
        judge: Judge,
        model: TextModel | None,
        flagging: Flagging,
        conversations: bool,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._db = db
        self._judge = judge
        self._model = model
        self._flagging = flagging
        self._conversations = conversations
        self._now = now

    async def look(self) -> None:
        """Judge what is new. It may be repeated: the same message makes one case."""
        for _ in range(BATCHES):
            if await self._batch() < AT_ONCE:
                return

    async def _batch(self) -> int:
        """How many messages were read."""
        rows = await self._db.fetch(
            _NEW, await self._since(), least_id((self._now() - SETTLED).timestamp()), AT_ONCE, MAX_CHARS
        )
        if not rows:
            return 0
        found = await self._judged([row for row in rows if self._is_read(row)])
        async with self._db.transaction() as tx:
            acts = [await self._flag(tx, one) for one in _worst(found)]
            await tx.execute(_READ_TO, rows[-1]["id"])
        for act_id in filter(None, acts):
            await self._flagging.settle(act_id)
        return len(rows)

    async def _since(self) -> str:
        """The id after which it goes on; at the very first time that of now."""
        await self._db.execute(_BEGIN, least_id(self._now().timestamp()))
        last: str = await self._db.fetchval(_LAST)
        oldest = self._now() - dt.timedelta(seconds=MOST_BEHIND_S)
        return last if made_at(last) >= oldest.timestamp() else least_id(oldest.timestamp())

    def _is_read(self, row: Row) -> bool:
        return bool(row["text"]) and not row["is_deleted"] and (self._conversations or not row["is_between_people"])

    async def _judged(self, rows: Sequence[Row]) -> list[Found]:
        """Those that are not let pass. What people repeat in a room is for the filter of the room."""
        labels = {row["id"]: self._judge.policy(row["text"]) for row in rows}
        for found in labels.values():
            found.pop("repeats", None)
        version = await self._score(rows, labels)
        verdicts = [(row["id"], self._judge.verdict("message", labels[row["id"]])) for row in rows]
        return [Found(one, verdict, version) for one, verdict in verdicts if verdict.outcome != "allow"]

    async def _score(self, rows: Sequence[Row], labels: dict[str, dict[str, float]]) -> str:
        """Add what the model finds. Without it the rules have the say; the version is "" then."""
        read = [row for row in rows if len(row["text"].split()) >= FEWEST_WORDS]
        if self._model is None or not read:
            return ""
        try:
            version, scores = await self._model.scores([" ".join(row["text"].split()) for row in read])
        except ModelAway as error:
            log.warning("%d messages are judged by the rules alone: %s", len(read), error)
            return ""
        for row, one in zip(read, scores, strict=True):
            labels[row["id"]] |= labels_of([one])
        return version

    async def _flag(self, tx: Transaction, one: Found) -> str | None:
        found = await text_of(tx, "message", one.message_id)
        return None if found is None else await self._flagging.flag(tx, *found, one.verdict, one.version)


def _worst(found: Sequence[Found]) -> Sequence[Found]:
    worst = sorted(found, key=lambda one: -max(one.verdict.labels.values()))
    if len(worst) > MOST_CASES:
        log.warning("%d messages at once are not let pass: %d become cases", len(worst), MOST_CASES)
    return worst[:MOST_CASES]
