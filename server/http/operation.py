"""How a feature says what it answers: one ``Operation`` is a route, its validation and its documentation at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel

from server.http.identity import Caller
from server.http.limits import CallRate
from server.scopes import Need, default_scope

BodyT = TypeVar("BodyT")
QueryT = TypeVar("QueryT")

Auth = Literal["none", "optional", "required", "stream_key"]

UUID_PATTERN: Final = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"


@dataclass(frozen=True, kw_only=True)
class PathFormat:
    """What a path parameter looks like; anything else is a 404, as there can be no such thing.

    ``pattern`` is anchored, and means the same in Python and ECMA 262.
    """

    pattern: str
    description: str
    example: str
    format: str | None = None


UUID: Final = PathFormat(
    pattern=UUID_PATTERN, format="uuid", description="A UUID", example="01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"
)
USERNAME: Final = PathFormat(pattern="^[A-Za-z0-9_]{3,30}$", description="A username, in any case", example="ada")
NAME: Final = PathFormat(pattern="^[A-Za-z0-9_-]{1,64}$", description="A short name", example="main")


@dataclass(frozen=True, kw_only=True)
class MediaType:
    """An answer that is not JSON of ours."""

    media_type: str
    description: str = "The content"
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header name → what it says."""


class Streamed:
    """The body of an operation whose handler reads it itself, as it arrives, and bounds it."""


@dataclass(frozen=True)
class Answer:
    """``body``: a pydantic model, or a mapping that msgspec can encode; None sends no content.

    ``cookies``: values of ``Set-Cookie``.
    """

    status: int = 200
    body: BaseModel | Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Sequence[str] = ()


@dataclass(frozen=True)
class Call(Generic[BodyT, QueryT]):
    """One validated request.

    ``body`` is the declared model, ``bytes`` for an operation with ``body=bytes``, else None. ``token`` is the bearer
    secret of ``auth="stream_key"`` operations. ``address`` is the client's, behind trusted proxies.
    """

    request: web.Request
    body: BodyT
    query: QueryT
    path: Mapping[str, str]
    person: Caller | None
    address: str
    token: str | None = None

    @property
    def me(self) -> Caller:
        """The person, where the operation requires one."""
        if self.person is None:
            raise LookupError("the operation does not require a person")
        return self.person


Handler = Callable[[Any], Awaitable[Answer | web.StreamResponse]]
AnswerShape = type[BaseModel] | MediaType | None


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One REST operation.

    ``answers`` are the successes; ``problems`` the statuses ≥ 400 that the handler raises on its own account. Those
    that follow from the declaration (authentication, validation, limits, dependencies) are added to the documentation.
    ``body=bytes`` hands over the body as it came, ``body=Streamed`` leaves it to the handler, if its type is one that
    it ``consumes``. ``paths`` need only name
    parameters that are not UUIDs. ``max_body`` is in bytes. ``rate`` bounds calls by client address,
    ``account_rate`` those of an account, from wherever.
    """

    method: str
    path: str
    handler: Handler
    name: str
    summary: str
    tag: str
    description: str = ""
    body: type[BaseModel] | type[bytes] | type[Streamed] | None = None
    body_required: bool = True
    consumes: Sequence[str] = ("application/json",)
    query: type[BaseModel] | None = None
    paths: Mapping[str, PathFormat] = field(default_factory=dict)
    answers: Mapping[int, AnswerShape]
    problems: frozenset[int] = frozenset()
    auth: Auth = "none"
    roles: frozenset[str] = frozenset()
    scope: Need | None = None
    """Of API tokens; None takes the default of its method, path and tag."""
    also_scopes: Sequence[Need] = ()
    """Each of which will do instead."""
    max_body: int = 64 * 1024
    idempotent_key: bool = False
    rate: CallRate | None = None
    account_rate: CallRate | None = None
    body_timeout_s: float | None = None
    """Overrides the application's deadline for the arrival of a body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Documented answer headers: name → what it says."""
    always: Mapping[str, str] = field(default_factory=dict)
    """Headers of every answer, those that refuse included."""
    request_headers: Mapping[str, str] = field(default_factory=dict)
    """Documented, optional request headers: name → what it says."""
    is_documented: bool = True
    takes_one_time_password: bool = False
    """Whether it is answered to a person who has yet to change a one-time password."""

    @property
    def needed_scope(self) -> Need | None:
        """What an API token must be for; None: no API token will do."""
        return self.scope or default_scope(self.method, self.path, self.tag)

    @property
    def scopes(self) -> Sequence[Need]:
        """Any of which lets an API token do it."""
        needed = self.needed_scope
        return () if needed is None else (needed, *self.also_scopes)
