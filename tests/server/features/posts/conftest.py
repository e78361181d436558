"""People who post, and what they and others see of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from server.feature import Feature
from tests.server.conftest import ApiFixture, Someone

FACTS = "select name, body from facts where name like 'post.%' order by xid, id"


@dataclass
class Board:
    """The application, as people use it: each verb asserts the answer that it should have."""

    api: ApiFixture
    known: dict[str, Someone] = field(default_factory=dict)

    @property
    def feature(self) -> Feature:
        return self.api.kit.install().posts.feature

    async def join(self, *names: str) -> list[Someone]:
        self.known |= {name: await self.api.register(name) for name in names}
        return [self.known[name] for name in names]

    async def call(self, person: Someone | None, method: str, path: str, json: object = None) -> tuple[int, Any]:
        if person is not None:
            answer = await person.ask(method, path, json=json)
        else:
            answer = await self.api.client.request(method, f"/api/v1{path}", json=json)
        return answer.status, await answer.json() if answer.status not in (202, 204) else None

    async def post(self, person: Someone, text: str = "hello", **more: Any) -> dict[str, Any]:
        status, answer = await self.call(person, "POST", "/posts", {"text": text, **more})
        assert status == 201, answer
        shown: dict[str, Any] = answer["post"]
        return shown

    async def get(self, person: Someone | None, post_id: str) -> dict[str, Any]:
        status, post = await self.call(person, "GET", f"/posts/{post_id}")
        assert status == 200, post
        shown: dict[str, Any] = post
        return shown

    async def sees(self, person: Someone | None, post_id: str) -> bool:
        status, _ = await self.call(person, "GET", f"/posts/{post_id}")
        assert status in (200, 404)
        return status == 200

    async def do(self, person: Someone, method: str, path: str, json: object = None, *, answers: int = 204) -> Any:
        status, body = await self.call(person, method, path, json)
        assert status == answers, body
        return body

    async def listed(self, person: Someone | None, path: str) -> list[str]:
        status, page = await self.call(person, "GET", path)
        assert status == 200, page
        return [one["id"] for one in page["items"]]

    async def facts(self) -> list[tuple[str, dict[str, Any]]]:
        return [(row["name"], row["body"]) for row in await self.api.database.fetch(FACTS)]


@pytest.fixture
def board(api: ApiFixture) -> Board:
    return Board(api)


def fields_of(problem: dict[str, Any]) -> list[str]:
    return [one["field"] for one in problem["errors"]]
