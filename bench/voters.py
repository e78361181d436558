"""Clients that vote in a poll, and that look at it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from bench.socket_client import SocketClient

_RETRY_S: Final = 0.5


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    retry_after_ms: int = 0


class _Ack(msgspec.Struct, frozen=True):
    ok: bool
    option: int = -1
    error: _Error = _Error()


class _Option(msgspec.Struct, frozen=True):
    votes: int


class _Poll(msgspec.Struct, frozen=True):
    id: str
    options: list[_Option]
    revision: int


class _State(msgspec.Struct, frozen=True):
    poll: _Poll


_ACK = msgspec.json.Decoder(tuple[_Ack])
_STATE = msgspec.json.Decoder(tuple[str, _State])


@dataclass
class Ballots:
    """What all clients were answered. ``answered_at``: of each vote, by the loop's time."""

    port_of: Callable[[int], int]
    pause_s: float
    poll_id: str = ""
    answered_at: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    tried_again: Counter[str] = field(default_factory=Counter)
    wrongs: Counter[str] = field(default_factory=Counter)
    same: int = 0
    reconnects: int = 0


class Voter(SocketClient):
    """An account that casts ``choices`` one after the other; the first of them is its vote."""

    def __init__(self, ballots: Ballots, choices: Sequence[int], *, home: int, token: str) -> None:
        super().__init__(home=home, token_of=lambda: token, port_of=ballots.port_of)
        self._ballots = ballots
        self._choices = choices
        self._cast = 0
        self._asked_at: float | None = None

    @property
    def is_done(self) -> bool:
        return self._cast == len(self._choices)

    def begin(self) -> None:
        self._loop.call_later(random.random() * self._ballots.pause_s, self._vote)

    def entered(self) -> None:
        if self._asked_at is not None:
            self._ask()

    def lost(self) -> None:
        self._ballots.reconnects += not self._is_over

    def _vote(self) -> None:
        self._asked_at = self._loop.time()
        if self.is_connected:
            self._ask()

    def _ask(self) -> None:
        body = {"poll_id": self._ballots.poll_id, "option": self._choices[self._cast]}
        self.ask("poll:vote", body, self._answered)

    def _answered(self, raw: bytes) -> None:
        (answer,) = _ACK.decode(raw)
        ballots, asked, first = self._ballots, self._choices[self._cast], self._choices[0]
        if answer.ok and (answer.option != asked or asked != first):
            ballots.wrongs[f"{asked} acknowledged as {answer.option} after {first}"] += 1
        if not answer.ok and (answer.error.code != "already_voted" or asked == first):
            if answer.error.retry_after_ms or answer.error.code == "unavailable":
                ballots.tried_again[answer.error.code] += 1
                self._loop.call_later(max(_RETRY_S, answer.error.retry_after_ms / 1000), self._again, self._transport)
                return
            ballots.wrongs[f"refused: {answer.error.code}"] += 1
        now = self._loop.time()
        assert self._asked_at is not None
        ballots.answered_at.append(now)
        ballots.latencies_ms.append((now - self._asked_at) * 1e3)
        ballots.same += self._cast > 0 and asked == first
        self._cast, self._asked_at = self._cast + 1, None
        if not self.is_done:
            self._loop.call_later(ballots.pause_s, self._vote)

    def _again(self, transport: asyncio.Transport | None) -> None:
        """Unless a new connection has asked by itself."""
        if self._transport is transport and self.is_connected and self._asked_at is not None:
            self._ask()


class Onlooker(SocketClient):
    """A socket in the room that keeps the latest state of the poll."""

    def __init__(self, room_id: str, *, home: int, token: str, port_of: Callable[[int], int]) -> None:
        super().__init__(home=home, token_of=lambda: token, port_of=port_of)
        self._room_id = room_id
        self.refusals: list[str] = []
        self.revision = -1
        self.shown: list[int] = []

    def entered(self) -> None:
        self._join(self._transport)

    def _join(self, transport: asyncio.Transport | None) -> None:
        """A room that moves between nodes refuses for a moment."""
        if self._transport is transport and self.is_connected:
            self.ask("chat:join", {"room_id": self._room_id}, self._joined)

    def _joined(self, raw: bytes) -> None:
        (answer,) = _ACK.decode(raw)
        if not answer.ok:
            self.refusals.append(answer.error.code)
            self._loop.call_later(_RETRY_S, self._join, self._transport)

    def received(self, text: bytes) -> None:
        if text.startswith(b'42["poll:state"'):
            poll = _STATE.decode(text[2:])[1].poll
            if poll.revision >= self.revision:
                self.revision, self.shown = poll.revision, [option.votes for option in poll.options]
