"""The room of a cohort: its people talk in it, and nobody else knows of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.live.conversing import inside, people, write
from tests.server.live.core_node import CoreNode, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def cohort(author: Person, *learners: Person) -> tuple[str, dict[str, Any]]:
    """The path of a course in which the learners are enrolled, and a cohort of it that nobody is in."""
    course = (await author.done("POST", "/courses", {"title": "Arithmetic"}))["course"]
    path = f"/courses/{course['id']}"
    for learner in learners:
        await learner.done("PUT", f"{path}/enrolment")
    body = {"title": "Autumn", "starts_at": "2099-01-01T10:00:00Z"}
    made: dict[str, Any] = (await author.done("POST", f"{path}/cohorts", body))["cohort"]
    return path, made


async def test_a_cohort_talks_in_its_room_and_who_leaves_the_course_is_cut_off_from_it(node: CoreNode) -> None:
    ada, bob, eve = await people(node, 3)
    path, made = await cohort(ada, bob, eve)
    room = {"room_id": made["room_id"]}
    his, outside = await bob.connect(), await eve.connect()
    assert (await his.refused("chat:join", room))["code"] == "not_found"
    await bob.done("PUT", f"/cohorts/{made['id']}/members/{bob.username}")
    hers = await inside(ada, made)
    await his.done("chat:join", room)
    await write(hers, made, "welcome")
    assert (await his.until("chat:messages"))["messages"][0]["text"] == "welcome"
    await write(his, made, "thanks")
    for event, body in (("chat:join", {}), ("chat:send", {"text": "x", "client_id": "c"})):
        assert (await outside.refused(event, {**room, **body}))["code"] == "not_found"
    await bob.done("DELETE", f"{path}/enrolment")
    his.pending()
    await write(hers, made, "after")
    assert (await his.refused("chat:send", {**room, "text": "x", "client_id": "c"}))["code"] == "not_found"
    assert "after" not in str(his.pending())


async def test_the_room_of_a_deleted_course_takes_nothing_more(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    path, made = await cohort(ada, bob)
    await bob.done("PUT", f"/cohorts/{made['id']}/members/{bob.username}")
    his = await inside(bob, made)
    await write(his, made, "before")
    await ada.done("DELETE", path)
    body = {"room_id": made["room_id"], "text": "x", "client_id": "c"}
    assert (await his.refused("chat:send", body))["code"] == "not_found"
    assert (await (await bob.connect()).refused("chat:join", {"room_id": made["room_id"]}))["code"] == "not_found"
