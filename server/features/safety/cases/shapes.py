"""Reports, cases, strikes and appeals as clients see them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from server.features.safety.cases.rules import Action, Kind, Reason, Severity, State
from server.http.shapes import Body, Moment, Page, PageQuery, Shape, Text, several_lines
from server.live.events import Body as EventBody
from server.socket_events import ServerEvent

MAX_TEXT: Final = 2_000

Outcome = Literal["acted", "dismissed"]
AppealState = Literal["open", "upheld", "overturned"]
Lines = Annotated[Text, AfterValidator(partial(several_lines, at_most=MAX_TEXT)), Field(max_length=MAX_TEXT)]
Words = Annotated[Lines, Field(min_length=1)]


class ReportBody(Body):
    kind: Kind
    id: UUID
    reason: Reason
    detail: Lines = ""


class ReportShape(Shape):
    """``state``: of what came of it; ``outcome``: null while it is open."""

    id: UUID
    kind: Kind
    subject_id: UUID
    reason: Reason
    detail: str
    state: Literal["open", "closed"]
    outcome: Outcome | None
    created_at: datetime
    updated_at: datetime


class MadeReport(Shape):
    report: ReportShape


class ReportsShape(Page[ReportShape]):
    """A page of reports."""


class QueueQuery(PageQuery):
    severity: Severity | None = None
    kind: Kind | None = None
    state: Annotated[State | None, Field(description="null: what is not closed")] = None


class NamedPerson(Shape):
    id: UUID
    username: str


class CaseShape(Shape):
    """``evidence``: what the thing was when it was reported first. ``strikes``: those of its owner that count now."""

    id: UUID
    kind: Kind
    subject_id: UUID
    owner: NamedPerson | None
    state: State
    severity: Severity
    reason: Annotated[Reason, Field(description="The gravest that was given")]
    evidence: dict[str, Any]
    reports: int
    strikes: int
    claimed_by: NamedPerson | None
    created_at: datetime
    reported_at: datetime
    due_at: datetime
    overdue: Annotated[bool, Field(description="Whether it should have been decided by now")]
    closed_at: datetime | None
    actions: Annotated[list[Action], Field(description="What may be done about it")]


class CasesShape(Page[CaseShape]):
    """A page of cases."""


class CaseReportShape(Shape):
    id: UUID
    reporter: str | None
    reason: Reason
    detail: str
    created_at: datetime


class ActShape(Shape):
    id: UUID
    action: Action
    actor: str | None
    reason: str
    until: datetime | None
    created_at: datetime
    reverted_at: datetime | None


class NoteShape(Shape):
    """Moderators alone see it."""

    id: UUID
    author: str | None
    text: str
    created_at: datetime


class HintShape(Shape):
    """An account that is shut out and shares something with the owner. Neighbours and families do so too."""

    person: NamedPerson
    shares: list[Literal["address", "device"]]
    suspended_until: datetime | None
    restricted_until: datetime | None


class WholeCase(CaseShape):
    """With its newest reports, all acts and the notes of moderators, the newest first. ``hints``: who its owner may be
    besides.
    """

    notes: list[NoteShape]
    hints: list[HintShape]

    newest_reports: list[CaseReportShape]
    acts: list[ActShape]


class ActionBody(Body):
    action: Action
    reason: Annotated[Words, Field(description="The person whom it concerns reads it")]
    until: Annotated[
        Moment | None, Field(description="Of `restrict` (a week unless it is given) and `suspend` (a month)")
    ] = None


class RevertBody(Body):
    reason: Lines = ""
    act_id: Annotated[UUID | None, Field(description="null: the last act that holds")] = None


class AppealShape(Shape):
    id: UUID
    text: str
    state: AppealState
    note: Annotated[str, Field(description="What the moderator wrote who decided")]
    created_at: datetime
    due_at: datetime
    decided_at: datetime | None


class StrikeShape(Shape):
    """``rule``: the reason of the reports; ``reason``: what the moderator wrote."""

    id: UUID
    action: Action
    rule: Reason
    reason: str
    kind: Kind
    subject_id: UUID
    evidence: dict[str, Any]
    until: datetime | None
    state: Literal["active", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime
    appeal: AppealShape | None


class StrikesShape(Page[StrikeShape]):
    """A page of strikes."""


class AppealBody(Body):
    text: Words


class MadeAppeal(Shape):
    appeal: AppealShape


class AppealedShape(AppealShape):
    """An appeal as moderators see it. ``may_decide``: whether you may, who must not have acted yourself."""

    person: NamedPerson
    case_id: UUID
    action: Action
    rule: Reason
    reason: str
    kind: Kind
    subject_id: UUID
    evidence: dict[str, Any]
    may_decide: bool


class AppealsShape(Page[AppealedShape]):
    """A page of appeals, those that are due first first."""


class DecisionBody(Body):
    overturn: Annotated[bool, Field(description="The act is taken back")]
    note: Words


class CaseChanged(EventBody, frozen=True, kw_only=True):
    """As in ``GET /api/v1/moderation/queue``."""

    id: str
    kind: Kind
    severity: Severity
    state: State
    reports: int


CASE: Final = ServerEvent(
    name="moderation:case",
    summary="A case is new, or another than before",
    body=CaseChanged,
    to="the sockets of moderators",
)
