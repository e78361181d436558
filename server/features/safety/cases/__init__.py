"""Cases: what people report, what moderators decide about it, the strikes that it gives, and appeals against them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.people.accounts.suspensions import Suspensions
from server.features.safety.cases.effects import Effects
from server.features.safety.cases.evasion import COLLECT_S, PRUNE_S, Evasion
from server.features.safety.cases.flags import Flags
from server.features.safety.cases.moderation import Moderation
from server.features.safety.cases.notes import MAX_NOTES, MAX_TEMPLATES, Notes
from server.features.safety.cases.reports import Reports
from server.features.safety.cases.routes import ModerationRoutes, ReportRoutes
from server.features.safety.cases.rules import APPEAL_DUE, CLAIM_LASTS, STRIKE_LASTS
from server.features.safety.cases.shapes import CASE, MAX_TEXT
from server.features.safety.cases.strikes import Strikes
from server.features.safety.cases.subjects import Subject, Subjects
from server.features.safety.cases.transparency import Transparency
from server.features.social.posts import Posts
from server.http.encryption import Encryption
from server.http.limits import hourly
from server.jobs import repeated
from server.live.mutes import LiveMutes
from storage.postgres import Transaction

__all__ = ["CasesRoom", "Flags", "Subject", "build"]

REPORTS_PER_HOUR: Final = 60
ACTS_PER_HOUR: Final = 1_200


@dataclass(frozen=True, kw_only=True)
class CasesRoom:
    """``flags``: for rooms that find fault with things. ``settle`` carries an act of theirs out at once, after the
    commit; the job does it where that fails.
    """

    feature: Feature
    flags: Flags
    settle: Callable[[str], Awaitable[None]]


def build(
    platform: Platform,
    *,
    posts: Posts,
    suspensions: Suspensions,
    encryption: Encryption,
    when_changed: Callable[[], Awaitable[None]],
) -> CasesRoom:
    """``when_changed``: this node need not wait to find out who may see what."""
    effects = Effects(
        db=platform.db,
        node=platform.node,
        jobs=platform.jobs,
        posts=posts,
        suspensions=suspensions,
        mutes=LiveMutes(db=platform.db, node=platform.node),
        now=platform.now,
    )
    reports = Reports(
        db=platform.db, subjects=Subjects(posts=posts), publish=platform.publish, ids=platform.ids, now=platform.now
    )
    evasion = Evasion(db=platform.db, encryption=encryption, now=platform.now)
    moderation = Moderation(
        db=platform.db,
        effects=effects,
        evasion=evasion,
        audit=platform.audit,
        publish=platform.publish,
        ids=platform.ids,
        now=platform.now,
        when_changed=when_changed,
    )
    strikes = Strikes(db=platform.db, moderation=moderation, audit=platform.audit, ids=platform.ids, now=platform.now)
    mine = ReportRoutes(reports=reports, strikes=strikes, rate=hourly("reports", REPORTS_PER_HOUR))
    rate = hourly("moderation", ACTS_PER_HOUR)
    moderators = ModerationRoutes(moderation=moderation, strikes=strikes, rate=rate)
    notes = Notes(db=platform.db, audit=platform.audit, ids=platform.ids, now=platform.now, rate=rate)
    feature = Feature(
        name="cases",
        operations=[
            *mine.operations(),
            *moderators.operations(),
            *notes.operations(),
            *Transparency(db=platform.db, now=platform.now).operations(),
        ],
        sent=[CASE],
        jobs=[effects.job],
        schedules=[
            repeated("cases.evasion", evasion.collect, every_s=COLLECT_S),
            repeated("cases.evasion_prune", evasion.prune, every_s=PRUNE_S),
        ],
        personal_data=PersonalData(
            tables=frozenset({"cases", "reports", "case_acts", "case_notes", "strikes", "appeals", "evasion_signals"}),
            sections=SECTIONS,
            erase=_erase,
        ),
        limits={
            "reports_per_hour": REPORTS_PER_HOUR,
            "report_detail": MAX_TEXT,
            "strike_days": STRIKE_LASTS.days,
            "appeal_days": APPEAL_DUE.days,
            "case_notes": MAX_NOTES,
            "case_templates": MAX_TEMPLATES,
            "claim_s": CLAIM_LASTS.total_seconds(),
        },
    )
    flags = Flags(reports=reports, effects=effects, audit=platform.audit, ids=platform.ids, now=platform.now)
    return CasesRoom(feature=feature, flags=flags, settle=effects.settle_soon)


SECTIONS: Final = (
    rows_by_id(
        "reports",
        "r.id, c.kind, c.subject_id, r.reason, r.detail, r.created_at, r.outcome",
        "reports r join cases c on c.id = r.case_id where r.reporter_id = $1",
        "r.id",
    ),
    rows_by_id(
        "strikes",
        "s.id, a.action, a.reason, a.until, s.created_at, s.expires_at, s.revoked_at",
        "strikes s join case_acts a on a.id = s.act_id where s.person_id = $1",
        "s.id",
    ),
    rows_by_id("case_notes", "id, case_id, text, created_at", "case_notes where author_id = $1"),
    ExportSection(
        name="evasion_signals",
        sql="select kind, encode(digest, 'hex') as digest, seen_at from evasion_signals"
        " where person_id = $1 and (kind, encode(digest, 'hex')) > ($2, $3) order by 1, 2 limit $4",
        key=("kind", "digest"),
        start=("", ""),
    ),
    rows_by_id("appeals", "id, text, state, note, created_at, decided_at", "appeals where person_id = $1"),
)

_ERASE: Final = (
    "delete from strikes where person_id = $1",
    "delete from evasion_signals where person_id = $1",
    "update cases set owner_id = null, evidence = '{}' where owner_id = $1",
    "update cases set claimed_by = null, claimed_until = null where claimed_by = $1",
    "update reports set reporter_id = null, detail = '' where reporter_id = $1",
    "update case_acts set actor_id = null where actor_id = $1",
    "update case_notes set author_id = null where author_id = $1",
    "update appeals set decided_by = null where decided_by = $1",
)


async def _erase(tx: Transaction, person_id: str) -> None:
    """What moderators decided stays, without the person; so do the reports that others made."""
    for sql in _ERASE:
        await tx.execute(sql, person_id)
