"""The sockets of this node that follow documents: ``doc:join``, ``doc:update``, ``doc:awareness``, ``doc:leave``."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, Protocol

from actors.document import BEAT_S, MAX_UPDATE
from actors.document_messages import DOCUMENT, ApplyUpdate, DocumentSockets, JoinDocument
from actors.rate_limits import Rate
from actors.runtime import ActorError, DomainError, Node
from actors.session import Session
from server.features.town.projects.event_shapes import (
    AWARENESS,
    CHANGED,
    CLOSED,
    MAX_AWARENESS,
    MAX_VECTOR,
    AwarenessOfDoc,
    DocJoined,
    DocUpdated,
    JoinDoc,
    OfDoc,
    UpdateDoc,
    bounded,
    written,
)
from server.live.beat import Beat
from server.live.events import Done
from server.publish import Publish
from server.socket_events import ClientEvent
from storage.rights import Change

MAX_FOLLOWED: Final = 20
"""Documents that one socket follows."""
MAX_STATE: Final = 1024 * 1024
"""Bytes of an update in an acknowledgement: a socket may be owed little more. Larger ones come over REST."""

log = logging.getLogger("server.projects")


class Topics(Protocol):
    """The node's fan-out."""

    def subscribe(self, topic: str, socket: Any) -> None: ...
    def unsubscribe(self, topic: str, socket: Any) -> None: ...


def topic_of(document_id: str) -> str:
    return f"document:{document_id}"


class DocumentFollowers:
    """Each ``BEAT_S`` a document is told which sockets follow it here; it answers which of them may not any more."""

    def __init__(self, *, node: Node, topics: Topics, publish: Publish) -> None:
        self._node = node
        self._topics = topics
        self._publish = publish
        self._in: defaultdict[str, dict[Session, Any]] = defaultdict(dict)
        self._beat = Beat(
            clock=node.clock, every_s=BEAT_S, followed=lambda: self._in, tell=self._tell_here, name="beat of documents"
        )

    def events(self) -> Sequence[ClientEvent]:
        return [
            ClientEvent(
                name="doc:join", shape=JoinDoc, ack=DocJoined, handler=self._join, rate=Rate(per_s=5, burst=100),
                summary="Follow a document from where one has it",
            ),
            ClientEvent(
                name="doc:update", shape=UpdateDoc, ack=DocUpdated, handler=self._update,
                rate=Rate(per_s=40, burst=400), scope="write",
                summary="Change a document; acknowledged when it is durable",
            ),
            ClientEvent(
                name="doc:awareness", shape=AwarenessOfDoc, ack=Done, handler=self._awareness,
                rate=Rate(per_s=20, burst=100), summary="Tell where one is in a document that one follows",
            ),
            ClientEvent(
                name="doc:leave", shape=OfDoc, ack=Done, handler=self._leave, rate=Rate(per_s=5, burst=100),
                summary="Follow a document no more",
            ),
        ]  # fmt: skip

    def changed(self, document_id: str, update: bytes, before: int, seq: int) -> None:
        """A document has changed: all who follow it anywhere are sent how."""
        body = {"document_id": document_id, "update": written(update), "from": before, "seq": seq}
        self._publish.to_topic(topic_of(document_id), CHANGED.name, body)

    def closed(self, session: Session) -> None:
        """The session's socket has gone."""
        for document_id in [one for one, here in self._in.items() if session in here]:
            self._forget(document_id, session)

    async def close(self) -> None:
        await self._beat.close()

    def heed(self, change: Change) -> None:
        """Who is out of a document follows it here no more."""
        if change.kind == "room":
            self._evict(change.subject_id, change.other_id)

    def _evict(self, document_id: str, person_id: str | None) -> None:
        """The person's sockets; without one, everybody's."""
        for session, socket in list(self._in.get(document_id, {}).items()):
            if person_id in (None, session.viewer):
                self._end(document_id, session, socket)

    async def _join(self, socket: Any, session: Session, body: JoinDoc) -> dict[str, Any]:
        followed = [one for one in socket.topics if one.startswith(topic_of(""))]
        topic = topic_of(body.document_id)
        if topic not in followed and len(followed) >= MAX_FOLLOWED:
            raise DomainError("too_many", f"A socket follows {MAX_FOLLOWED} documents at most.")
        ask = JoinDocument(
            person_id=session.viewer,
            node=self._node.name,
            socket=socket.sid,
            state_vector=bounded(body.state_vector, field="state_vector", most=MAX_VECTOR),
            most=MAX_STATE,
        )
        self._topics.subscribe(topic, socket)  # before it is read: what changes meanwhile is sent
        try:
            state = await self._node.ref(DOCUMENT, body.document_id).ask(ask)
            if state.update is None:
                where = f"/api/v1/documents/{body.document_id}/state"
                raise DomainError("too_large", f"Read GET {where} first, and join with its state vector.")
        except (DomainError, ActorError):
            if session not in self._in.get(body.document_id, {}):
                self._topics.unsubscribe(topic, socket)
            raise
        if not socket.is_connected:
            raise DomainError("gone", "The connection has closed.")
        self._in[body.document_id][session] = socket
        self._beat.arm()
        return {
            "ok": True,
            "document_id": body.document_id,
            "update": written(state.update),
            "state_vector": written(state.state_vector),
            "seq": state.seq,
            "may_write": state.may_write,
        }

    async def _update(self, socket: Any, session: Session, body: UpdateDoc) -> dict[str, Any]:
        ask = ApplyUpdate(person_id=session.viewer, update=bounded(body.update, field="update", most=MAX_UPDATE))
        return {"ok": True, "seq": await self._node.ref(DOCUMENT, body.document_id).ask(ask)}

    async def _awareness(self, socket: Any, session: Session, body: AwarenessOfDoc) -> dict[str, Any]:
        data = bounded(body.update, field="update", most=MAX_AWARENESS)
        if session not in self._in.get(body.document_id, {}):
            raise DomainError("not_joined", "Join the document first.")
        shown = {"document_id": body.document_id, "user_id": session.viewer, "update": written(data)}
        self._publish.to_topic(topic_of(body.document_id), AWARENESS.name, shown)
        return {"ok": True}

    async def _leave(self, socket: Any, session: Session, body: OfDoc) -> dict[str, Any]:
        self._topics.unsubscribe(topic_of(body.document_id), socket)
        self._forget(body.document_id, session)
        return {"ok": True}

    def _forget(self, document_id: str, session: Session) -> None:
        here = self._in.get(document_id, {})
        if here.pop(session, None) is not None and not here:
            self._in.pop(document_id, None)

    def _end(self, document_id: str, session: Session, socket: Any) -> None:
        self._topics.unsubscribe(topic_of(document_id), socket)
        self._forget(document_id, session)
        socket.emit(CLOSED.name, {"document_id": document_id})

    async def _tell_here(self, document_id: str) -> None:
        here = {socket.sid: session for session, socket in self._in.get(document_id, {}).items()}
        sockets = {sid: session.viewer for sid, session in here.items()}
        try:
            gone = await self._node.ref(DOCUMENT, document_id).ask(
                DocumentSockets(node=self._node.name, sockets=sockets)
            )
        except ActorError as error:
            log.info("document %s does not hear of its sockets here: %s", document_id, error)
            return
        except DomainError:
            gone = tuple(here)  # the document is no more
        for sid in gone:
            socket = self._in.get(document_id, {}).get(here[sid])
            if socket is not None:
                self._end(document_id, here[sid], socket)
