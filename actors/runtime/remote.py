"""Messages for actors of other nodes, and those that other nodes send to this one."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from actors.runtime.actor import Handlers
from actors.runtime.deadlines import Deadlines
from actors.runtime.directory import Directory
from actors.runtime.envelope import Envelope, Mail, answer, message_of, refuse
from actors.runtime.errors import ActorCrashed, ActorError, DomainError, Lost, Moving, Unavailable, Unhandled, by_code
from actors.runtime.frames import FRAMES, Deliver, Failure, Reply
from actors.runtime.ids import ActorId
from actors.runtime.message import Message, reply_type, wire_name
from actors.runtime.transport import Link, Transport

log = logging.getLogger(__name__)
MOST_OPEN: Final = 65_536
"""Asks that one node may have open at others."""


class Withdrawable(Protocol):
    """A cell, as far as an ask that ran out is taken out of it."""

    def withdraw(self, envelope: Envelope) -> None: ...


class ReceivingKind(Protocol):
    """A kind, as far as it takes messages of other nodes."""

    @property
    def cells(self) -> Mapping[str, Withdrawable]: ...
    def handlers(self, actor_id: ActorId) -> Handlers: ...
    def admit(self, key: str, mail: Mail) -> object: ...


class ReceivingNode(Protocol):
    """The node, as far as it speaks with others. `kind` raises UnknownKind."""

    @property
    def name(self) -> str: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def deadlines(self) -> Deadlines: ...
    @property
    def monotonic(self) -> Callable[[], float]: ...
    def kind(self, name: str) -> ReceivingKind: ...
    def bury(self, actor_id: ActorId, message: str, reason: str) -> None: ...


class _Open(NamedTuple):
    node: str
    future: asyncio.Future[Any]
    answer: Any
    actor_id: ActorId


class Remote:
    """The node's side of the transport."""

    def __init__(self, *, node: ReceivingNode, transport: Transport) -> None:
        self._node = node
        self._transport = transport
        self._link: Link | None = None
        self._open: dict[int, _Open] = {}
        # Not from 1: an answer meant for an earlier process of this name must not settle an ask of this one.
        self._numbers = count(secrets.randbits(48) + 1)
        self._encode = msgspec.msgpack.Encoder().encode

    def start(self) -> None:
        self._link = self._transport.attach(self._node.name, self._receive)

    def stop(self) -> None:
        """Leaves the transport. Asks still open at other nodes end as Unavailable."""
        if self._link is not None:
            self._link.close()
            self._link = None
        for waiting in list(self._open.values()):
            refuse(waiting.future, Unavailable(self._node.name, "stopped"))

    @property
    def open_asks(self) -> int:
        return len(self._open)

    # Out.

    def post(self, to: str, actor_id: ActorId, mail: Mail) -> None:
        """Sends mail to an actor of node `to`. Raises Unavailable."""
        message = message_of(mail)
        body = msgspec.Raw(self._encode(message))
        name = wire_name(type(message))
        ask, budget_s = self._expect(to, actor_id, mail) if isinstance(mail, Envelope) else (0, 0.0)
        try:
            self._send(to, Deliver(actor_id.kind, actor_id.key, name, body, self._node.name, ask, budget_s))
        except Unavailable:
            self._open.pop(ask, None)
            raise

    def lost(self, node: str) -> None:
        """The node is gone: what is asked of it will not be answered, and is refused now instead of at its deadline."""
        for waiting in [waiting for waiting in self._open.values() if waiting.node == node]:
            refuse(waiting.future, Lost(waiting.actor_id, f"node {node} is gone", retry_after_s=0.1))

    def cut_off(self) -> None:
        """No node can be reached: an answer may be on its way still, but nobody waits for it any more."""
        for waiting in list(self._open.values()):
            refuse(waiting.future, Unavailable(waiting.actor_id, "out of reach", retry_after_s=1.0))

    def _expect(self, to: str, actor_id: ActorId, envelope: Envelope) -> tuple[int, float]:
        if len(self._open) >= MOST_OPEN:
            raise Unavailable(actor_id, "too many asks between nodes", retry_after_s=1.0)
        number = next(self._numbers)
        self._open[number] = _Open(to, envelope.future, reply_type(type(envelope.message)), actor_id)
        envelope.future.add_done_callback(lambda _: self._open.pop(number, None))
        return number, max(0.0, envelope.deadline - self._node.monotonic())

    def _send(self, to: str, frame: Deliver | Reply | Failure) -> None:
        if self._link is None:
            raise Unavailable(self._node.name, "not started")
        self._link.send(to, self._encode(frame))

    # In.

    def _receive(self, data: bytes) -> None:
        try:
            frame = FRAMES.decode(data)
        except msgspec.DecodeError:
            self._node.bury(ActorId("", ""), "", "unreadable frame")
            return
        if isinstance(frame, Deliver):
            self._deliver(frame)
        elif isinstance(frame, Reply):
            self._answered(frame)
        else:
            self._failed(frame)

    def _answered(self, frame: Reply) -> None:
        waiting = self._open.pop(frame.ask, None)
        if waiting is None:
            return
        try:
            answer(waiting.future, msgspec.msgpack.decode(frame.body, type=waiting.answer))
        except msgspec.DecodeError as error:
            refuse(waiting.future, Unhandled(waiting.actor_id, f"unreadable answer: {error}"))

    def _failed(self, frame: Failure) -> None:
        waiting = self._open.pop(frame.ask, None)
        if waiting is None:
            return
        error: Exception
        if frame.is_domain:
            error = DomainError(frame.code, frame.message, retry_after_s=frame.retry_after_s, field=frame.field)
        else:
            cls = by_code().get(frame.code, Unavailable)
            error = cls(frame.subject, frame.message, retry_after_s=frame.retry_after_s)
        if isinstance(error, Unavailable):
            self._node.directory.invalidate(waiting.actor_id)
        refuse(waiting.future, error)

    def _deliver(self, frame: Deliver) -> None:
        actor_id = ActorId(frame.kind, frame.key)
        try:
            message = self._read(actor_id, frame)
            self._admit(actor_id, frame, message)
        except ActorError as error:
            self._node.bury(actor_id, frame.name, error.code)
            self._fail(frame, error)

    def _read(self, actor_id: ActorId, frame: Deliver) -> Message:
        """The message. Raises Unhandled for a kind or name that this node does not know, or a body it cannot read."""
        try:
            cls = self._node.kind(frame.kind).handlers(actor_id).names[frame.name]
            return msgspec.msgpack.decode(frame.body, type=cls)
        except (KeyError, ActorError, msgspec.DecodeError) as error:
            raise Unhandled(actor_id, f"{frame.name}: {type(error).__name__}") from error

    def _admit(self, actor_id: ActorId, frame: Deliver, message: Message) -> None:
        """Into the mailbox, if the actor lives here: a message makes one hop, never two."""
        placement = self._node.directory.cached(actor_id)
        if placement is not None and placement.node != self._node.name:
            raise Moving(actor_id, retry_after_s=0.1)
        kind = self._node.kind(actor_id.kind)
        if not frame.ask:
            kind.admit(actor_id.key, message)
            return
        envelope, bucket = self._node.deadlines.envelope(message, frame.budget_s)
        envelope.future.add_done_callback(partial(self._done, frame, bucket, envelope))
        try:
            kind.admit(actor_id.key, envelope)
        except ActorError as error:
            refuse(envelope.future, error)

    def _done(self, frame: Deliver, bucket: set[Any], envelope: Envelope, future: asyncio.Future[Any]) -> None:
        bucket.discard(future)
        error = None if future.cancelled() else future.exception()
        if error is None and not future.cancelled():
            self._give(frame, future.result())
            return
        cell = self._node.kind(frame.kind).cells.get(frame.key)
        if cell is not None:
            cell.withdraw(envelope)
        if isinstance(error, (DomainError, ActorError)):
            self._fail(frame, error)

    def _give(self, frame: Deliver, value: Any) -> None:
        try:
            body = msgspec.Raw(self._encode(value))
        except (TypeError, ValueError, msgspec.MsgspecError) as error:
            log.error("the answer of %s/%s to %s cannot be sent: %s", frame.kind, frame.key, frame.name, error)
            self._fail(frame, ActorCrashed(f"{frame.kind}/{frame.key}", "its answer cannot be sent"))
            return
        self._send_back(frame.sender, Reply(frame.ask, body))

    def _fail(self, frame: Deliver, error: DomainError | ActorError) -> None:
        if not frame.ask:
            return
        if isinstance(error, DomainError):
            failure = Failure(
                frame.ask, True, error.code, error.message, retry_after_s=error.retry_after_s, field=error.field
            )
        else:
            failure = Failure(frame.ask, False, error.code, error.reason, error.subject, error.retry_after_s)
        self._send_back(frame.sender, failure)

    def _send_back(self, to: str, frame: Reply | Failure) -> None:
        try:
            self._send(to, frame)
        except Unavailable:
            self._node.bury(ActorId("", to), type(frame).__name__, "asker out of reach")
