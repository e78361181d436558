"""Lessons that are a session: held in a call or a stream, and done by who attends."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from tests.server.features.town.test_cohorts import LATER, made
from tests.server.kit import Kit
from tests.server.served import Served

ABSENT = "01a2293b-2c58-7716-bf83-011bc8a33bb2"


async def attended(kit: Kit) -> None:
    features = kit.install().features
    await kit.run_schedule(next(one for one in features if one.name == "courses"), "courses.attendance")


async def percent_of(served: Served, lesson: Any, token: str) -> int:
    found: int = (await served.call("GET", f"/lessons/{lesson['id']}", token=token))[1]["percent"]
    return found


async def test_a_session_in_a_call_is_joined_by_who_is_enrolled_and_done_by_who_was_in_it(kit: Kit) -> None:
    await kit.database.execute("update shards set epoch = 1")
    async with kit.serve() as served:
        ada, bob, eve, kim = [await served.register(name) for name in ("ada", "bob", "eve", "kim")]
        course = await made(served, ada, "/courses", title="Arithmetic")
        path = f"/courses/{course['id']}"
        lesson = await made(served, ada, f"{path}/lessons", kind="live", title="Ask me", starts_at=LATER)
        text = await made(served, ada, f"{path}/lessons", kind="text", title="Read", text="Four")
        for person in (bob, eve):
            await served.call("PUT", f"{path}/enrolment", token=person)
        session = f"/lessons/{lesson['id']}/session"
        hers, his = await served.connect(ada), await served.connect(bob)
        assert (await served.call("POST", f"{session}/invitation", token=bob))[0] == 409  # not begun
        call = await hers.done("call:create", {})
        body = {"call_id": call["call_id"]}
        foreign = await his.done("call:create", {})
        for wrong in ({"call_id": ABSENT}, {"call_id": foreign["call_id"]}, {"call_id": "x"}, {}):
            assert (await served.call("PUT", session, token=ada, json=wrong))[0] == 422
        assert (await served.call("PUT", session, token=bob, json={"call_id": foreign["call_id"]}))[0] == 403
        assert (await served.call("PUT", f"/lessons/{text['id']}/session", token=ada, json=body))[0] == 409
        status, held = await served.call("PUT", session, token=ada, json=body)
        assert (status, held["call_id"]) == (200, call["call_id"])
        assert (await served.call("POST", f"{session}/invitation", token=kim))[0] == 403
        assert (await served.call("GET", f"/lessons/{lesson['id']}", token=kim))[1]["call_id"] is None
        tokens = set()
        for _ in range(25):  # asked for again and again, it is one
            status, invited = await served.call("POST", f"{session}/invitation", token=bob)
            assert status == 200, invited
            tokens.add(invited["join_token"])
        assert len(tokens) == 1
        await attended(kit)
        assert await percent_of(served, lesson, bob) == 0
        status, refused = await served.call(
            "PUT", f"/lessons/{lesson['id']}/progress", token=bob, json={"percent": 100}
        )
        assert (status, refused["type"]) == (409, "/problems/attend-session")
        await his.done("call:join", {"join_token": tokens.pop()})
        await attended(kit)
        assert [await percent_of(served, lesson, one) for one in (bob, eve)] == [100, 0]
        mark = f"/lessons/{lesson['id']}/attendance"
        assert (await served.call("PUT", f"{mark}/eve", token=bob))[0] == 403
        assert (await served.call("PUT", f"{mark}/kim", token=ada))[0] == 404
        assert (await served.call("PUT", f"{mark}/eve", token=ada))[0] == 204
        assert await percent_of(served, lesson, eve) == 100
        await hers.done("call:leave", body)
        await his.done("call:leave", body)
        assert (await served.call("POST", f"{session}/invitation", token=bob))[0] == 409  # over


async def watch(kit: Kit, stream_id: str, username: str, minutes: float, since: timedelta) -> None:
    await kit.database.execute(
        "insert into view_sessions (id, stream_id, user_id, viewer, started_at, last_at, watched_ms)"
        " select $1, $2, id, 'v', now() + $5, now(), $4 from users where username = $3",
        str(uuid.uuid4()), stream_id, username, int(minutes * 60_000), since,
    )  # fmt: skip


async def test_a_session_in_a_stream_is_done_by_who_watched_it_while_it_was(kit: Kit) -> None:
    async with kit.serve() as served:
        ada, bob, eve, kim = [await served.register(name) for name in ("ada", "bob", "eve", "kim")]
        stream = {"id": str(uuid.uuid4())}
        await kit.database.execute(
            "insert into streams (id, owner_id, room_id, title, stream_key, state)"
            " select $1, id, $1, 'Lesson', 'key', 'live' from users where username = 'ada'",
            stream["id"],
        )
        course = await made(served, ada, "/courses", title="Arithmetic")
        path = f"/courses/{course['id']}"
        lesson = await made(served, ada, f"{path}/lessons", kind="live", title="Watch", stream_id=stream["id"])
        assert (lesson["starts_at"] is not None, lesson["lasts_seconds"]) == (True, 3_600)
        for person in (bob, eve):
            await served.call("PUT", f"{path}/enrolment", token=person)
        assert (await served.call("PUT", f"/lessons/{lesson['id']}/progress", token=bob, json={"percent": 100}))[
            0
        ] == 409
        await watch(kit, stream["id"], "bob", 3, timedelta())
        await watch(kit, stream["id"], "bob", 3, timedelta(minutes=5))  # came back: six minutes together
        await watch(kit, stream["id"], "eve", 4, timedelta())  # too short
        await watch(kit, stream["id"], "eve", 60, timedelta(days=-1))  # another day
        await watch(kit, stream["id"], "kim", 60, timedelta())  # not enrolled
        await attended(kit)
        assert [await percent_of(served, lesson, one) for one in (bob, eve, kim)] == [100, 0, 0]
        change = {"lasts_seconds": 360}  # half of a short session is enough
        assert (await served.call("PATCH", f"/lessons/{lesson['id']}", token=ada, json=change))[0] == 200
        await attended(kit)
        assert await percent_of(served, lesson, eve) == 100
        assert await kit.database.fetchval("select count(*) from course_progress") == 2


async def test_only_a_live_lesson_has_a_time_and_one_without_is_marked_by_its_learners(kit: Kit) -> None:
    async with kit.serve() as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        course = await made(served, ada, "/courses", title="Arithmetic")
        path = f"/courses/{course['id']}"
        for wrong in (
            {"kind": "text", "text": "x", "starts_at": LATER},
            {"kind": "live", "lasts_seconds": 299},
            {"kind": "live", "lasts_seconds": 86_401},
            {"kind": "live", "starts_at": "tomorrow"},
        ):
            status, _ = await served.call("POST", f"{path}/lessons", token=ada, json={"title": "x", **wrong})
            assert status == 422, wrong
        lesson = await made(served, ada, f"{path}/lessons", kind="live", title="Elsewhere")
        await served.call("PUT", f"{path}/enrolment", token=bob)
        status, done = await served.call("PUT", f"/lessons/{lesson['id']}/progress", token=bob, json={"percent": 100})
        assert (status, done["done"]) == (200, True)
