"""Who has how many renditions when the machine has too little for all."""

from __future__ import annotations

from media.transcode.admission import FIRST_CALM_S, SETTLE_S, LadderAdmission


def admission(max_ladders: int = 4, **streams: int) -> LadderAdmission:
    """Streams by name with their viewers, each of which wants three renditions."""
    made = LadderAdmission(max_ladders=max_ladders)
    for at, (name, viewers) in enumerate(streams.items()):
        made.want(name, tiers=3, viewers=viewers, now=float(at))
    return made


def allowed(made: LadderAdmission) -> dict[str, int]:
    return {name: made.allowed(name) for name in ("few", "many")}


def test_all_is_made_while_the_machine_keeps_up() -> None:
    made = admission(few=1, many=50)
    made.report(100.0, is_late=False)
    assert allowed(made) == {"few": 3, "many": 3}


def test_a_late_machine_takes_from_the_stream_with_the_fewest_viewers_first() -> None:
    made = admission(many=50, few=1)
    for turn in range(4):
        made.report(100.0 + turn * SETTLE_S, is_late=True)
    assert allowed(made) == {"few": 0, "many": 2}


def test_a_change_is_given_time_to_be_seen() -> None:
    made = admission(few=1, many=50)
    for now in (100.0, 100.5, 101.0):
        made.report(now, is_late=True)
    assert allowed(made) == {"few": 2, "many": 3}


def test_what_was_taken_is_given_back_after_a_calm_to_the_stream_with_the_most_viewers() -> None:
    made = admission(few=1, many=50)
    for turn in range(4):
        made.report(100.0 + turn * SETTLE_S, is_late=True)
    now = 100.0 + 3 * SETTLE_S
    made.report(now + FIRST_CALM_S - 1, is_late=False)
    assert allowed(made) == {"few": 0, "many": 2}
    for _ in range(20):
        now += 400
        made.report(now, is_late=False)
    assert allowed(made) == {"few": 3, "many": 3}


def test_each_failure_makes_the_next_calm_longer() -> None:
    made = admission(many=50)
    made.report(100.0, is_late=True)
    made.report(100.0 + FIRST_CALM_S, is_late=False)
    assert made.allowed("many") == 3
    made.report(110.0 + FIRST_CALM_S, is_late=True)
    made.report(111.0 + 2 * FIRST_CALM_S, is_late=False)
    assert made.allowed("many") == 2


def test_only_so_many_streams_have_any_and_they_are_the_most_watched() -> None:
    made = admission(max_ladders=1, few=1, many=50)
    assert allowed(made) == {"few": 0, "many": 3}
    made.want("few", tiers=3, viewers=60, now=9.0)
    assert allowed(made) == {"few": 3, "many": 0}
    made.leave("few")
    assert allowed(made) == {"few": 0, "many": 3}


def test_of_equals_the_one_that_came_first_keeps_what_it_has() -> None:
    made = admission(max_ladders=1, many=5, few=5)
    assert allowed(made) == {"few": 0, "many": 3}


def test_a_stream_with_other_pictures_keeps_what_it_lacks() -> None:
    made = admission(many=5)
    made.report(100.0, is_late=True)
    made.want("many", tiers=2, viewers=5, now=101.0)
    assert made.allowed("many") == 1
