"""What is kept for a worker, and what is dropped when it does not keep up."""

from __future__ import annotations

import msgspec

from media.transcode.backlog import MAX_WAIT_S, Backlog
from media.unit import Unit


def sound(index: int) -> Unit:
    return Unit(kind="audio", pts=index, dts=index, is_key=True, data=b"sound", at=0.0)


def picture(index: int, *, is_key: bool = False) -> Unit:
    return Unit(kind="video", pts=index, dts=index, is_key=is_key, data=b"picture", at=0.0)


def pts(units: list[Unit]) -> list[int]:
    return [unit.pts for unit in units]


def test_worker_gets_no_more_than_it_may_have_before_it_answers() -> None:
    backlog = Backlog(max_units=2)
    for index in range(3):
        backlog.put(sound(index))
        assert len(backlog.give()) == (index < 2)
    backlog.answered(1)
    assert pts(backlog.give()) == [2]
    assert (backlog.under_way, backlog.dropped) == (2, 0)


def test_bytes_are_bounded_as_units_are() -> None:
    backlog = Backlog(max_bytes=12)
    for index in range(6):
        backlog.put(sound(index))
    assert pts(backlog.give()) == [4, 5]
    assert backlog.dropped == 4


def test_sound_that_does_not_fit_loses_the_oldest() -> None:
    backlog = Backlog(max_units=3)
    for index in range(5):
        backlog.put(sound(index))
    assert pts(backlog.give()) == [2, 3, 4]
    assert backlog.dropped == 2


def test_pictures_that_do_not_fit_go_on_with_the_next_key_frame() -> None:
    backlog = Backlog(max_units=3)
    for index in range(6):
        backlog.put(picture(index, is_key=index == 0))
    backlog.put(sound(6))
    backlog.put(picture(7, is_key=True))
    assert pts(backlog.give()) == [6, 7]
    assert backlog.dropped == 6


def test_sound_outlives_the_pictures_beside_it() -> None:
    backlog = Backlog(max_units=3)
    for unit in (picture(0, is_key=True), sound(1), picture(2), sound(3), picture(4)):
        backlog.put(unit)
    assert pts(backlog.give()) == [1, 3]
    assert backlog.dropped == 3


def test_pictures_that_waited_too_long_go_on_with_the_next_key_frame() -> None:
    def at(index: int, seconds: float, *, is_key: bool = False) -> Unit:
        return msgspec.structs.replace(picture(index, is_key=is_key), at=seconds)

    backlog = Backlog()
    backlog.put(at(0, 0.0, is_key=True))
    backlog.put(at(1, MAX_WAIT_S))
    assert backlog.dropped == 0
    backlog.put(at(2, MAX_WAIT_S + 0.1))
    backlog.put(at(3, MAX_WAIT_S + 0.2))
    backlog.put(at(4, MAX_WAIT_S + 0.3, is_key=True))
    backlog.put(at(5, MAX_WAIT_S + 0.4))
    backlog.put(at(6, 20.0, is_key=True))
    assert pts(backlog.give()) == [6]
    assert backlog.dropped == 6


def test_next_worker_begins_with_a_key_frame() -> None:
    backlog = Backlog(max_units=2)
    for index in range(2):
        backlog.put(picture(index, is_key=index == 0))
    backlog.give()
    backlog.put(picture(2))
    backlog.put(picture(3, is_key=True))
    backlog.lose()
    assert pts(backlog.give()) == [3]
    assert (backlog.dropped, backlog.under_way) == (3, 1)


def test_clear_begins_anew() -> None:
    backlog = Backlog()
    backlog.put(sound(0))
    backlog.give()
    backlog.put(sound(1))
    backlog.clear()
    backlog.put(picture(2))
    assert pts(backlog.give()) == [2]
    assert (backlog.dropped, backlog.under_way) == (2, 1)


def test_answer_for_more_than_was_given_changes_nothing() -> None:
    backlog = Backlog()
    backlog.answered(5)
    backlog.put(sound(0))
    assert pts(backlog.give()) == [0]
