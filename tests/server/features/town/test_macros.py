"""Macros: answers that agents keep ready, for agents alone."""

from __future__ import annotations

from typing import Any

import pytest

from server.features.town.help import macros
from tests.server.features.test_cluster import token
from tests.server.features.town.conftest import Scene

BODY = {"title": "Thanks", "text": "Dear {name}, it is done.", "state": "solved", "priority": "low"}
NO_ID = "01a2293b-2c58-7716-bf83-011bc8a33bb2"


async def agent(scene: Scene) -> str:
    person_id = await scene.id_of("eve")
    return token(scene.kit.identity, person_id, "support")["Authorization"].removeprefix("Bearer ")


async def test_agents_keep_change_and_delete_answers_and_nobody_else_sees_them(scene: Scene) -> None:
    eve = await agent(scene)
    status, answer = await scene.call("POST", "/macros", eve, json=BODY)
    assert status == 201
    made = answer["macro"]
    assert {name: made[name] for name in BODY} == BODY
    path = f"/macros/{made['id']}"
    for method, where, json in (("GET", "/macros", None), ("POST", "/macros", BODY), ("PUT", path, BODY),
                                ("DELETE", path, None)):  # fmt: skip
        assert (await scene.call(method, where, scene.bob, json=json))[0] == 403
    status, changed = await scene.call("PUT", path, eve, json={"title": "Thanks", "text": "شكرًا"})
    assert (status, changed["text"], changed["state"], changed["priority"]) == (200, "شكرًا", None, None)
    assert [one["text"] for one in (await scene.get("/macros", scene.admin))["items"]] == ["شكرًا"]
    assert (await scene.call("DELETE", path, eve))[0] == 204
    assert (await scene.call("DELETE", path, eve))[0] == 404
    assert (await scene.call("PUT", f"/macros/{NO_ID}", eve, json=BODY))[0] == 404


@pytest.mark.parametrize(
    "wrong", [{"title": " "}, {"title": "x" * 151}, {"text": ""}, {"text": "x" * 5_001}, {"state": "lost"}, {"more": 1}]
)
async def test_what_is_no_macro_is_refused(scene: Scene, wrong: dict[str, Any]) -> None:
    assert (await scene.call("POST", "/macros", await agent(scene), json={**BODY, **wrong}))[0] == 422


async def test_there_are_so_many_macros(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(macros, "MAX_MACROS", 1)
    eve = await agent(scene)
    assert [(await scene.call("POST", "/macros", eve, json=BODY))[0] for _ in range(2)] == [201, 409]
