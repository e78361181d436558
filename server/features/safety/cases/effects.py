"""What an act does to the thing and the person that a case is about, and how it is taken back.

What is written in Postgres alone happens in the act's transaction. What goes through an actor (a stream, a room) is a
job: it reads whether the act holds, and makes it so, however often it runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from actors.chat_messages import RemoveChat, RestoreChat
from actors.restrictions import Restrictions
from actors.runtime import ActorError, DomainError, Node
from actors.stream_messages import EndStream, RestrictStream
from server.features.people.accounts.suspensions import Suspensions
from server.features.safety.cases import queries
from server.features.safety.cases.rules import Action
from server.features.social.posts import Posts
from server.features.videos.library import set_restrictions
from server.jobs import Attempt, Job, Jobs
from server.live.mutes import LiveMutes
from storage.errors import StorageError
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change

RESTRICTED_FOR: Final = timedelta(days=7)
SUSPENDED_FOR: Final = timedelta(days=30)
SENSITIVE: Final = "Sensitive content"
SETTLED: Final[frozenset[Action]] = frozenset({"hide", "remove", "blur", "mute", "end"})
"""What a job carries out about streams, videos and messages."""

log = logging.getLogger("server.cases")


class Settle(msgspec.Struct, frozen=True):
    act_id: str


class Effects:
    def __init__(
        self,
        *,
        db: Database,
        node: Node,
        jobs: Jobs,
        posts: Posts,
        suspensions: Suspensions,
        mutes: LiveMutes,
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._node = node
        self._jobs = jobs
        self._posts = posts
        self._suspensions = suspensions
        self._mutes = mutes
        self._now = now
        self.job = Job(name="cases.settle", body=Settle, run=self._run, timeout_s=30.0)

    def until(self, action: Action, given: datetime | None) -> datetime | None:
        """How long an act holds."""
        if action == "restrict":
            return given or self._now() + RESTRICTED_FOR
        return given or self._now() + SUSPENDED_FOR if action == "suspend" else None

    async def apply(
        self, tx: Transaction, case: Row, action: Action, *, until: datetime | None, actor_id: str, reason: str
    ) -> dict[str, Any]:
        """What ``undo`` needs. Raises a ``DomainError`` where there is nothing any more to act on."""
        owner_id = case["owner_id"]
        if action == "restrict":
            before = await tx.fetchval(queries.RESTRICT, owner_id, until)
            await note_change(tx, "account", owner_id)
            return {"restricted_until": before.isoformat() if before is not None else None}
        if action == "suspend":
            before = await tx.fetchval(queries.SUSPENDED, owner_id)
            await self._suspend(tx, owner_id, until, actor_id, reason)
            return {"suspended_until": before.isoformat() if before is not None else None}
        if action in ("hide", "remove"):
            return await self._withhold(tx, case, for_good=action == "remove")
        return await self._blur(tx, case) if action == "blur" else {}

    async def undo(self, tx: Transaction, case: Row, act: Row, *, actor_id: str, reason: str) -> None:
        undo: Mapping[str, Any] = act["undo"]
        if "restricted_until" in undo:
            await tx.fetchval(queries.RESTRICT, case["owner_id"], _time(undo["restricted_until"]))
            await note_change(tx, "account", case["owner_id"])
        if "suspended_until" in undo:
            await self._suspend(tx, case["owner_id"], _time(undo["suspended_until"]), actor_id, reason)
        if "content_warning" in undo and case["kind"] == "post":
            await tx.execute(queries.WARN_OF_POST, case["subject_id"], undo["content_warning"])
        if "access" in undo:
            await tx.fetchval(queries.OPENNESS, case["subject_id"], undo["access"])
        is_withheld = await tx.fetchval(queries.WITHHELD_OTHERWISE, case["id"], act["id"])
        if case["kind"] == "post" and act["action"] in ("hide", "remove") and not is_withheld:
            await self._posts.restore(tx, case["subject_id"])

    async def enqueue(self, tx: Transaction, case: Row, act_id: str, action: Action) -> None:
        if action in SETTLED and case["kind"] in ("stream", "video", "message"):
            await self._jobs.enqueue(tx, self.job, Settle(act_id), priority="high")

    async def settle_soon(self, act_id: str) -> None:
        """As the job does, which does it again where this fails."""
        try:
            await self._settle(act_id)
        except (ActorError, DomainError, StorageError) as error:
            log.warning("act %s is left to its job: %s", act_id, error)

    async def _run(self, attempt: Attempt[Settle]) -> None:
        await self._settle(attempt.body.act_id)

    async def _settle(self, act_id: str) -> None:
        row = await self._db.fetchrow(_SETTLED, act_id)
        if row is None or row["action"] not in SETTLED:
            return
        if row["kind"] == "message":
            await self._settle_message(row)
        elif row["action"] == "mute":
            await self._mute_stream(row)
        elif row["kind"] in ("stream", "video"):
            await self._restrict_stream(row)
            await self._restrict_video(row)

    async def _settle_message(self, row: Row) -> None:
        """Taken off, or shown again in its place; what its author or the room's moderators deleted stays deleted."""
        if not _holds(row) and row["is_withheld_otherwise"]:
            return
        given: dict[str, Any] = {"by": row["actor_id"], "message_id": row["subject_id"], "reason": row["reason"]}
        change = RemoveChat(**given) if _holds(row) else RestoreChat(**given)
        try:
            await self._node.ref("chat", row["room_id"]).ask(change)
        except DomainError as error:
            if error.code != "not_found":
                raise

    async def _mute_stream(self, row: Row) -> None:
        """It has its sound again when no act of this case takes it away any more."""
        await self._mutes.silence(row["subject_id"], is_silenced=_holds(row) or row["is_muted_otherwise"])

    async def _restrict_stream(self, row: Row) -> None:
        """Of a recording, its stream, which has the same id."""
        stored = await self._db.fetchrow(queries.RESTRICTIONS, row["subject_id"])
        if stored is None:
            return
        now = msgspec.convert(stored["restrictions"] or {}, Restrictions)
        wanted = _wanted(now, row)
        ref = self._node.ref("stream", row["subject_id"])
        if wanted != now:
            await ref.ask(RestrictStream(restrictions=wanted))
        if _holds(row) and row["action"] in ("remove", "end"):
            await ref.ask(EndStream(reason="ended by a moderator"))

    async def _restrict_video(self, row: Row) -> None:
        """One that was uploaded; a recording has no restrictions of its own."""
        async with self._db.transaction() as tx:
            stored = await tx.fetchrow(queries.VIDEO_RESTRICTIONS, row["subject_id"])
            if stored is not None:
                now = msgspec.convert(stored["restrictions"] or {}, Restrictions)
                wanted = _wanted(now, row)
                await set_restrictions(tx, row["subject_id"], wanted)

    async def _suspend(
        self, tx: Transaction, person_id: str, until: datetime | None, actor_id: str, reason: str
    ) -> None:
        await self._suspensions.suspend(tx, person_id, until, actor_id=actor_id, ip="", why=reason, reason=reason)

    async def _withhold(self, tx: Transaction, case: Row, *, for_good: bool) -> dict[str, Any]:
        if case["kind"] == "post" and not await self._posts.withhold(tx, case["subject_id"], for_good=for_good):
            raise DomainError("gone", "The post was deleted meanwhile.")
        if case["kind"] == "community":
            return {"access": await tx.fetchval(queries.OPENNESS, case["subject_id"], "invite")}
        return {}

    async def _blur(self, tx: Transaction, case: Row) -> dict[str, Any]:
        """Of a post at once; of a stream or video by the job."""
        sql = queries.WARNED_OF[case["kind"]]
        before = await tx.fetchval(sql, case["subject_id"])
        if case["kind"] == "post":
            await tx.execute(queries.WARN_OF_POST, case["subject_id"], before or SENSITIVE)
        return {"content_warning": before}


def _wanted(now: Restrictions, row: Row) -> Restrictions:
    """With what an act changes about them."""
    holds = _holds(row)
    if row["action"] == "blur":
        before = row["undo"].get("content_warning") or ""
        return msgspec.structs.replace(now, content_warning=(before or SENSITIVE) if holds else before)
    if row["action"] == "end":
        return now
    return msgspec.structs.replace(now, withheld=holds or row["is_withheld_otherwise"])


def _holds(row: Row) -> bool:
    return row["reverted_at"] is None


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


_SETTLED: Final = """
select a.action, a.actor_id, a.reason, a.reverted_at, a.undo, c.kind, c.subject_id, c.room_id,
    exists (select from case_acts o where o.case_id = a.case_id and o.id <> a.id and o.reverted_at is null
        and o.action in ('hide', 'remove')) as is_withheld_otherwise,
    exists (select from case_acts o join cases d on d.id = o.case_id where d.subject_id = c.subject_id
        and o.id <> a.id and o.reverted_at is null and o.action = 'mute') as is_muted_otherwise
from case_acts a join cases c on c.id = a.case_id where a.id = $1
"""
