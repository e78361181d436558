"""What the server itself finds fault with: a case without a reporter, with an act of nobody that waits for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from server.features.safety.cases import queries
from server.features.safety.cases.effects import Effects
from server.features.safety.cases.facts import ModerationDecided
from server.features.safety.cases.reports import Reports
from server.features.safety.cases.rules import Action, Reason
from server.features.safety.cases.subjects import Subject
from storage.audit import AuditLog
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Transaction

_IS_KNOWN: Final = """
select exists (select from cases where kind = $1 and subject_id = $2 and evidence -> 'screening' ->> 'text' = $3)
"""
_EVIDENCE: Final = "update cases set evidence = evidence || $2 where id = $1"


class Flags:
    def __init__(
        self, *, reports: Reports, effects: Effects, audit: AuditLog, ids: Ids, now: Callable[[], datetime]
    ) -> None:
        self._reports = reports
        self._effects = effects
        self._audit = audit
        self._ids = ids
        self._now = now

    async def flag(
        self,
        tx: Transaction,
        subject: Subject,
        *,
        reason: Reason,
        why: str,
        screening: Mapping[str, Any],
        action: Action | None,
    ) -> str | None:
        """The id of the act, or of the case where ``action`` is None; None where nothing is done.

        ``screening``: evidence, with the digest of what was judged as ``text``. The same text of a thing is flagged
        once, so that what a moderator has let pass stays.
        """
        await tx.execute(queries.ALONE, subject.id)
        if await tx.fetchval(_IS_KNOWN, subject.kind, subject.id, screening["text"]):
            return None
        case_id = await self._reports.note(tx, subject, reason, why)
        await tx.execute(_EVIDENCE, case_id, {"screening": dict(screening)})
        return case_id if action is None else await self._act(tx, case_id, action, why)

    async def _act(self, tx: Transaction, case_id: str, action: Action, why: str) -> str:
        now = self._now()
        case = await tx.fetchrow(queries.LOCKED, now, case_id)
        assert case is not None
        act_id = self._ids.uuid7(now.timestamp())
        undo = await self._effects.apply(tx, case, action, until=None, actor_id="", reason=why)
        await tx.execute(
            queries.ADD_ACT, act_id, case_id, None, action, why, None, {**undo, "by": "screening"}, now
        )  # fmt: skip
        await self._effects.enqueue(tx, case, act_id, action)
        detail = {"kind": case["kind"], "id": case["subject_id"]}
        await self._audit.add(tx, f"screening.{action}", actor_id=None, subject=case_id, why=why, detail=detail)
        if case["owner_id"] is not None:
            told = {"case_id": case_id, "person_id": case["owner_id"], "kind": case["kind"]}
            await publish(
                tx, ModerationDecided(**told, at=now, subject_id=case["subject_id"], action=action, reason=why)
            )
        return act_id
