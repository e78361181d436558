"""Searches over the features, with their facts read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from server.feature import Feature
from storage.stream import Streams, new_stream_key
from storage.stream_rows import NewStream, Visibility
from tests.server.kit import Kit
from tests.server.served import PASSWORD, Served


@dataclass
class Person:
    served: Served
    id: str
    username: str
    token: str

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """The answer to what must not be refused."""
        status, answer = await self.served.call(method, path, token=self.token, **options)
        assert status < 300, answer
        return answer


@dataclass
class Found:
    kit: Kit
    served: Served
    feature: Feature

    async def person(self, name: str) -> Person:
        body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        status, made = await self.served.call("POST", "/auth/register", json=body)
        assert status == 201, made
        return Person(self.served, made["user"]["id"], name, made["access_token"])

    async def index(self) -> None:
        await self.kit.read_facts([self.feature])

    async def stream(self, owner: Person, title: str, *, visibility: Visibility = "public", **more: Any) -> str:
        ids = self.kit.platform().ids
        stream_id = ids.uuid7(1.8e9 + len(title))
        new = NewStream(
            id=stream_id, room_id=ids.uuid7(1.8e9), owner_id=owner.id, title=title, stream_key=new_stream_key(),
            log_epoch="e", visibility=visibility, **more,
        )  # fmt: skip
        await Streams(db=self.kit.database).create(new)
        return stream_id

    async def page(self, q: str, *, by: Person | None = None, **more: Any) -> dict[str, Any]:
        query = urlencode({"q": q, **more})
        status, page = await self.served.call("GET", f"/search?{query}", token=by.token if by else None)
        assert status == 200, page
        return page

    async def names(self, q: str, *, by: Person | None = None, **more: Any) -> list[str]:
        """Usernames of people and titles or texts of what else was found."""
        items = (await self.page(q, by=by, **more))["items"]
        return [one.get("username") or one.get("title") or one["text"] for one in items]

    async def suggested(self, q: str, *, by: Person | None = None) -> list[str]:
        status, page = await self.served.call(
            "GET", f"/search/suggest?{urlencode({'q': q})}", token=by.token if by else None
        )
        assert status == 200, page
        return [one["text"] for one in page["items"]]


@pytest.fixture
async def found(kit: Kit) -> AsyncIterator[Found]:
    await kit.database.execute("truncate search_documents, search_words, search_names, search_due, search_filling")
    async with kit.serve() as served:
        [feature] = [one for one in kit.install().features if one.name == "search"]
        yield Found(kit, served, feature)
