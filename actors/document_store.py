"""The port of a document: what of it outlives its actor."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from actors.runtime import Fence

DocumentRole = Literal["owner", "editor", "viewer"]
WRITERS: frozenset[DocumentRole] = frozenset({"owner", "editor"})


class DocumentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """``snapshot`` holds all updates up to some number, ``updates`` those behind it, up to ``seq``, in order.

    ``version_age_s``: since the last version was kept, or the document was made.
    """

    snapshot: bytes
    updates: tuple[bytes, ...]
    seq: int
    version_age_s: float


class DocumentEdit(msgspec.Struct, frozen=True, kw_only=True):
    person_id: str
    update: bytes


class DocumentStore(Protocol):
    """Raises ``Unavailable``, and ``Fenced`` for a write under a stale token."""

    async def load(self, document_id: str) -> DocumentRecord | None: ...

    async def roles(self, document_id: str, people: Collection[str]) -> Mapping[str, DocumentRole]:
        """What each of these people is to the document; who is nothing to it is left out."""

    async def append(
        self, document_id: str, edits: Sequence[DocumentEdit], *, seq: int, size: int, fence: Fence
    ) -> None:
        """Make the edits durable, numbered from ``seq`` + 1 on; ``size``: of the document with them, in bytes."""

    async def compact(self, document_id: str, snapshot: bytes, *, seq: int, fence: Fence) -> None:
        """Replace the updates up to ``seq`` with the snapshot, which holds them; it is a version of the history."""
