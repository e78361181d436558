"""What is kept of a stream's health, and when its owner is sent what is wrong."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from actors.stream_health import HISTORY_S, HOLD_S, PAUSE_S, SAMPLE_S, HealthWatch
from actors.stream_messages import MediaProgressed, ReadHealth
from storage.stream_facts import StreamHealthChanged
from tests.actors.stream_fixture import StreamFixture


def health(*names: str, severity: str = "error", **fields: Any) -> dict[str, Any]:
    faults = [{"name": name, "severity": severity, "text": "", "advice": ""} for name in names]
    return {"faults": faults, "bitrate": 1_000, "fps": 30.0, "loudness": -20.0, "jitter_ms": 1.0, **fields}


def due(watch: HealthWatch, now: float, *names: str, severity: str = "error") -> tuple[str, ...] | None:
    watch.add(health(*names, severity=severity), at=now, now=now)
    found = watch.due(now)
    if found is not None:
        watch.sent(found, now)
    return found


def test_faults_are_sent_once_they_have_lasted_and_again_when_they_are_over() -> None:
    watch = HealthWatch()
    assert [due(watch, at, "no_sound") for at in (0.0, 1.0, HOLD_S, HOLD_S + 1)] == [None, None, ("no_sound",), None]
    assert due(watch, 20.0) is None
    assert due(watch, 20.0 + HOLD_S) == ()


def test_a_fault_that_comes_and_goes_is_sent_no_more_often_than_the_pause() -> None:
    watch = HealthWatch()
    sent = [at for at in range(60) if due(watch, float(at), *(["no_sound"] if at // 5 % 2 else [])) is not None]
    assert len(sent) >= 2
    assert all(later - earlier >= PAUSE_S for earlier, later in pairwise(sent))


def test_what_is_as_the_owner_chose_it_is_not_sent() -> None:
    watch = HealthWatch()
    assert [due(watch, float(at), "hevc", severity="info") for at in range(20)] == [None] * 20
    assert due(watch, 21.0, "open_gop", severity="warning") is None
    assert due(watch, 25.0, "open_gop", severity="warning") == ("open_gop",)


def test_the_history_has_a_sample_in_two_seconds_of_the_last_five_minutes() -> None:
    watch = HealthWatch()
    for at in range(1_000):
        watch.add(health(bitrate=at), at=float(at), now=float(at))
    first, last = watch.history[0], watch.history[-1]
    assert (len(watch.history), last["at"]) == (HISTORY_S / SAMPLE_S, 998.0)
    assert first == {"at": 700.0, "bitrate": 700, "fps": 30.0, "loudness": -20.0, "jitter_ms": 1.0}


async def test_the_actor_publishes_what_is_wrong_as_a_fact_and_tries_again_while_it_cannot() -> None:
    fixture = StreamFixture()
    await fixture.rows.create(fixture.new)
    await fixture.boot()
    grant = await fixture.go_live()
    for second in range(8):
        fixture.tables.is_away = second < 6
        at = fixture.clock.time()
        await fixture.tell(
            MediaProgressed(
                publication=grant.publication, media_time_ms=0, next_segment=0, at=at, health=health("no_sound")
            )
        )
        await fixture.clock.advance(1.0)
    told = [fact.body for fact in fixture.tables.facts if fact.name == "stream.health"]
    assert [(each["stream_id"], tuple(each["faults"])) for each in told] == [(fixture.stream_id, ("no_sound",))]
    asked = await fixture.ask(ReadHealth(has_history=True))
    assert [sample["fps"] for sample in asked["history"]] == [30.0] * 4
    assert "history" not in await fixture.ask(ReadHealth())
    await fixture.stop()


def test_the_fact_keeps_its_name() -> None:
    assert StreamHealthChanged.__struct_config__.tag == "stream.health"
