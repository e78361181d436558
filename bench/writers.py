"""People who write a document at once, each with a copy of it: what was acknowledged to them, and shown."""

from __future__ import annotations

import asyncio
import base64
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import pycrdt

from bench.socket_client import SocketClient

LETTERS: Final = "etaoinshrdlu ابتثجح"
_AGAIN_S: Final = 0.5
_PREFIX: Final = b'42["doc:update"'


class _Error(msgspec.Struct, frozen=True):
    code: str = ""


class _Ack(msgspec.Struct, frozen=True):
    ok: bool
    seq: int = 0
    update: str = ""
    error: _Error = _Error()


class _Changed(msgspec.Struct, frozen=True, rename={"before": "from"}):
    update: str
    before: int
    seq: int


_ACK = msgspec.json.Decoder(tuple[_Ack])
_CHANGED = msgspec.json.Decoder(tuple[str, _Changed])


class Copy:
    """A document as one person has it."""

    def __init__(self) -> None:
        self.doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
        self.text = self.doc.get("content", type=pycrdt.Text)
        self.length = 0

    def write(self, random_: random.Random) -> bytes:
        """A letter, where this person wrote last or somewhere else."""
        before = self.doc.get_state()
        text = str(self.text)
        at = random_.randrange(len(text) + 1)
        self.text.insert(len(text[:at].encode()), random_.choice(LETTERS))
        return self.doc.get_update(before)

    def apply(self, update: bytes) -> None:
        self.doc.apply_update(update)

    def holds(self, update: bytes) -> bool:
        """Whether it has all of an update that only adds."""
        before = len(self.text)
        self.apply(update)
        return len(self.text) == before


@dataclass
class Acknowledged:
    update: bytes
    sent_at: float
    seq: int


@dataclass
class _Unsent:
    update: bytes
    written_at: float
    is_under_way: bool = False


@dataclass
class Shown:
    """Updates ``before`` + 1 to ``seq`` came to a screen."""

    before: int
    seq: int
    at: float


@dataclass
class Told:
    """What all of them were told that is not as usual."""

    refused: Counter[str] = field(default_factory=Counter)
    joins: int = 0


class Writer(SocketClient):
    """Joins after each connection, sends again what was not acknowledged, and joins again after a gap."""

    def __init__(
        self,
        told: Told,
        document_id: str,
        *,
        home: int,
        token: str,
        port_of: Callable[[int], int],
        seed: int,
    ) -> None:
        super().__init__(home=home, token_of=lambda: token, port_of=port_of)
        self.copy = Copy()
        self.acknowledged: list[Acknowledged] = []
        self.shown: list[Shown] = []
        self.is_in = False
        self._told = told
        self._document_id = document_id
        self._random = random.Random(seed)
        self._unsent: list[_Unsent] = []
        self._is_joining = False
        self._seq = 0

    @property
    def is_done(self) -> bool:
        return self.is_in and not self._unsent

    def write(self) -> None:
        one = _Unsent(self.copy.write(self._random), self._loop.time())
        self._unsent.append(one)
        self._send(one)

    def entered(self) -> None:
        self._is_joining = False
        self._join()

    def lost(self) -> None:
        self.is_in = False
        for one in self._unsent:
            one.is_under_way = False

    def received(self, text: bytes) -> None:
        if not text.startswith(_PREFIX):
            return
        _, changed = _CHANGED.decode(text[2:])
        self.shown.append(Shown(changed.before, changed.seq, self._loop.time()))
        self.copy.apply(base64.b64decode(changed.update))
        if changed.before > self._seq:
            self._join()
        else:
            self._seq = max(self._seq, changed.seq)

    def rejoin(self) -> None:
        """As a page does now and then: what was lost without a word is found."""
        if self.is_in:
            self._join()

    def _join(self) -> None:
        if self._is_joining or not self.is_connected:
            return
        self._is_joining = True
        self._told.joins += 1
        vector = base64.b64encode(self.copy.doc.get_state()).decode()
        self.ask("doc:join", {"document_id": self._document_id, "state_vector": vector}, self._joined)

    def _joined(self, body: bytes) -> None:
        self._is_joining = False
        [ack] = _ACK.decode(body)
        if not ack.ok:
            self._told.refused[f"doc:join {ack.error.code}"] += 1
            self._loop.call_later(_AGAIN_S, self._join)
            return
        self.copy.apply(base64.b64decode(ack.update))
        self._seq = ack.seq
        self.is_in = True
        for one in self._unsent:
            self._send(one)

    def _send(self, one: _Unsent) -> None:
        if not self.is_in or one.is_under_way:
            return
        one.is_under_way = True
        sent_at = self._loop.time()
        body: dict[str, Any] = {"document_id": self._document_id, "update": base64.b64encode(one.update).decode()}
        self.ask("doc:update", body, lambda answer: self._answered(one, sent_at, answer))

    def _answered(self, one: _Unsent, sent_at: float, body: bytes) -> None:
        [ack] = _ACK.decode(body)
        one.is_under_way = False
        if ack.ok:
            self._unsent.remove(one)
            self.acknowledged.append(Acknowledged(one.update, sent_at, ack.seq))
        else:
            self._told.refused[f"doc:update {ack.error.code}"] += 1
            self._loop.call_later(_AGAIN_S, self._send, one)


async def write_all(writers: Sequence[Writer], *, seconds: float, rate: float) -> None:
    """Each writes ``rate`` letters a second, none at the same moment as another."""
    loop, pause_s = asyncio.get_running_loop(), 1 / rate / len(writers)
    began = loop.time()
    for number in range(int(seconds * rate * len(writers))):
        await asyncio.sleep(began + number * pause_s - loop.time())
        writers[number % len(writers)].write()


def delays_ms(writers: Sequence[Writer]) -> list[float]:
    """From the letter's sending until another's screen had it, for each acknowledged letter and each other screen."""
    found = []
    for screen in writers:
        came = {seq: one.at for one in reversed(screen.shown) for seq in range(one.before + 1, one.seq + 1)}
        for writer in writers:
            if writer is not screen:
                found += [(came[one.seq] - one.sent_at) * 1e3 for one in writer.acknowledged if one.seq in came]
    return found
