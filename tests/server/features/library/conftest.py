"""A person who makes videos of uploads, over HTTP, in process; the files are encoded by real child processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.media.vod.films import film
from tests.server.features.uploads.conftest import Uploader
from tests.server.kit import Kit
from tests.server.served import Served


@dataclass
class Studio:
    kit: Kit
    served: Served
    ada: str
    bob: str

    async def call(self, method: str, path: str, token: str | None = None, **options: Any) -> tuple[int, Any]:
        return await self.served.call(method, path, token=token or self.ada, **options)

    async def uploaded(self, data: bytes, *, token: str | None = None) -> str:
        """The id of an upload that was looked at."""
        path = await Uploader(self.kit, self.served, token or self.ada).whole(data)
        return path.rpartition("/")[2]

    async def made(self, data: bytes, **body: Any) -> dict[str, Any]:
        """A video of a file, before its job has run."""
        upload_id = await self.uploaded(data)
        status, answer = await self.call("POST", "/videos", json={"upload_id": upload_id, "title": "Sea", **body})
        assert status == 202, answer
        video: dict[str, Any] = answer["video"]
        return video

    async def encoded(self, data: bytes, **body: Any) -> dict[str, Any]:
        video = await self.made(data, **body)
        await self.kit.run_jobs()
        status, answer = await self.call("GET", f"/videos/{video['id']}")
        assert status == 200
        shown: dict[str, Any] = answer
        return shown

    async def get(self, path: str, *, token: str | None = None, **headers: str) -> tuple[int, bytes, Any]:
        """A file: status, bytes, headers; redirects are not followed."""
        sent = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        async with self.served.http.get(self.served.url + path, headers=sent, allow_redirects=False) as answer:
            return answer.status, await answer.read(), answer.headers


@pytest.fixture(scope="session")
def small_film() -> bytes:
    """Two seconds of 160×90."""
    return film()


@pytest.fixture
async def studio(kit: Kit) -> AsyncIterator[Studio]:
    async with kit.serve() as served:
        yield Studio(kit, served, await served.register("ada"), await served.register("bob"))
