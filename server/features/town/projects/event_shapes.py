"""The events of documents. Updates, state vectors and awareness updates are those of Yjs (version 1 of its encoding)
and of y-protocols, in base64 or binary as they come, in base64 as they go."""

from __future__ import annotations

import base64
from typing import Final

import msgspec

from actors.runtime import DomainError
from server.live.bodies import EventShape, Id
from server.live.events import Body
from server.socket_events import ServerEvent

MAX_AWARENESS: Final = 16 * 1024
MAX_VECTOR: Final = 64 * 1024


class JoinDoc(EventShape, frozen=True, kw_only=True):
    """``state_vector``: what one has of the document already."""

    document_id: Id
    state_vector: bytes = b""


class UpdateDoc(EventShape, frozen=True, kw_only=True):
    document_id: Id
    update: bytes


class AwarenessOfDoc(EventShape, frozen=True, kw_only=True):
    document_id: Id
    update: bytes


class OfDoc(EventShape, frozen=True, kw_only=True):
    document_id: Id


class DocJoined(Body, frozen=True, kw_only=True):
    """``update``: what one lacks. ``state_vector``: what the server has; send it what it lacks. ``seq``: the number of
    updates that the document has taken.
    """

    ok: bool
    document_id: str
    update: str
    state_vector: str
    seq: int
    may_write: bool


class DocUpdated(Body, frozen=True, kw_only=True):
    """The update is durable. ``seq``: its number."""

    ok: bool
    seq: int


class DocChanged(Body, frozen=True, kw_only=True):
    """One or more updates as one. ``from`` and ``seq``: the numbers of updates before and with it. Who has not had
    all up to ``from`` joins again.
    """

    document_id: str
    update: str
    from_: int = msgspec.field(name="from")
    seq: int


class DocAwareness(Body, frozen=True, kw_only=True):
    document_id: str
    user_id: str
    update: str


class DocClosed(Body, frozen=True, kw_only=True):
    document_id: str


class DocComments(Body, frozen=True, kw_only=True):
    document_id: str


CHANGED: Final = ServerEvent(
    name="doc:update", summary="A document has changed; the sender is sent it too", body=DocChanged,
    to="the sockets that have sent doc:join",
)  # fmt: skip
AWARENESS: Final = ServerEvent(
    name="doc:awareness", summary="Where people are in a document, as they say; it is not stored", body=DocAwareness,
    to="the sockets that have sent doc:join",
)  # fmt: skip
CLOSED: Final = ServerEvent(
    name="doc:closed", summary="The document is gone, or is not for you any more", body=DocClosed,
    to="the socket that has sent doc:join",
)  # fmt: skip
COMMENTS: Final = ServerEvent(
    name="doc:comments", summary="The comments of a document have changed: read them again", body=DocComments,
    to="the sockets that have sent doc:join",
)  # fmt: skip
SENT: Final = (CHANGED, AWARENESS, CLOSED, COMMENTS)


def bounded(given: bytes, *, field: str, most: int) -> bytes:
    """Raises ``DomainError``."""
    if len(given) > most:
        raise DomainError("too_large", f"It has at most {most} bytes.", field=field)
    return given


def written(data: bytes) -> str:
    return base64.b64encode(data).decode()
