"""What a run of the benches gives: the answer of each bench, and the machine that they ran on."""

from __future__ import annotations

import msgspec

from bench.machine import Machine
from bench.report import Figure


class BenchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one bench. `error` is empty unless it failed to run; then there are no figures."""

    name: str
    asks: str
    command: str
    took_s: float
    figures: list[Figure]
    error: str = ""


class BenchOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run."""

    machine: Machine
    is_quick: bool
    answers: list[BenchAnswer]

    @property
    def figures(self) -> list[Figure]:
        return [found for answer in self.answers for found in answer.figures]
