"""Cohorts: who is taken in, who leaves, and the room that they share."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.server.kit import Kit
from tests.server.served import Served

LATER, EARLIER = "2099-01-01T10:00:00Z", "2020-01-01T10:00:00Z"
ABSENT = "01a2293b-2c58-7716-bf83-011bc8a33bb2"


async def made(served: Served, token: str, path: str, **body: Any) -> Any:
    status, answer = await served.call("POST", path, token=token, json=body)
    assert status == 201, answer
    [one] = answer.values()
    return one


async def members(kit: Kit, room_id: str) -> set[str]:
    """By name: who may read the room."""
    ids = list(await kit.core().rights.members(room_id))
    rows = await kit.database.fetch("select username from users where id = any($1::uuid[])", ids)
    return {row["username"] for row in rows}


async def test_who_is_enrolled_joins_until_it_begins_and_until_it_is_full(kit: Kit) -> None:
    async with kit.serve() as served:
        ada, bob, eve, kim = [await served.register(name) for name in ("ada", "bob", "eve", "kim")]
        course = await made(served, ada, "/courses", title="Arithmetic")
        path = f"/courses/{course['id']}"
        for wrong in ({}, {"title": "x"}, {"title": "", "starts_at": LATER}, {"title": "x", "starts_at": "soon"}):
            assert (await served.call("POST", f"{path}/cohorts", token=ada, json=wrong))[0] == 422
        body = {"title": "Autumn", "starts_at": LATER, "seats": 0}
        assert (await served.call("POST", f"{path}/cohorts", token=ada, json=body))[0] == 422
        assert (await served.call("POST", f"{path}/cohorts", token=bob, json={**body, "seats": 1}))[0] == 403
        autumn = await made(served, ada, f"{path}/cohorts", title="Autumn", starts_at=LATER, seats=1)
        begun = await made(served, ada, f"{path}/cohorts", title="Summer", starts_at=EARLIER)
        here = f"/cohorts/{autumn['id']}"
        assert (autumn["room_id"], autumn["people"], autumn["is_open"]) == (autumn["id"], 0, True)
        assert (await served.call("PUT", f"{here}/members/bob", token=bob))[0] == 403  # not enrolled
        for person in (bob, eve):
            assert (await served.call("PUT", f"{path}/enrolment", token=person))[0] == 200
        assert (await served.call("PUT", f"{here}/members/eve", token=bob))[0] == 403  # only the author takes in others
        assert (await served.call("PUT", f"/cohorts/{begun['id']}/members/bob", token=bob))[1]["type"].endswith(
            "cohort-begun"
        )
        outcomes = await asyncio.gather(
            served.call("PUT", f"{here}/members/bob", token=bob), served.call("PUT", f"{here}/members/eve", token=eve)
        )
        assert sorted(status for status, _ in outcomes) == [204, 409]
        winner, name = (bob, "bob") if outcomes[0][0] == 204 else (eve, "eve")
        assert (await served.call("PUT", f"{here}/members/{name}", token=winner))[0] == 204  # again
        assert await members(kit, autumn["id"]) == {"ada", name}
        _, seen = await served.call("GET", here, token=winner)
        assert (seen["is_mine"], seen["room_id"], seen["is_open"]) == (True, autumn["id"], False)
        _, seen = await served.call("GET", here, token=kim)
        assert (seen["is_mine"], seen["room_id"], seen["people"]) == (False, None, 1)
        _, page = await served.call("GET", f"{here}/members", token=winner)
        assert [one["username"] for one in page["items"]] == [name]
        assert (await served.call("GET", f"{here}/members", token=kim))[0] == 404
        _, listed = await served.call("GET", f"{path}/cohorts")
        assert [(one["title"], one["room_id"]) for one in listed["items"]] == [("Summer", None), ("Autumn", None)]
        for method, where in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/members"), ("PUT", "/members/bob")):
            json = {"title": "x"} if method == "PATCH" else None
            assert (await served.call(method, f"/cohorts/{ABSENT}{where}", token=bob, json=json))[0] == 404


async def test_the_author_moves_learners_and_who_leaves_the_course_leaves_its_cohort(kit: Kit) -> None:
    async with kit.serve() as served:
        ada, bob, eve = [await served.register(name) for name in ("ada", "bob", "eve")]
        course = await made(served, ada, "/courses", title="Arithmetic")
        path = f"/courses/{course['id']}"
        one = await made(served, ada, f"{path}/cohorts", title="One", starts_at=EARLIER)
        two = await made(served, ada, f"{path}/cohorts", title="Two", starts_at=LATER)
        for person in (bob, eve):
            await served.call("PUT", f"{path}/enrolment", token=person)
        for name in ("bob", "eve"):
            assert (await served.call("PUT", f"/cohorts/{one['id']}/members/{name}", token=ada))[0] == 204
        assert (await served.call("DELETE", f"/cohorts/{one['id']}/members/eve", token=bob))[0] == 404
        assert (await served.call("PUT", f"/cohorts/{two['id']}/members/bob", token=bob))[0] == 204  # moves
        assert await members(kit, one["id"]) == {"ada", "eve"}
        assert await members(kit, two["id"]) == {"ada", "bob"}
        assert (await served.call("DELETE", f"{path}/enrolment", token=bob))[0] == 204
        assert await members(kit, two["id"]) == {"ada"}
        await served.call("PUT", f"{path}/enrolment", token=bob)  # again: in no cohort
        assert await members(kit, two["id"]) == {"ada"}
        assert (await served.call("DELETE", f"/cohorts/{one['id']}/members/eve", token=ada))[0] == 204
        assert (await served.call("DELETE", f"/cohorts/{one['id']}/members/eve", token=ada))[0] == 404
        assert await members(kit, one["id"]) == {"ada"}
        _, changed = await served.call(
            "PATCH", f"/cohorts/{two['id']}", token=ada, json={"title": "Three", "seats": 2, "starts_at": EARLIER}
        )
        assert (changed["title"], changed["seats"], changed["is_open"]) == ("Three", 2, False)
        assert (await served.call("DELETE", f"/cohorts/{two['id']}", token=ada))[0] == 204
        assert (await served.call("GET", f"/cohorts/{two['id']}", token=ada))[0] == 404
        assert (await served.call("DELETE", path, token=ada))[0] == 204
        assert await kit.database.fetchval("select count(*) from chat_rooms where is_private") == 0


async def test_a_hundred_cohorts_are_enough_for_a_course(kit: Kit) -> None:
    async with kit.serve() as served:
        ada = await served.register("ada")
        course = await made(served, ada, "/courses", title="Arithmetic")
        await kit.database.execute(
            "with r as (insert into chat_rooms (id, log_epoch, is_private) select gen_random_uuid(), 'e', true"
            " from generate_series(1, 100) returning id) insert into course_cohorts (id, course_id, title, starts_at,"
            " seats, created_at) select id, $1, 't', now(), 1, now() from r",
            course["id"],
        )
        body = {"title": "x", "starts_at": LATER}
        status, answer = await served.call("POST", f"/courses/{course['id']}/cohorts", token=ada, json=body)
        assert (status, answer["type"]) == (409, "/problems/too-many-cohorts")
