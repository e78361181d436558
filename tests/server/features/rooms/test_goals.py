"""Goals: set, counted from the rows, read by an overlay's key; what is no goal is refused."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.server.kit import Kit
from tests.server.served import Served

HOUR = dt.timedelta(hours=1)
FOLLOW = """
insert into follows select a.id, b.id, now() + $1 from users a, users b where (a.username, b.username) = ($2, 'ada')
"""


async def current(served: Served, key: str) -> int:
    [goal] = (await served.call("GET", "/overlay/goals", token=key))[1]["items"]
    return int(goal["current"])


async def test_an_overlay_reads_how_far_a_goal_is_from_the_followers_there_are(kit: Kit) -> None:
    async with kit.serve() as served:
        ada = await served.register("ada")
        for name in ("bob", "cyd"):
            await served.register(name)
        key = (await served.call("GET", "/me/overlay-key", token=ada))[1]["key"]
        assert await served.call("GET", "/overlay/goals", token=key) == (200, {"items": []})
        await kit.database.execute(FOLLOW, -HOUR, "bob")
        body = {"title": "Ten of us", "target": 10}
        status, goal = await served.call("PUT", "/me/goals/followers", token=ada, json=body)
        assert (status, goal["current"], goal["target"], goal["is_from_now"]) == (200, 1, 10, False)
        assert await current(served, key) == 1
        body["is_from_now"] = True
        _, fresh = await served.call("PUT", "/me/goals/followers", token=ada, json=body)
        assert fresh["current"] == 0
        await kit.database.execute(FOLLOW, HOUR, "cyd")
        _, renamed = await served.call("PUT", "/me/goals/followers", token=ada, json={**body, "title": "Two"})
        assert (renamed["current"], renamed["set_at"], renamed["title"]) == (1, fresh["set_at"], "Two")
        assert await current(served, key) == 1
        await kit.database.execute("delete from follows")
        assert await current(served, key) == 0
        for _ in range(2):
            assert (await served.call("DELETE", "/me/goals/followers", token=ada))[0] == 204
        assert await served.call("GET", "/me/goals", token=ada) == (200, {"items": []})


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("followers", {"title": "", "target": 1}, 422),
        ("followers", {"title": "t" * 61, "target": 1}, 422),
        ("followers", {"title": "t", "target": 0}, 422),
        ("followers", {"title": "t", "target": 2**63}, 422),
        ("followers", {"title": "t", "target": "NaN"}, 422),
        ("tips", {"title": "t", "target": 1}, 404),
    ],
)
async def test_what_is_no_goal_is_refused(kit: Kit, kind: str, body: dict[str, object], status: int) -> None:
    async with kit.serve() as served:
        ada = await served.register("ada")
        assert (await served.call("PUT", f"/me/goals/{kind}", token=ada, json=body))[0] == status
        assert (await served.call("GET", "/me/goals", token=ada))[1] == {"items": []}
