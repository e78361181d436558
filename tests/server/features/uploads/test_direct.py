"""Parts that a client sends to the bucket itself, which is a server of S3: checked as any upload, and swept."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from storage.objects import S3Objects
from tests.contract.test_objects import RCLONE, aws_keys, bucket, rclone_url, unfinished
from tests.server.features.uploads import conftest
from tests.server.features.uploads.conftest import Uploader, another, video
from tests.server.kit import Kit
from tests.tools import needs

__all__ = ["aws_keys", "rclone_url"]

pytestmark = needs(RCLONE, "rclone")
MIB = 1_048_576


@pytest.fixture
async def store(rclone_url: str) -> AsyncIterator[S3Objects]:
    made = bucket(rclone_url)
    yield made
    await made.delete_prefix("uploads/")
    await made.sweep_unfinished(before=dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    await made.close()


@pytest.fixture
async def ada(kit: Kit, store: S3Objects, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Uploader]:
    usual = kit.platform
    monkeypatch.setattr(kit, "platform", lambda: replace(usual(), objects=store))
    async with kit.serve(direct_uploads=True, max_upload_mb=64, max_unused_upload_mb=200) as served:
        yield Uploader(kit, served, await served.register("ada"))


async def call(ada: Uploader, path: str) -> tuple[int, Any]:
    return await ada.served.call("POST", path.removeprefix("/api/v1"), token=ada.token)


async def put(ada: Uploader, part: dict[str, Any], data: bytes) -> int:
    async with ada.served.http.put(part["url"], data=data[part["offset"] :][: part["size"]]) as answer:
        return answer.status


async def test_parts_in_any_order_are_one_upload_that_is_looked_at(
    ada: Uploader, store: S3Objects, rclone_url: str
) -> None:
    data = video(20)
    path = await ada.create(len(data))
    status, asked = await call(ada, path + "/parts")
    assert (status, asked["count"], asked["missing"], asked["part_bytes"]) == (200, 2, 2, 16 * MIB)
    assert [part["size"] for part in asked["parts"]] == [16 * MIB, len(data) - 16 * MIB]
    assert await ada.append(path, 0, data) == 409, "it does not come by tus any more"
    assert await put(ada, asked["parts"][1], data) == 200
    status, problem = await call(ada, path + "/parts/done")
    assert (status, problem["detail"]) == (409, "1 of 2 parts are missing or of another size: 1")
    _, again = await call(ada, path + "/parts")
    assert [part["number"] for part in again["parts"]] == [1]
    assert await put(ada, again["parts"][0], data) == 200
    for _ in range(2):
        status, upload = await call(ada, path + "/parts/done")
        assert (status, upload["state"], upload["offset"]) == (200, "checking", len(data))
    await ada.kit.run_jobs()
    assert (await ada.state(path))["state"] == "ready", "it was looked at"
    assert unfinished(rclone_url) == []
    assert await put(ada, again["parts"][0], bytes(len(data))) >= 400, "what was looked at is not replaced"
    key = f"uploads/{path.rpartition('/')[2]}/direct"
    assert b"".join([chunk async for chunk in store.open(key)]) == data


async def test_parts_of_another_size_are_not_taken(ada: Uploader) -> None:
    path = await ada.create(1_000)
    _, asked = await call(ada, path + "/parts")
    async with ada.served.http.put(asked["parts"][0]["url"], data=b"x" * 2_000):
        pass
    status, problem = await call(ada, path + "/parts/done")
    assert (status, problem["type"].rpartition("/")[2]) == (409, "parts-missing")
    assert (await ada.state(path))["state"] == "receiving"


async def test_an_upload_that_is_ended_leaves_nothing_in_the_bucket(ada: Uploader, rclone_url: str) -> None:
    path = await ada.create(1_000)
    _, asked = await call(ada, path + "/parts")
    assert unfinished(rclone_url) != []
    assert (await ada.send("DELETE", path))[0] == 204
    assert unfinished(rclone_url) == []
    assert await put(ada, asked["parts"][0], bytes(1_000)) >= 400


async def test_only_a_whole_new_upload_of_ones_own_comes_in_direct_parts(ada: Uploader) -> None:
    path = await ada.create(1_000)
    assert (await call(await another(ada), path + "/parts"))[0] == 404
    assert (await call(ada, path + "/parts/done"))[0] == 409
    assert await ada.append(path, 0, b"x") == 204
    for other in (path, await ada.create(None), await ada.create(0), await ada.create(5, Upload_Concat="partial")):
        assert (await call(ada, other + "/parts"))[0] == 409


async def test_where_it_is_off_uploads_come_through_the_server(kit: Kit) -> None:
    async with kit.serve() as served:
        ada = conftest.Uploader(kit, served, await served.register("ada"))
        status, problem = await call(ada, await ada.create(10) + "/parts")
        assert (status, problem["type"].rpartition("/")[2]) == (409, "no-direct-parts")
