"""How a feature joins: everything that it has, as one frozen value. ``server.features.install`` is the list of all.

A feature owns its tables, calls, events, facts, jobs and limits. It is made by the ``build`` of its room from the
``Platform``, its settings and the rooms that it leans on; its classes get only what they need.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from actors.events import StreamView
from actors.reader import FactLog
from actors.runtime import Actor, Node
from actors.runtime.ids import ActorId
from actors.session import Session
from server.http.limits import RateLimiter
from server.http.operation import Operation
from server.http.outgoing import OutgoingCall
from server.http.previews import PreviewOf
from server.jobs import Job, Jobs, Schedule
from server.publish import Publish
from server.socket_events import ClientEvent, ServerEvent
from storage.audit import AuditLog
from storage.facts import Consumer
from storage.ids import Ids
from storage.objects import ObjectStore
from storage.postgres import Database, Transaction
from storage.redis import Redis
from storage.rights import Change

NO_UUID: Final = "00000000-0000-0000-0000-000000000000"

Gauges = Mapping[str, tuple[str, float]]
"""Name → what it is, and its value."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What every room may lean on. It goes into ``build`` and no further."""

    db: Database
    redis: Redis
    objects: ObjectStore
    node: Node
    jobs: Jobs
    publish: Publish
    limiter: RateLimiter
    audit: AuditLog
    ids: Ids
    now: Callable[[], dt.datetime]
    node_name: str


@dataclass(frozen=True, kw_only=True)
class ExportSection:
    """Rows of one table about a person, in the order of ``key``, from which the next page starts.

    ``sql`` takes the person, the values of ``key`` to start after, and the number of rows.
    """

    name: str
    sql: str
    key: Sequence[str]
    start: Sequence[object]


def rows_by_id(name: str, columns: str, source: str, key: str = "id") -> ExportSection:
    """A section whose rows are ordered by one UUID; ``source`` compares the person with ``$1``."""
    sql = f"select {columns} from {source} and {key} > $2::uuid order by {key} limit $3"
    return ExportSection(name=name, sql=sql, key=(key.rpartition(".")[2],), start=(NO_UUID,))


async def _nothing_large(person_id: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class MediaFile:
    """A file that is a person's. ``name``: its path among their media. ``size``: its bytes, as far as is known before
    it is read. ``chunks`` begins to read it.
    """

    name: str
    size: int
    chunks: Callable[[], AsyncIterator[bytes]]


async def _no_media(person_id: str) -> AsyncIterator[MediaFile]:
    return
    yield


@dataclass(frozen=True, kw_only=True)
class PersonalData:
    """What a feature holds on people.

    ``tables``: the feature's tables that name a person; a table is in the ``tables`` of exactly one feature.
    ``erase_large`` runs first, outside of any transaction, for what takes many of them or lies elsewhere: it may be
    repeated, and raises when something is away. ``erase`` removes or anonymises the rest, in the transaction in which
    the account ends. ``kept``: of those tables, which still name the person afterwards, and why.
    ``media`` gives the files of theirs that an archive holds beside the sections.
    """

    tables: frozenset[str]
    sections: Sequence[ExportSection] = ()
    erase: Callable[[Transaction, str], Awaitable[None]]
    erase_large: Callable[[str], Awaitable[None]] = _nothing_large
    media: Callable[[str], AsyncIterator[MediaFile]] = _no_media
    kept: Mapping[str, str] = field(default_factory=dict)


class CameFrom(Protocol):
    """What a client says of where its viewer came from, and on what it watches."""

    @property
    def source(self) -> str | None: ...
    @property
    def device(self) -> str | None: ...


class Receiver(Protocol):
    """A client's socket, as a feature sends to it alone."""

    def emit(self, event: str, /, *args: Any) -> None:
        """Nothing happens when the socket has gone."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of actors; the fields are those of ``Node.register``."""

    name: str
    factory: Callable[[ActorId], Actor]
    mailbox: int = 1_024
    idle_after_s: float | None = 60.0


@dataclass(frozen=True, kw_only=True)
class Feature:
    """``name`` is the prefix of its tables and events, and the name of the reader of its ``consumers``.

    ``closed`` is called with the session of each socket that has gone, ``entered`` with each socket that has come into
    a room, and the room's id, ``watched`` with the session of each that begins to watch a stream, and the stream,
    ``heeds`` on every node with each change of who may see or do what; none may raise or wait. ``codes``:
    ``DomainError`` code → HTTP status.
    ``limits`` are listed under ``limits`` of ``GET /api/v1/server``. ``previews``: what links to the
    page of a path show. ``outgoing``: what it posts to servers of others. ``logs``: other logs than that of facts, each
    with a reader of that name in the cluster. ``begin`` starts on each node, once it takes clients, what takes long to
    be there; it may neither raise nor wait. ``close`` ends what the room has started.
    """

    name: str
    operations: Sequence[Operation] = ()
    events: Sequence[ClientEvent] = ()
    sent: Sequence[ServerEvent] = ()
    closed: Callable[[Session], None] | None = None
    entered: Callable[[Receiver, str], None] | None = None
    watched: Callable[[Session, StreamView, CameFrom], None] | None = None
    heeds: Callable[[Change], None] | None = None
    outgoing: Sequence[OutgoingCall] = ()
    consumers: Sequence[Consumer[Any]] = ()
    logs: Mapping[str, FactLog] = field(default_factory=dict)
    jobs: Sequence[Job[Any]] = ()
    schedules: Sequence[Schedule] = ()
    kinds: Sequence[Kind] = ()
    personal_data: PersonalData | None = None
    codes: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    previews: Mapping[str, PreviewOf] = field(default_factory=dict)
    gauges: Callable[[], Gauges] | None = None
    begin: Callable[[], None] | None = None
    close: Callable[[], Awaitable[None]] | None = None
