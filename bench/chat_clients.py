"""People in chat rooms who stay through everything: raw Socket.IO clients that come back, catch up, say each message
until it is acknowledged, and check every offset they are shown.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from bench.socket_client import SocketClient

SLICE_S = 0.1


class Shown(msgspec.Struct, frozen=True):
    id: str
    offset: int


class Batch(msgspec.Struct, frozen=True):
    epoch: str
    messages: list[Shown]


class Refusal(msgspec.Struct, frozen=True):
    code: str = ""
    retry_after_ms: int = 500


class Draining(msgspec.Struct, frozen=True):
    reconnect_in_ms: int = 0


class Ack(msgspec.Struct, frozen=True):
    ok: bool
    id: str = ""
    epoch: str = ""
    offset: int = 0
    messages: list[Shown] = []
    recovered: bool = False
    more: bool = False
    error: Refusal = Refusal()


_ANSWER = msgspec.json.Decoder(tuple[Ack])
_BATCH = msgspec.json.Decoder(tuple[str, Batch])
_DRAINING = msgspec.json.Decoder(tuple[str, Draining])


class Acked(NamedTuple):
    """``asked_at`` is of the first attempt, ``tried_at`` of the one that was answered; ``home`` of the asker."""

    room: int
    home: int
    asked_at: float
    tried_at: float
    at: float


@dataclass
class RoomCopy:
    """What the people of one room know together. ``acked``: offsets by client id; ``ids``: by offset."""

    number: int
    id: str
    acked: dict[str, int] = field(default_factory=dict)
    ids: dict[int, str] = field(default_factory=dict)


@dataclass
class Notes:
    """Of all clients. Deliveries and acknowledgements by slices of ``SLICE_S`` since the loop's time ``began``.

    ``refused``: attempts to connect that came to nothing. ``told_ms``: when to come back, as draining nodes sent it.
    ``away_s``: from the loss of a connection until its room was joined again.
    """

    began: float
    deliveries: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    acks: list[Acked] = field(default_factory=list)
    wrongs: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    reconnects: int = 0
    refused: int = 0
    told_ms: list[int] = field(default_factory=list)
    away_s: list[float] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def wrong(self, kind: str, example: str) -> None:
        self.wrongs[kind] += 1
        if len(self.examples) < 20:
            self.examples.append(f"{kind}: {example}")


class ChatClient(SocketClient):
    """One person in one room."""

    def __init__(
        self,
        *,
        number: int,
        room: RoomCopy,
        home: int,
        token_of: Callable[[], str],
        pause_s: float,
        port_of: Callable[[int], int],
        notes: Notes,
    ) -> None:
        super().__init__(home=home, token_of=token_of, port_of=port_of)
        self.room = room
        self.number = number
        self.offset = -1
        self.is_in = False
        self.is_quiet = True
        self._pause_s = pause_s
        self._notes = notes
        self._epoch = ""
        self._said = 0
        self._saying: tuple[str, float] | None = None
        self._tried_at = 0.0
        self._lost_at: float | None = None

    # -- life

    def talk(self) -> None:
        self.is_quiet = False
        self._loop.call_later(random.random() * self._pause_s, self._speak)

    def hush(self) -> None:
        """Clients post nothing new; what is under way is still counted."""
        self.is_quiet = True

    @property
    def is_done(self) -> bool:
        return self._saying is None and self.is_in

    def entered(self) -> None:
        self._join()

    def lost(self) -> None:
        self.is_in = False
        if not self._is_over:
            self._notes.reconnects += 1
            self._lost_at = self._loop.time() if self._lost_at is None else self._lost_at

    def turned_away(self) -> None:
        self._notes.refused += 1

    # -- what is heard

    def received(self, text: bytes) -> None:
        if text.startswith(b'42["chat:messages"'):
            batch = _BATCH.decode(text[2:])[1]
            self._see(batch.epoch, batch.messages)
        elif text.startswith(b'42["server:draining"'):
            told_ms = _DRAINING.decode(text[2:])[1].reconnect_in_ms
            self._notes.told_ms.append(told_ms)
            self._back_in_s = told_ms / 1000
        elif text.startswith((b'42["chat:gap"', b"44")):
            self._notes.wrong("gap" if text.startswith(b"42") else "not let in", text[:120].decode())

    def _ask(self, event: str, body: dict[str, Any], then: Callable[[Ack], None]) -> None:
        self.ask(event, body, lambda answer: then(_ANSWER.decode(answer)[0]))

    def _join(self) -> None:
        body: dict[str, Any] = {"room_id": self.room.id}
        if self._epoch:
            body["since"] = {"epoch": self._epoch, "offset": self.offset}
        self._ask("chat:join", body, self._joined)

    def _joined(self, answer: Ack) -> None:
        if not answer.ok:
            self._notes.refusals["join"] += 1
            transport = self._transport
            self._loop.call_later(
                answer.error.retry_after_ms / 1000, lambda: self._join() if self._transport is transport else None
            )
            return
        if not self._epoch:
            self._epoch, self.offset = answer.epoch, answer.offset
        else:
            if not answer.recovered:
                self._notes.wrong("not recovered", f"{self.room.id} from {self.offset} to {answer.offset}")
            self._see(answer.epoch, answer.messages)
        if answer.more:
            self._join()
            return
        self.is_in = True
        if self._lost_at is not None:
            self._notes.away_s.append(self._loop.time() - self._lost_at)
            self._lost_at = None
        if self._saying is not None:
            self._try()

    def _see(self, epoch: str, messages: list[Shown]) -> None:
        self._notes.deliveries[int((self._loop.time() - self._notes.began) / SLICE_S)] += len(messages)
        if epoch != self._epoch:
            self._notes.wrong("another epoch", epoch)
        for message in messages:
            if message.offset != self.offset + 1:
                kind = "repeated or out of order" if message.offset <= self.offset else "lost on the way"
                self._notes.wrong(kind, f"{self.room.id}: {message.offset} after {self.offset}")
            self.offset = max(self.offset, message.offset)
            if self.room.ids.setdefault(message.offset, message.id) != message.id:
                self._notes.wrong("another message at the same offset", f"{self.room.id}: {message.offset}")

    # -- what is said

    def _speak(self) -> None:
        if self.is_quiet or self._is_over:
            return
        self._loop.call_later(self._pause_s, self._speak)
        if self._saying is None:
            self._said += 1
            self._saying = f"v{self.number}-{self._said}", self._loop.time()
            if self.is_in:
                self._try()

    def _try(self) -> None:
        assert self._saying is not None
        self._tried_at = self._loop.time()
        body = {"room_id": self.room.id, "text": "something that somebody says " * 2, "client_id": self._saying[0]}
        self._ask("chat:send", body, self._answered)

    def _answered(self, answer: Ack) -> None:
        if self._saying is None:
            return
        client_id, asked_at = self._saying
        if answer.ok:
            self._saying = None
            self.room.acked[client_id] = answer.offset
            self._notes.acks.append(Acked(self.room.number, self.home, asked_at, self._tried_at, self._loop.time()))
            return
        self._notes.refusals[answer.error.code] += 1
        transport = self._transport
        pause_s = min(1.0, answer.error.retry_after_ms / 1000)
        self._loop.call_later(pause_s, lambda: self._try_again(client_id, transport))

    def _try_again(self, client_id: str, transport: asyncio.Transport | None) -> None:
        """Posts it again, unless it was acknowledged meanwhile, or a new connection posts it by itself."""
        if self._saying is not None and self._saying[0] == client_id and self._transport is transport and self.is_in:
            self._try()
