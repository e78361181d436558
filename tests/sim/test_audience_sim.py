"""Whoever owns a room or counts a stream goes, or hands it on: everybody hears the room and is counted soon again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.sim.audience import Audience, Hall, stream_that_moves
from tests.sim.cluster import stage

SEEDS = range(1)
STREAM = "stream1"


@pytest.fixture(autouse=True)
def _on_stage() -> Iterator[None]:
    with stage() as errors:
        yield
    assert not [error for error in errors if "Fenced" not in error]


def longest_silence(audience: Audience, since: float, until: float) -> float:
    """Of the socket in the room that was shown nothing for longest."""
    longest = 0.0
    for room in audience.rooms:
        times = [since, *(at for at in audience.shown[room] if since < at < until), until]
        longest = max(longest, *(after - at for at, after in pairwise(times)))
    return longest


@pytest.mark.parametrize("fault", ["kill", "freeze"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_room_whose_node_is_gone_is_heard_again_on_every_node_within_3_s(seed: int, fault: str) -> None:
    hall = Hall(seed)
    hall.run(4.0 + hall.simulation.rng("phase").uniform(0, 1))
    victim, *others = hall.processes
    since = hall.simulation.now
    (victim.kill if fault == "kill" else victim.loop.freeze)()
    hall.run(12.0)
    silences = {one.name: round(longest_silence(one, since, hall.simulation.now), 2) for one in others}
    hall.simulation.close()
    assert max(silences.values()) < 3.0, silences


def test_viewers_who_come_as_the_counter_moves_are_counted_on_every_node_within_2_s() -> None:
    for seed in range(8):
        stream_id = stream_that_moves(to="c", among="abc")
        hall = Hall(seed, names=("a", "b"), rooms=0)
        rng = hall.simulation.rng("viewers")
        hall.run(3.0)
        hall.processes.append(hall.start("c"))
        hall.run(rng.uniform(0.0, 0.2))
        for _ in range(6):
            rng.choice(hall.processes[:2]).watch(stream_id)
            hall.run(rng.uniform(0.0, 0.02))
        hall.run(2.0)
        counts = {one.name: one.viewers(stream_id) for one in hall.processes}
        hall.simulation.close()
        assert counts == {"a": 6, "b": 6, "c": 6}, seed


@pytest.mark.parametrize("seed", SEEDS)
def test_viewers_are_right_within_2_s_of_finding_that_their_counters_node_is_gone(seed: int) -> None:
    hall = Hall(seed, rooms=0)
    hall.run(4.0)
    for number in range(9):
        hall.processes[number % 3].watch(STREAM)
    hall.run(1.5)
    assert {one.viewers(STREAM) for one in hall.processes} == {9}
    owner = hall.owner_of("viewers", STREAM)
    owner.kill()
    hall.run(2.0 + 2.0)
    counts = {one.name: one.viewers(STREAM) for one in hall.processes if one is not owner}
    hall.simulation.close()
    assert set(counts.values()) == {6}, counts
