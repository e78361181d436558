"""A room's messages in order, each once, whatever arrives."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from socialflow_client.log import RawMessage, RoomLog

ALL = 1_000


def messages(*offsets: int) -> list[RawMessage]:
    return [{"id": f"m{offset}", "offset": offset} for offset in offsets]


def offsets(taken: list[RawMessage]) -> list[int]:
    return [message["offset"] for message in taken]


def answer(*at: int, epoch: str = "e", recovered: bool = True, **more: Any) -> dict[str, Any]:
    last = at[-1] if at else 0
    return {"epoch": epoch, "offset": last, "messages": messages(*at), "recovered": recovered, **more}


def begun(offset: int = 0) -> RoomLog:
    log = RoomLog()
    log.begin("e", offset)
    return log


def test_what_follows_is_taken_and_what_is_known_is_not() -> None:
    log = begun(3)
    assert offsets(log.posted("e", messages(2, 3, 4, 5), space=ALL)) == [4, 5]
    assert offsets(log.posted("e", messages(5), space=ALL)) == []
    assert not log.is_behind


def test_a_hole_leaves_it_behind_until_it_is_filled() -> None:
    log = begun()
    assert offsets(log.posted("e", messages(1, 3), space=ALL)) == [1]
    assert log.is_behind
    assert offsets(log.posted("e", messages(4), space=ALL)) == []
    assert offsets(log.caught_up(answer(2, 3, 4), space=ALL)) == [2, 3, 4]
    assert offsets(log.posted("e", messages(5), space=ALL)) == [5]


def test_more_to_come_is_asked_for() -> None:
    log = begun()
    log.lost()
    assert offsets(log.caught_up(answer(1, 2, more=True), space=ALL)) == [1, 2]
    assert log.is_behind
    log.caught_up(answer(3), space=ALL)
    assert not log.is_behind


def test_without_space_the_rest_stays_on_the_server() -> None:
    log = begun()
    assert offsets(log.posted("e", messages(1, 2, 3), space=2)) == [1, 2]
    assert log.is_behind
    assert offsets(log.caught_up(answer(3, 4), space=1)) == [3]
    assert log.is_behind
    assert log.offset == 3


def test_a_log_that_was_restored_begins_anew_without_repeats() -> None:
    log = begun()
    log.posted("e", messages(1, 2, 3), space=ALL)
    assert log.posted("f", messages(2), space=ALL) == []
    restored = answer(1, 2, epoch="f", recovered=False)
    restored["messages"].append({"id": "new", "offset": 3})
    restored["offset"] = 3
    assert [one["id"] for one in log.caught_up(restored, space=ALL)] == ["new"]
    assert (log.epoch, log.offset, log.is_behind) == ("f", 3, False)


@given(st.lists(st.tuples(st.sampled_from(["post", "lose", "gap", "join", "read"]), st.integers(1, 30)), max_size=60))
def test_whatever_happens_each_message_is_taken_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    log, posted, seen, limit, queued = begun(), 0, 0, 20, 0

    def take(taken: list[RawMessage]) -> None:
        nonlocal seen, queued
        assert offsets(taken) == list(range(seen + 1, seen + len(taken) + 1))
        seen, queued = seen + len(taken), queued + len(taken)
        assert queued <= limit

    def join() -> None:
        page = list(range(log.offset + 1, posted + 1))
        more = {"more": True} if len(page) > 10 else {}
        joined = answer(*page[:10], **more) if page else {**answer(), "offset": posted}
        take(log.caught_up(joined, space=limit - queued))

    for what, count in steps:
        if what == "post":
            fresh = messages(*range(posted + 1, posted + count + 1))
            posted += count
            take(log.posted("e", fresh, space=limit - queued))
        elif what == "lose":
            log.lost()
        elif what == "gap":
            posted += count
            log.lost()
        elif what == "join" and log.is_behind:
            join()
        elif what == "read":
            queued = max(0, queued - count)
    while log.is_behind:
        queued = 0
        join()
    assert seen == posted
