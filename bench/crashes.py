"""`python -m bench crashes`: a thousand actors of which one fails every 10 ms, and what the others notice of it.

All live on one node and get numbered messages at a steady rate, on uvloop. The same without the one that fails stands
beside it. The failing one has the supervision that the server's actors have.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import uvloop

from actors.runtime import (
    Actor,
    ActorError,
    ActorId,
    LocalDirectory,
    LocalTransport,
    LoopClock,
    Message,
    Node,
    handles,
)
from bench import report
from bench.clients import percentile
from bench.report import Better, Figure

QUESTION: Final = "crashes"
EVERY_S: Final = 0.01
STEP_S: Final = 0.002
LOOK_S: Final = 0.25
FAILING: Final = "failing"
FAILED: Final = ("parked", "backing off")


class Say(Message, frozen=True, gc=False):
    """``at``: when it was due, so that a late sender counts as well."""

    number: int
    at: float


class Heard:
    """The messages that all actors have received: how many each, how late, and what was missing or out of order."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.late_ms: list[float] = []
        self.wrong = 0


class Listener(Actor):
    def __init__(self, key: str, heard: Heard) -> None:
        self._key = key
        self._heard = heard

    @handles(Say)
    def say(self, message: Say) -> None:
        heard = self._heard
        heard.late_ms.append((time.perf_counter() - message.at) * 1e3)
        heard.wrong += message.number != heard.last.get(self._key, 0) + 1
        heard.last[self._key] = message.number


class Failing(Actor):
    @handles(Say)
    def say(self, _: Say) -> None:
        raise ValueError("it fails every time")


class Seen:
    """An observer: when the failing one crashed and was parked, and how often any other did."""

    def __init__(self) -> None:
        self.crashes: list[float] = []
        self.parks: list[float] = []
        self.others = 0

    def activated(self, actor_id: ActorId) -> None: ...

    def passivated(self, actor_id: ActorId) -> None: ...

    def crashed(self, actor_id: ActorId, error: BaseException) -> None:
        self._note(self.crashes, actor_id)

    def parked(self, actor_id: ActorId) -> None:
        self._note(self.parks, actor_id)

    def handled(self, kind: str, messages: int) -> None: ...

    def dead_letter(self, actor_id: ActorId, message: str, reason: str) -> None: ...

    def _note(self, times: list[float], actor_id: ActorId) -> None:
        if actor_id.key == FAILING:
            times.append(time.perf_counter())
        else:
            self.others += 1


@dataclass(frozen=True, kw_only=True)
class Minute:
    """One run. ``looks``: whether a client that asked after it had been parked saw it parked or backing off."""

    said: int
    lost: int
    late_ms: list[float]
    crashes: int
    others: int
    parked_after_s: float
    tried: int
    refused: int
    looks: list[bool]


class Round:
    """So many actors, one of which fails if ``is_failing``."""

    def __init__(self, options: argparse.Namespace, *, is_failing: bool) -> None:
        self._options = options
        self._is_failing = is_failing
        self._heard = Heard()
        self._seen = Seen()
        self._looks: list[bool] = []
        self._tried = self._refused = 0
        self._node = Node(
            name="bench",
            clock=LoopClock(),
            directory=LocalDirectory(node="bench"),
            transport=LocalTransport(),
            observer=self._seen,
        )
        self._node.register("actor", self._actor, idle_after_s=None)

    def _actor(self, actor_id: ActorId) -> Actor:
        return Failing() if actor_id.key == FAILING else Listener(actor_id.key, self._heard)

    async def run(self) -> Minute:
        await self._node.start()
        began = time.perf_counter()
        beside = [asyncio.create_task(work(), name=work.__name__) for work in (self._crash, self._look)]
        sent = await self._talk()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await self._node.stop(budget_s=5)
        heard, seen = self._heard, self._seen
        return Minute(
            said=sum(sent.values()),
            lost=sum(number - heard.last.get(key, 0) for key, number in sent.items()) + heard.wrong,
            late_ms=heard.late_ms,
            crashes=len(seen.crashes),
            others=seen.others,
            parked_after_s=seen.parks[0] - began if seen.parks else float("nan"),
            tried=self._tried,
            refused=self._refused,
            looks=self._looks,
        )

    async def _talk(self) -> dict[str, int]:
        """In turn to all but the failing one, for the whole time; how many messages each was sent."""
        refs = [(str(number), self._node.ref("actor", str(number))) for number in range(self._options.actors - 1)]
        sent = dict.fromkeys((key for key, _ in refs), 0)
        started, number = time.perf_counter(), 0
        rate, most = self._options.rate, int(self._options.rate * self._options.seconds)
        while number < most:
            while (due := started + number / rate) <= time.perf_counter() and number < most:
                key, ref = refs[number % len(refs)]
                number += 1
                sent[key] += 1
                ref.tell(Say(number=sent[key], at=due))
            await asyncio.sleep(STEP_S)
        return sent

    async def _crash(self) -> None:
        ref, started = self._node.ref("actor", FAILING), time.perf_counter()
        while self._is_failing:
            self._tried += 1
            try:
                ref.tell(Say(number=self._tried, at=time.perf_counter()))
            except ActorError:
                self._refused += 1
            await asyncio.sleep(max(0.0, started + self._tried * EVERY_S - time.perf_counter()))

    async def _look(self) -> None:
        """As the operators' page asks. After its cool-down the failing one has its budget anew, and backs off again."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self._seen.parks:
                infos = self._node.actors(most=self._options.actors)
                self._looks.append([info.id.key for info in infos if info.state in FAILED] == [FAILING])


def figures(quiet: Sequence[Minute], failing: Sequence[Minute]) -> list[Figure]:
    def late(runs: Sequence[Minute], share: float) -> list[float]:
        return [percentile(run.late_ms, share) for run in runs]

    looks = [sum(run.looks) / max(1, len(run.looks)) * 100 for run in failing]
    return [
        _one("messages to the others", [run.said for run in failing], "", better="higher"),
        _one("of them lost or out of order", [run.lost for run in failing], "", bar=0.0),
        _one("others that crashed or were parked", [run.others for run in failing], "", bar=0.0),
        _one("late, p50", late(failing, 0.5), "ms", against=late(quiet, 0.5)),
        _one("late, p99", late(failing, 0.99), "ms", against=late(quiet, 0.99)),
        _one("crashes of the failing one", [run.crashes for run in failing], ""),
        _one("it is parked after", [run.parked_after_s for run in failing], "s"),
        _one("messages to it that were refused", [run.refused / run.tried * 100 for run in failing], "%"),
        _one("looks that showed it, and no other", looks, "%", bar=100.0, better="higher"),
    ]


def _one(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    bar: float | None = None,
    better: Better = "lower",
    against: Sequence[float] = (),
) -> Figure:
    peer = "the same with none that fails"
    return report.figure(QUESTION, name, values, unit, better=better, bar=bar, peer=peer, against=against)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench crashes", description=__doc__)
    parser.add_argument("--actors", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=10_000, help="messages a second to the others, all together")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run; it takes 4 until the one is parked")
    parser.add_argument("--rounds", type=int, default=1, help="interleaved; medians")
    report.options(parser)
    options = parser.parse_args(argv)
    logging.getLogger("actors").setLevel(logging.CRITICAL)
    quiet, failing = [], []
    for _ in range(options.rounds):
        quiet.append(uvloop.run(Round(options, is_failing=False).run()))
        failing.append(uvloop.run(Round(options, is_failing=True).run()))
    report.hand_over(figures(quiet, failing), options.json)
    return 0
