"""What the actor of a document is asked. Updates and state vectors are those of Yjs, in version 1 of its encoding."""

from __future__ import annotations

import msgspec

from actors.runtime import Ask

DOCUMENT = "document"


class DocumentState(msgspec.Struct, frozen=True, kw_only=True):
    """``update``: what the asker lacks; None when it is larger than ``most``. ``state_vector``: of the whole document.

    ``seq`` counts the updates that the document has taken.
    """

    update: bytes | None
    state_vector: bytes
    seq: int
    may_write: bool


class JoinDocument(Ask[DocumentState], frozen=True, kw_only=True):
    """A socket wants to follow the document, and has what ``state_vector`` says; empty: nothing.

    Refused as ``not_found``, ``document_full`` or ``invalid``.
    """

    is_repeatable = True

    person_id: str
    node: str
    socket: str
    state_vector: bytes = b""
    most: int


class ReadDocument(Ask[DocumentState], frozen=True, kw_only=True):
    """As ``JoinDocument``, for who only reads it once."""

    is_repeatable = True

    person_id: str
    state_vector: bytes = b""
    most: int


class ApplyUpdate(Ask[int], frozen=True, kw_only=True):
    """An edit of a person; the answer, when it is durable: how many updates the document has taken with it.

    The same update may be applied again. ``keep_version``: of what there is before it. Refused as
    ``not_found``, ``forbidden``, ``invalid`` or ``document_full``.
    """

    is_repeatable = True

    person_id: str
    update: bytes
    keep_version: bool = False


class DocumentSockets(Ask[tuple[str, ...]], frozen=True, kw_only=True):
    """Each ``BEAT_S``, and when one has left: all sockets of a node that follow the document, and whose they are.

    The answer: those sockets that may not follow it any more.
    """

    is_repeatable = True

    node: str
    sockets: dict[str, str]
