"""Communities as clients see them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from server.features.people.relations import PersonShape
from server.features.social.communities import rules
from server.features.social.posts import PostShape, PostsShape
from server.http.operation import NAME
from server.http.shapes import Body, Page, PageQuery, Shape, Text, one_line, several_lines

MAX_QUERY: Final = 100

Name = Annotated[
    str,
    StringConstraints(pattern=NAME.pattern),
    Field(description="Its address: letters, digits, `_` and `-`; unique whatever the case", examples=["walkers"]),
]
Title = Annotated[
    Text,
    AfterValidator(partial(one_line, at_least=1, at_most=rules.MAX_TITLE)),
    Field(min_length=1, max_length=rules.MAX_TITLE),
]
Description = Annotated[
    Text,
    AfterValidator(partial(several_lines, at_most=rules.MAX_DESCRIPTION)),
    Field(max_length=rules.MAX_DESCRIPTION),
]
Rules = Annotated[
    Text, AfterValidator(partial(several_lines, at_most=rules.MAX_RULES)), Field(max_length=rules.MAX_RULES)
]
Access = Annotated[
    rules.Access,
    Field(description="`open`: anybody joins; `approval`: moderators let in; `invite`: only whom they ask in"),
]


def _open() -> rules.Access:
    return "open"


class NewCommunity(Body):
    name: Name
    title: Title
    description: Description = ""
    rules: Rules = ""
    access: Access = "open"


class CommunityChange(Body):
    """What is left out stays."""

    title: Annotated[Title, Field(default_factory=str)]
    description: Annotated[Description, Field(default_factory=str)]
    rules: Annotated[Rules, Field(default_factory=str)]
    access: Annotated[Access, Field(default_factory=_open)]


class RoleChange(Body):
    role: Annotated[
        rules.Role, Field(description="`owner` hands the community over: who did so is a moderator from then on")
    ]


class Ban(Body):
    reason: Annotated[Text, AfterValidator(partial(one_line, at_most=500)), Field(max_length=500)] = ""


class CountsShape(Shape):
    members: int


class ViewerShape(Shape):
    """How you are in the community."""

    state: Annotated[rules.State | None, Field(description="null: not at all")]
    role: Annotated[rules.Role | None, Field(description="null for who is no member")]


class CommunityShape(Shape):
    id: UUID
    name: str
    title: str
    description: str
    rules: str
    access: Access
    room_id: Annotated[UUID | None, Field(description="The room of its chat; null for who is no member")]
    created_at: datetime
    counts: CountsShape
    viewer: Annotated[ViewerShape | None, Field(description="null for guests")]


class MadeCommunity(Shape):
    community: CommunityShape


class CommunitiesQuery(PageQuery):
    q: Annotated[str, StringConstraints(max_length=MAX_QUERY), Field(description="In the name or the title")] = ""
    joined: Annotated[bool, Field(description="Only those that you are in")] = False


class CommunitiesShape(Page[CommunityShape]):
    """A page of communities."""


class MemberShape(PersonShape):
    role: rules.Role
    since: Annotated[datetime, Field(description="When they joined")]


class MembersShape(Page[MemberShape]):
    """A page of members."""


class OutsiderShape(PersonShape):
    since: Annotated[datetime, Field(description="When they asked, or were banned")]


class ActShape(Shape):
    """What a moderator did."""

    id: UUID
    at: datetime
    action: Annotated[str, Field(examples=["banned", "post_removed"])]
    by: Annotated[PersonShape | None, Field(description="null: an account that is gone")]
    person: Annotated[PersonShape | None, Field(description="Whom it concerns; null: nobody, or who is gone")]
    why: str
    detail: dict[str, Any]


class ActsShape(Page[ActShape]):
    """A page of the log of moderators."""


class PostsOfCommunityShape(PostsShape):
    pinned: Annotated[list[PostShape], Field(description="Pinned posts, the newest pin first; on the first page")]


class PinBody(Body):
    announce: Annotated[bool, Field(description="Notify all members")] = False


class TakeDown(Body):
    reason: Annotated[Text, AfterValidator(partial(one_line, at_most=500)), Field(max_length=500)] = ""


class OutsidersShape(Page[OutsiderShape]):
    """A page of people who ask to be let in, or who are banned."""
