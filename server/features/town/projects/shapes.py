"""Projects as clients see them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from server.features.people.relations import PersonShape
from server.http.operation import UUID_PATTERN
from server.http.shapes import Body, Moment, Page, Shape, Text, one_line, several_lines

MAX_TITLE: Final = 140
MAX_TEXT: Final = 5_000
MAX_COLUMNS: Final = 10
COLUMNS: Final = ("To do", "Doing", "Done")

Role = Literal["owner", "editor", "viewer"]
Title = Annotated[
    Text, AfterValidator(partial(one_line, at_least=1, at_most=MAX_TITLE)), Field(min_length=1, max_length=MAX_TITLE)
]
LongText = Annotated[Text, AfterValidator(partial(several_lines, at_most=MAX_TEXT)), Field(max_length=MAX_TEXT)]
Column = Annotated[Text, AfterValidator(partial(one_line, at_least=1, at_most=40)), Field(min_length=1, max_length=40)]
Position = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
Username = Annotated[str, Field(pattern="^[A-Za-z0-9_]{3,30}$")]


def _distinct(columns: list[str]) -> list[str]:
    if len(set(columns)) != len(columns):
        raise ValueError("must differ from one another")
    return columns


Columns = Annotated[
    list[Column],
    AfterValidator(_distinct),
    Field(min_length=1, max_length=MAX_COLUMNS, description="Of the board, in order"),
]


class NewProject(Body):
    title: Title
    description: LongText = ""
    columns: Annotated[Columns, Field(default_factory=lambda: list(COLUMNS))]


class ProjectChange(Body):
    """What is left out stays. Tasks of a column that goes are in the first one."""

    title: Annotated[Title, Field(default_factory=str)]
    description: Annotated[LongText, Field(default_factory=str)]
    columns: Annotated[Columns, Field(default_factory=list)]


class ProjectShape(Shape):
    id: UUID
    title: str
    description: str
    columns: list[str]
    created_at: datetime
    role: Annotated[Role, Field(description="Yours: owners do everything, editors write, viewers read")]
    members: Annotated[int, Field(description="How many there are")]


class MadeProject(Shape):
    project: ProjectShape


class ProjectsShape(Page[ProjectShape]):
    """A page of projects."""


class MemberRole(Body):
    role: Role = "editor"


class ProjectMemberShape(PersonShape):
    role: Role
    since: datetime


class ProjectMembersShape(Page[ProjectMemberShape]):
    """A page of members."""


class NewTask(Body):
    title: Title
    text: LongText = ""
    column: Annotated[Column | None, Field(description="Without one, the first")] = None
    position: Annotated[Position | None, Field(description="Its place in the column; without one, the last")] = None
    assignee: Annotated[Username | None, Field(description="A member")] = None
    due_at: Moment | None = None


class TaskChange(Body):
    """What is left out stays."""

    title: Annotated[Title, Field(default_factory=str)]
    text: Annotated[LongText, Field(default_factory=str)]
    column: Annotated[Column, Field(default_factory=str)]
    position: Annotated[Position, Field(default_factory=float)]
    assignee: Username | None = None
    due_at: Moment | None = None


class TaskShape(Shape):
    id: UUID
    project_id: UUID
    title: str
    text: str
    column: str
    position: Annotated[float, Field(description="Tasks of a column stand in this order, then in that of their ids")]
    assignee: Annotated[str | None, Field(description="A username")]
    due_at: datetime | None
    created_at: datetime
    changed_at: datetime


class MadeTask(Shape):
    task: TaskShape


class TasksShape(Page[TaskShape]):
    """A page of tasks, the oldest first."""


class NewDocument(Body):
    title: Title


class NewDocumentIn(NewDocument):
    project_id: Annotated[str, Field(pattern=UUID_PATTERN)]


class DocumentShape(Shape):
    id: UUID
    project_id: UUID
    title: str
    size: Annotated[int, Field(description="Bytes of its content")]
    seq: Annotated[int, Field(description="How many updates it has taken")]
    created_at: datetime
    changed_at: datetime
    role: Annotated[Role, Field(description="Yours in its project")]


class MadeDocument(Shape):
    document: DocumentShape


class DocumentsShape(Page[DocumentShape]):
    """A page of documents, the newest first."""


class VersionShape(Shape):
    """The document as it was after ``seq`` updates."""

    seq: int
    at: datetime
    size: int


class VersionsShape(Page[VersionShape]):
    """A page of versions, the newest first."""


class VersionTextShape(Shape):
    seq: int
    at: datetime
    text: str


def given(change: BaseModel) -> dict[str, object]:
    return change.model_dump(exclude_unset=True)
