"""Whom a video is for: by age, by its owner and by moderators."""

from __future__ import annotations

import pytest

from tests.server.features.library.conftest import Studio
from tests.server.served import PASSWORD


@pytest.fixture
async def video_id(studio: Studio, small_film: bytes) -> str:
    """That can be played, as far as the calls know."""
    video_id: str = (await studio.made(small_film))["id"]
    await studio.kit.database.execute("update videos set state = 'ready', edition = 1 where id = $1", video_id)
    return video_id


async def slug(studio: Studio, video_id: str, token: str) -> tuple[int, str]:
    status, answer = await studio.call("GET", f"/videos/{video_id}", token)
    return status, answer.get("type", "").rpartition("/")[2]


async def test_a_video_is_for_those_who_are_old_enough(studio: Studio, video_id: str) -> None:
    path = f"/videos/{video_id}/restrictions"
    assert (await studio.call("PUT", path, studio.bob, json={}))[0] == 403
    assert (await studio.call("PUT", path, json={"countries": {"allow": ["DE"]}}))[0] == 422
    status, shown = await studio.call("PUT", path, json={"min_age": 18, "content_warning": "loud"})
    assert (status, shown["min_age"], shown["content_warning"]) == (200, 18, "loud")
    assert await slug(studio, video_id, studio.bob) == (451, "restricted-age")
    assert (await studio.call("GET", "/users/ada/videos", studio.bob))[1]["items"] == []
    assert (await studio.call("GET", f"/videos/{video_id}"))[0] == 200
    assert (await studio.call("PUT", path, json={}))[0] == 200
    assert (await studio.call("GET", f"/videos/{video_id}", studio.bob))[0] == 200


async def test_a_video_that_moderators_hide_is_its_owners_alone_until_that_is_reverted(
    studio: Studio, video_id: str
) -> None:
    await studio.served.register("mod")
    await studio.kit.database.execute("update users set roles = '{viewer,moderator}' where username = 'mod'")
    _, signed_in = await studio.served.call("POST", "/auth/login", json={"login": "mod", "password": PASSWORD})
    mod = signed_in["access_token"]
    report = {"kind": "video", "id": video_id, "reason": "hate"}
    assert (await studio.call("POST", "/reports", studio.bob, json=report))[0] == 201
    (case,) = (await studio.call("GET", "/moderation/queue", mod))[1]["items"]
    assert case["evidence"]["title"] == "Sea"
    act = {"action": "hide", "reason": "against the rules"}
    assert (await studio.call("POST", f"/moderation/cases/{case['id']}/actions", mod, json=act))[0] == 200
    assert await slug(studio, video_id, studio.bob) == (451, "withheld")
    assert (await studio.call("PUT", f"/videos/{video_id}/restrictions", json={}))[0] == 200
    assert await slug(studio, video_id, studio.bob) == (451, "withheld")
    assert (await studio.call("POST", f"/moderation/cases/{case['id']}/revert", mod, json={}))[0] == 200
    assert (await studio.call("GET", f"/videos/{video_id}", studio.bob))[0] == 200
