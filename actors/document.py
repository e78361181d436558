"""The actor of a document that several people edit at once.

Edits that come while others are being written wait, and are written together. An edit is acknowledged and sent to the
others after it is durable; what a socket is given when it joins holds durable edits alone. When a write fails, it is
not known whether it counts: the actor goes, and the next one reads what there is. Clients send again what was not
acknowledged, which changes nothing where it was taken.

A version is kept when the updates behind the last one are many or large, and before the first edit that comes
``VERSION_S`` after it: how the document was when people left it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from actors.document_messages import ApplyUpdate, DocumentSockets, DocumentState, JoinDocument, ReadDocument
from actors.document_store import WRITERS, DocumentEdit, DocumentRole, DocumentStore
from actors.document_text import Content, Spoilt, Undecodable, merged
from actors.runtime import Actor, ActorError, DomainError, Fenced, Later, Unavailable, handles

MAX_UPDATE: Final = 256 * 1024
MAX_DOCUMENT: Final = 4 * 1024 * 1024
MAX_PEOPLE: Final = 100
"""Sockets that follow one document."""
BATCH: Final = 64
MAX_WAITING: Final = 256
"""Edits and reads that wait while others are written: 64 MiB of updates at most."""
COMPACT_UPDATES: Final = 400
COMPACT_BYTES: Final = 512 * 1024
VERSION_S: Final = 600.0
BEAT_S: Final = 10.0
SILENT_S: Final = 35.0
"""After so long without a word of it, a node's sockets do not count any more."""

Changed = Callable[[str, bytes, int, int], None]
"""Called with the document's id, what changed as one update, and the numbers of updates before and with it."""


@dataclass
class _Work:
    message: ApplyUpdate | JoinDocument | ReadDocument
    answer: Later[Any]


@dataclass
class _NodeSockets:
    sockets: dict[str, str]
    heard_at: float


class Document(Actor):
    """Its key is the document's id."""

    def __init__(self, *, document_id: str, store: DocumentStore, changed: Changed) -> None:
        self._id = document_id
        self._store = store
        self._changed = changed
        self._content: Content
        self._seq = 0
        self._size = 0
        self._tail = 0
        self._tail_bytes = 0
        self._versioned_at = 0.0
        self._waiting: list[_Work] = []
        self._is_busy = False
        self._nodes: dict[str, _NodeSockets] = {}

    async def activate(self) -> None:
        record = await self._store.load(self._id)
        if record is None:
            raise _unknown()
        self._content = Content([record.snapshot, *record.updates] if record.snapshot else record.updates)
        self._seq = record.seq
        self._tail = len(record.updates)
        self._tail_bytes = sum(map(len, record.updates))
        self._size = len(record.snapshot) + self._tail_bytes
        self._versioned_at = self.context.clock.monotonic() - record.version_age_s

    @handles(ApplyUpdate)
    def apply(self, message: ApplyUpdate) -> Later[int]:
        return self._enqueue(message)

    @handles(JoinDocument)
    def join(self, message: JoinDocument) -> Later[DocumentState]:
        return self._enqueue(message)

    @handles(ReadDocument)
    def read(self, message: ReadDocument) -> Later[DocumentState]:
        return self._enqueue(message)

    @handles(DocumentSockets)
    async def sockets(self, message: DocumentSockets) -> tuple[str, ...]:
        roles = await self._store.roles(self._id, set(message.sockets.values()))
        gone = tuple(socket for socket, person_id in message.sockets.items() if person_id not in roles)
        here = {socket: one for socket, one in message.sockets.items() if socket not in gone}
        self._nodes[message.node] = _NodeSockets(here, self.context.clock.monotonic())
        return gone

    # one batch after another

    def _enqueue(self, message: ApplyUpdate | JoinDocument | ReadDocument) -> Later[Any]:
        """Raises ``Unavailable`` while too many wait: a slow database shall not fill the memory."""
        if len(self._waiting) >= MAX_WAITING:
            raise Unavailable("document", "too much is being written to it")
        work = _Work(message, self.context.later())
        self._waiting.append(work)
        if not self._is_busy:
            self._is_busy = True
            self.context.spawn(self._work_off(), name="work off")
        return work.answer

    async def _work_off(self) -> None:
        batch: list[_Work] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._carry_out(batch)
            self._is_busy = False
        except Fenced:
            raise
        except ActorError as error:
            for work in (*batch, *self._waiting):
                work.answer.reject(error)
            self._waiting = []
            self.context.stop()

    async def _carry_out(self, batch: list[_Work]) -> None:
        roles = await self._store.roles(self._id, {work.message.person_id for work in batch})
        await self._keep_version([work.message for work in batch if isinstance(work.message, ApplyUpdate)])
        taken = self._take([work for work in batch if isinstance(work.message, ApplyUpdate)], roles)
        before = self._seq
        if taken:
            edits = [DocumentEdit(person_id=one.person_id, update=one.update) for _, one in taken]
            await self._store.append(self._id, edits, seq=before, size=self._size, fence=self.context.fence)
            self._seq += len(edits)
            self._changed(self._id, merged([edit.update for edit in edits]), before, self._seq)
        for number, (work, _) in enumerate(taken, before + 1):
            work.answer.resolve(number)
        for work in batch:
            if not isinstance(work.message, ApplyUpdate):
                self._answer(work, work.message, roles)
        if self._tail > COMPACT_UPDATES or self._tail_bytes > COMPACT_BYTES:
            await self._compact()

    def _take(self, works: list[_Work], roles: Mapping[str, DocumentRole]) -> list[tuple[_Work, ApplyUpdate]]:
        """The edits that are in the content now; the others are refused. Raises ``Unavailable`` when it is spoilt."""
        taken = []
        for work in works:
            message = work.message
            if not isinstance(message, ApplyUpdate):
                continue
            try:
                self._apply(message, roles)
            except DomainError as error:
                work.answer.reject(error)
            except Spoilt:
                work.answer.reject(_no_update())
                raise Unavailable("document", "it is read anew") from None
            else:
                taken.append((work, message))
        return taken

    def _apply(self, message: ApplyUpdate, roles: Mapping[str, DocumentRole]) -> None:
        role = roles.get(message.person_id)
        if role is None:
            raise _unknown()
        if role not in WRITERS:
            raise DomainError("forbidden", "You may read this document, not change it.")
        if self._size + len(message.update) > MAX_DOCUMENT:
            self._size = len(self._content.whole())
        if self._size + len(message.update) > MAX_DOCUMENT:
            raise DomainError("document_full", f"A document has at most {MAX_DOCUMENT} bytes.")
        try:
            self._content.apply(message.update)
        except Undecodable:
            raise _no_update() from None
        self._size += len(message.update)
        self._tail += 1
        self._tail_bytes += len(message.update)

    def _answer(self, work: _Work, message: JoinDocument | ReadDocument, roles: Mapping[str, DocumentRole]) -> None:
        try:
            role = roles.get(message.person_id)
            if role is None:
                raise _unknown()
            state = self._state(message, role)
            if isinstance(message, JoinDocument):
                self._seat(message)
        except DomainError as error:
            work.answer.reject(error)
        else:
            work.answer.resolve(state)

    def _state(self, message: JoinDocument | ReadDocument, role: DocumentRole) -> DocumentState:
        try:
            update = self._content.behind(message.state_vector)
        except Undecodable:
            raise DomainError("invalid", "This is no state vector of Yjs.", field="state_vector") from None
        return DocumentState(
            update=update if len(update) <= message.most else None,
            state_vector=self._content.state_vector(),
            seq=self._seq,
            may_write=role in WRITERS,
        )

    def _seat(self, message: JoinDocument) -> None:
        """A socket that it knows already has its place."""
        now = self.context.clock.monotonic()
        self._nodes = {name: node for name, node in self._nodes.items() if now - node.heard_at < SILENT_S}
        here = self._nodes.setdefault(message.node, _NodeSockets({}, now)).sockets
        if message.socket not in here and sum(len(node.sockets) for node in self._nodes.values()) >= MAX_PEOPLE:
            raise DomainError("document_full", f"At most {MAX_PEOPLE} people can follow a document at a time.")
        here[message.socket] = message.person_id

    async def _keep_version(self, edits: Sequence[ApplyUpdate]) -> None:
        """Before these edits, where it is time for one or an edit asks for it."""
        is_time = self.context.clock.monotonic() - self._versioned_at >= VERSION_S
        if self._tail and edits and (is_time or any(edit.keep_version for edit in edits)):
            await self._compact()

    async def _compact(self) -> None:
        whole = self._content.whole()
        await self._store.compact(self._id, whole, seq=self._seq, fence=self.context.fence)
        self._size, self._tail, self._tail_bytes = len(whole), 0, 0
        self._versioned_at = self.context.clock.monotonic()


def _unknown() -> DomainError:
    """For who is not in its project, too."""
    return DomainError("not_found", "There is no such document.")


def _no_update() -> DomainError:
    return DomainError("invalid", "This is no update of Yjs.", field="update")
