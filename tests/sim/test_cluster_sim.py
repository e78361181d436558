"""What holds of a cluster whatever goes wrong; and that the simulation would find out if it did not.

A failing seed is run again, with all that happened, by ``python -m bench sim --first SEED --seeds 1 --trace``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest

from actors.runtime.deadlines import Deadlines
from server.readers import Readers
from storage.inbox import Inbox
from storage.members import Members
from tests.sim.cluster import Outcome, run, stage
from tests.sim.engines import PostgresModel, RedisModel
from tests.sim.faults import KINDS
from tests.sim.process import Room
from tests.sim.simulation import Broken

A_BATCH = 100
SEEDS = 100
"""Thousands more run in ``python -m bench sim``."""
EXPECTED_ERRORS = ("%s crashed: Fenced", "another process has joined as ")


def runs(seeds: Iterable[int], **options: Any) -> list[Outcome]:
    """Raises Broken for the first that breaks a promise, AssertionError for a logged error that no fault explains."""
    with stage() as errors:
        outcomes = [run(seed, **options) for seed in seeds]
    assert [error for error in errors if not error.startswith(EXPECTED_ERRORS)] == []
    return outcomes


def found(*, within: int, **options: Any) -> str:
    """What is found wrong first."""
    with pytest.raises(Broken) as error:
        runs(range(within), **options)
    return str(error.value)


@cache
def batch(first: int) -> list[Outcome]:
    return runs(range(first, first + A_BATCH))


@pytest.mark.parametrize("first", range(0, SEEDS, A_BATCH))
def test_nothing_acknowledged_is_lost_repeated_or_reordered_and_the_cluster_heals(first: int) -> None:
    assert all(outcome.acked for outcome in batch(first))


def test_the_faults_happen_and_do_what_they_are_there_for() -> None:
    outcomes = batch(0)
    assert {kind for outcome in outcomes for kind in outcome.faults} == set(KINDS)
    assert sum(outcome.refused_writes for outcome in outcomes) > 10
    assert sum(outcome.duplicates for outcome in outcomes) > 100
    assert sum(outcome.filled for outcome in outcomes) > 50


def test_without_faults_nothing_is_refused_and_no_hole_is_left() -> None:
    for outcome in runs(range(10), most_faults=0):
        assert (outcome.refused_writes, outcome.duplicates, outcome.unreadable) == (0, 0, 0)


def test_a_seed_gives_the_same_run_in_another_process() -> None:
    code = "from tests.sim.cluster import run, stage\nwith stage():\n    print([run(seed).print for seed in range(8)])"
    with stage():
        here = [run(seed).print for seed in range(8)]
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        there = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert there.stdout.strip() == str(here)


def test_a_trace_tells_what_happened() -> None:
    trace: list[str] = []
    with stage():
        run(3, trace=trace)
    assert any("has joined" in line for line in trace)
    assert any("FAULT" in line for line in trace)


# Each guard taken away, one at a time.


class Unfenced(PostgresModel):
    def is_stale(self, shard: int, epoch: int) -> bool:
        return False


class UnfencedReader(PostgresModel):
    def is_stale_reader(self, shard: int, epoch: int) -> bool:
        return False


class Forgetful(Room):
    dedupes = False


class Generous(RedisModel):
    def may_give(self, holder: str | None, to: str, caller: str, now: int, silent: int) -> bool:
        return holder != to and self.lives(to, now, silent)


class Thief(RedisModel):
    """Takes whoever holds a lease for dead, but not the node that asks."""

    def may_give(self, holder: str | None, to: str, caller: str, now: int, silent: int) -> bool:
        return holder != to and to == caller


def test_a_log_without_its_fence_is_found() -> None:
    assert "under epoch" in found(within=60, postgres=Unfenced)


def test_a_reader_of_facts_without_its_fence_is_found() -> None:
    assert "reads facts under epoch" in found(within=200, postgres=UnfencedReader)


def test_a_reader_of_facts_that_no_node_wakes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Readers, "_wake", lambda self, name: None)
    assert "the reader has read 0 of" in found(within=1, most_faults=0)


def test_a_room_that_does_not_know_its_client_ids_is_found() -> None:
    assert "twice" in found(within=10, room=Forgetful)


def test_a_bus_that_takes_an_entry_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inbox, "is_new", lambda self, entry: True)
    assert "heard" in found(within=30)


def test_a_writer_that_does_not_look_at_the_version_of_its_reader_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Members, "reads", lambda members, _: members.me.reads)
    assert "not healed" in found(within=10, most_faults=0)


@pytest.mark.parametrize("redis", [Generous, Thief])
def test_leases_that_are_given_without_a_look_at_their_holder_are_found(redis: type[RedisModel]) -> None:
    assert "of the living" in found(within=10, redis=redis)


def test_an_ask_that_is_open_past_its_deadline_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Deadlines, "_expire", lambda self, tick: None)
    assert "past its deadline" in found(within=10)
