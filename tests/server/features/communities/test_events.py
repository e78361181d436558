"""Events of communities: who announces them, who answers, how many there is room for, reminders and what is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.server.conftest import Someone
from tests.server.features.communities.test_communities import WALKERS, found, status
from tests.server.features.posts.conftest import Board, fields_of
from tests.server.jobs.inline import make_due

EVENTS = f"{WALKERS}/events"


def ahead(**how: float) -> str:
    return (datetime.now(UTC) + timedelta(**how)).isoformat().replace("+00:00", "Z")


async def announce(board: Board, moderator: Someone, **more: Any) -> dict[str, Any]:
    body = {"title": "A walk", "starts_at": ahead(days=2), **more}
    made: dict[str, Any] = (await board.do(moderator, "POST", EVENTS, body, answers=201))["event"]
    return made


async def walkers(board: Board, *names: str, **more: Any) -> list[Someone]:
    """The first founds the community, the others join it."""
    people = await board.join(*names)
    await found(board, people[0], **more)
    for one in people[1:]:
        await board.do(one, "PUT", f"{WALKERS}/membership")
    return people


async def counts(board: Board, person: Someone, event: dict[str, Any]) -> tuple[int, int]:
    _, seen = await board.call(person, "GET", f"{EVENTS}/{event['id']}")
    return seen["counts"]["going"], seen["counts"]["maybe"]


async def test_a_moderator_announces_an_event_that_all_who_may_read_the_community_see(board: Board) -> None:
    ada, bob = await walkers(board, "ada", "bob")
    assert await status(board, bob, "POST", EVENTS, {"title": "x", "starts_at": ahead(days=1)}) == 403
    later = await announce(board, ada, starts_at=ahead(days=9))
    made = await announce(board, ada, place="The old mill", time_zone="Europe/Berlin", ends_at=ahead(days=2, hours=3))
    assert (made["community"], made["place"], made["time_zone"]) == ("walkers", "The old mill", "Europe/Berlin")
    assert (made["author"]["username"], made["counts"], made["viewer"]) == (
        "ada", {"going": 0, "maybe": 0}, {"state": None},
    )  # fmt: skip
    assert await board.listed(None, EVENTS) == [made["id"], later["id"]]
    _, first = await board.call(None, "GET", f"{EVENTS}?limit=1")
    assert await board.listed(None, f"{EVENTS}?limit=1&cursor={first['next']}") == [later["id"]]
    assert first["items"][0]["viewer"] is None


async def test_events_of_a_closed_community_are_for_its_members(board: Board) -> None:
    (ada,) = await walkers(board, "ada", access="approval")
    (eve,) = await board.join("eve")
    made = await announce(board, ada)
    paths = (EVENTS, f"{EVENTS}.ics", f"{EVENTS}/{made['id']}", f"{EVENTS}/{made['id']}/attendance")
    assert [await status(board, eve, "GET", path) for path in paths] == [403] * 4
    assert await status(board, eve, "PUT", f"{EVENTS}/{made['id']}/attendance") == 403


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"starts_at": ahead(days=-1)}, "starts_at"),
        ({"starts_at": ahead(days=4_000)}, "starts_at"),
        ({"starts_at": "2030-05-01T10:00:00"}, "starts_at"),
        ({"ends_at": ahead(hours=1)}, "ends_at"),
        ({"ends_at": ahead(days=60)}, "ends_at"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"places": 0}, "places"),
        ({"title": " "}, "title"),
        ({"place": "x" * 301}, "place"),
    ],
)
async def test_what_cannot_be_an_event_is_refused_by_field(board: Board, more: dict[str, Any], field: str) -> None:
    (ada,) = await walkers(board, "ada")
    answered, problem = await board.call(ada, "POST", EVENTS, {"title": "x", "starts_at": ahead(days=2), **more})
    assert (answered, fields_of(problem)) == (422, [field])


async def test_members_answer_change_their_answer_and_are_listed(board: Board) -> None:
    ada, bob = await walkers(board, "ada", "bob")
    made = await announce(board, ada)
    attendance = f"{EVENTS}/{made['id']}/attendance"
    for _ in range(2):
        await board.do(bob, "PUT", attendance, {"state": "going"})
    await board.do(ada, "PUT", attendance, {"state": "maybe"})
    assert await counts(board, ada, made) == (1, 1)
    assert [one["username"] for one in (await board.call(ada, "GET", attendance))[1]["items"]] == ["bob"]
    assert (await board.call(bob, "GET", f"{EVENTS}/{made['id']}"))[1]["viewer"] == {"state": "going"}
    await board.do(bob, "PUT", attendance, {"state": "no"})
    await board.do(ada, "DELETE", attendance)
    assert await counts(board, ada, made) == (0, 0)
    assert await status(board, bob, "PUT", attendance, {"state": "perhaps"}) == 422


async def test_no_more_go_than_there_are_places_and_a_place_that_is_given_back_is_free(board: Board) -> None:
    ada, bob, cem = await walkers(board, "ada", "bob", "cem")
    made = await announce(board, ada, places=1)
    attendance = f"{EVENTS}/{made['id']}/attendance"
    await board.do(bob, "PUT", attendance)
    assert await status(board, cem, "PUT", attendance) == 409
    await board.do(cem, "PUT", attendance, {"state": "maybe"})
    await board.do(bob, "DELETE", f"{WALKERS}/membership")
    assert await counts(board, ada, made) == (0, 1)
    await board.do(cem, "PUT", attendance)
    assert await counts(board, ada, made) == (1, 0)
    await board.do(ada, "PATCH", f"{EVENTS}/{made['id']}", {"places": None}, answers=200)
    await board.do(ada, "PUT", attendance)
    assert await status(board, ada, "PATCH", f"{EVENTS}/{made['id']}", {"places": 1}) == 409


async def test_a_moderator_moves_an_event_and_calls_it_off(board: Board) -> None:
    ada, bob = await walkers(board, "ada", "bob")
    made = await announce(board, ada, ends_at=ahead(days=3))
    one = f"{EVENTS}/{made['id']}"
    assert await status(board, bob, "PATCH", one, {"title": "x"}) == 403
    changed = await board.do(ada, "PATCH", one, {"title": "A long walk", "ends_at": None}, answers=200)
    assert (changed["title"], changed["ends_at"], changed["starts_at"]) == ("A long walk", None, made["starts_at"])
    assert await status(board, ada, "PATCH", one, {"ends_at": ahead(days=1)}) == 422
    assert await status(board, bob, "DELETE", one) == 403
    await board.do(ada, "DELETE", one)
    assert await status(board, ada, "GET", one) == 404
    sql = "select action from audit_log where action like 'community.event%'"
    assert [row["action"] for row in await board.api.database.fetch(sql)] == ["community.event_removed"]


async def test_what_is_over_is_listed_apart_and_takes_no_answers(board: Board) -> None:
    (ada,) = await walkers(board, "ada")
    made = await announce(board, ada)
    past = "update community_events set starts_at = now() - interval '2 days', over_at = now() - interval '1 day'"
    await board.api.database.execute(past)
    assert await board.listed(ada, EVENTS) == []
    assert await board.listed(ada, f"{EVENTS}?past=true") == [made["id"]]
    assert await status(board, ada, "PUT", f"{EVENTS}/{made['id']}/attendance") == 409


async def test_a_community_has_a_bounded_number_of_events_before_it(board: Board) -> None:
    (ada,) = await walkers(board, "ada")
    await announce(board, ada)
    await board.api.database.execute(
        "insert into community_events select gen_random_uuid(), community_id, author_id, title, '', '', time_zone,"
        " starts_at, ends_at, over_at, null, 0, 0, 0, now(), now() from community_events, generate_series(1, 499)"
    )
    assert await status(board, ada, "POST", EVENTS, {"title": "x", "starts_at": ahead(days=1)}) == 409


async def soon(board: Board) -> list[tuple[str, list[str]]]:
    rows = await board.api.database.fetch(
        "select body from facts where name = 'community.news' and body->>'about' = 'event_soon' order by xid, id"
    )
    return [(row["body"]["subject_id"], row["body"]["people"]) for row in rows]


async def test_who_goes_is_reminded_once_before_the_event_unless_it_is_moved(board: Board) -> None:
    ada, bob, cem = await walkers(board, "ada", "bob", "cem")
    made = await announce(board, ada)
    for one, state in ((ada, "going"), (bob, "maybe"), (cem, "no")):
        await board.do(one, "PUT", f"{EVENTS}/{made['id']}/attendance", {"state": state})
    await board.api.kit.run_jobs()
    assert await soon(board) == []
    await board.do(ada, "PATCH", f"{EVENTS}/{made['id']}", {"starts_at": ahead(days=5)}, answers=200)
    await make_due(board.api.database)
    await board.api.kit.run_jobs()
    assert await soon(board) == [(made["id"], sorted([ada.id, bob.id]))]


async def test_an_account_that_ends_takes_its_answers_along(board: Board) -> None:
    ada, bob = await walkers(board, "ada", "bob")
    made = await announce(board, ada)
    await board.do(bob, "PUT", f"{EVENTS}/{made['id']}/attendance")
    [data] = [one.personal_data for one in board.api.kit.install().features if one.name == "communities"]
    assert data is not None
    async with board.api.database.transaction() as tx:
        await data.erase(tx, bob.id)
    assert await counts(board, ada, made) == (0, 0)


async def test_a_calendar_has_the_events_to_come_with_their_addresses(board: Board) -> None:
    (ada,) = await walkers(board, "ada", title="Walkers; all")
    made = await announce(board, ada, time_zone="Europe/Berlin", place="Mill, old")
    answer = await board.api.client.get(f"/api/v1{EVENTS}.ics")
    text = await answer.text()
    assert (answer.status, answer.content_type) == (200, "text/calendar")
    for line in ("X-WR-CALNAME:Walkers\\; all", "LOCATION:Mill\\, old", "TZID:Europe/Berlin", "SEQUENCE:0"):
        assert f"{line}\r\n" in text
    assert f"UID:{made['id']}@live.test\r\n" in text
    assert f"/c/walkers/events/{made['id']}" in text.replace("\r\n ", "")
    single = await board.api.client.get(f"/api/v1{EVENTS}/{made['id']}.ics")
    assert (await single.text()).count("BEGIN:VEVENT") == 1
