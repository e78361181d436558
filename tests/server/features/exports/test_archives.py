"""Archives: asked for, written by a job with media, fetched by their owner alone, deleted after some days."""

from __future__ import annotations

import asyncio
import io
import json
import time
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientResponse

from actors.runtime import LoopClock
from server.features.people.exports import archives, zip_stream
from server.features.people.exports.tickets import VALID_S, Tickets
from server.jobs import Worker
from storage.doomed import DoomedObjects
from storage.errors import Unavailable
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.objects import LocalObjects
from tests.server.conftest import PASSWORD, ApiFixture, Someone
from tests.server.features.exports.test_document import say
from tests.server.features.factors.holder import Holder, slug
from tests.server.jobs.inline import make_due, run_due

STREAM = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a22"
NOT_THERE = (404, "not-found")


def _objects(api: ApiFixture) -> LocalObjects:
    return LocalObjects(root=api.kit.objects_dir)


async def _keys(api: ApiFixture) -> list[str]:
    return [key async for key, _ in _objects(api).listed() if key.startswith("exports/")]


async def _ask(someone: Someone) -> str:
    answer = await someone.ask("POST", "/me/exports")
    assert answer.status == 202, await answer.text()
    return str((await answer.json())["id"])


async def _written(api: ApiFixture, someone: Someone) -> str:
    export_id = await _ask(someone)
    await api.kit.run_jobs()
    return export_id


async def _state(someone: Someone, export_id: str) -> str:
    return str((await (await someone.ask("GET", f"/me/exports/{export_id}")).json())["state"])


async def _url(someone: Someone, export_id: str) -> str:
    answer = await someone.ask("POST", f"/me/exports/{export_id}/link")
    assert answer.status == 200, await answer.text()
    return str((await answer.json())["url"])


async def _fetched(api: ApiFixture, url: str) -> zipfile.ZipFile:
    answer = await api.client.get(url)
    assert answer.status == 200, await answer.text()
    return zipfile.ZipFile(io.BytesIO(await answer.read()))


async def _record(api: ApiFixture, owner: Someone) -> None:
    """A recording of two tracks, of which the second broke off once, and a rendition that the server has made."""
    await api.database.execute(
        "insert into streams (id, owner_id, room_id, title, stream_key, started_at)"
        " values ($1, $2, gen_random_uuid(), 'x', 'k', '2026-05-01')",
        STREAM,
        owner.id,
    )
    objects = _objects(api)
    for rendition, init, segments in (
        ("video", "init-0.mp4", (1, 2)),
        ("audio", "init-0.mp4", (1, 2)),
        ("video", "init-1.mp4", (3,)),
        ("video-360", "init-0.mp4", (1,)),
    ):
        init_key = f"streams/{rendition}/{init}"
        await objects.put(init_key, f"[{rendition} {init}]".encode(), content_type="video/mp4")
        for number in segments:
            key = f"streams/{rendition}/{number}.m4s"
            await objects.put(key, f"({number})".encode(), content_type="video/mp4")
            await api.database.execute(
                "insert into stream_segments (stream_id, rendition, segment, publication, epoch, object_key, init_key,"
                " init_name, media_time_ms, duration_ms, bytes, started_at)"
                " values ($1, $2, $3, 1, 1, $4, $5, $6, 0, 0, 3, now())",
                STREAM, rendition, number, key, init_key, init,
            )  # fmt: skip


async def test_an_archive_holds_every_section_and_the_recordings(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await say(api.database, ada.id, 1203)
    await _record(api, ada)
    export_id = await _written(api, ada)
    held = await _fetched(api, await _url(ada, export_id))
    assert held.testzip() is None
    assert json.loads(held.read("profile.json"))["profile"]["email"] == "ada@example.org"
    messages = json.loads(held.read("data/messages.json"))
    assert sorted(one["offset"] for one in messages) == list(range(1, 1204))
    assert json.loads(held.read("data/following.json")) == []
    folder = f"media/recordings/2026-05-01-{STREAM}"
    media = {name: held.read(name) for name in held.namelist() if name.startswith("media/")}
    assert media == {
        f"{folder}/001-audio.mp4": b"[audio init-0.mp4](1)(2)",
        f"{folder}/002-video.mp4": b"[video init-0.mp4](1)(2)",
        f"{folder}/003-video.mp4": b"[video init-1.mp4](3)",
    }
    document = await (await ada.ask("GET", "/me/export")).json()
    sections = {name.removesuffix(".json").removeprefix("data/") for name in held.namelist() if "data/" in name}
    assert sections == set(document) - {"profile", "exported_at"}


async def test_its_state_is_shown_until_it_is_ready(api: ApiFixture) -> None:
    ada = await api.register("ada")
    export_id = await _ask(ada)
    (listed,) = (await (await ada.ask("GET", "/me/exports")).json())["items"]
    assert (listed["id"], listed["state"], listed["progress"]) == (export_id, "waiting", 0)
    await api.kit.run_jobs()
    shown = await (await ada.ask("GET", f"/me/exports/{export_id}")).json()
    assert (shown["state"], shown["progress"]) == ("ready", 1)
    assert shown["size_bytes"] == await _objects(api).size(archives.key_of(ada.id, export_id))
    assert shown["expires_at"] > shown["ready_at"]


async def test_progress_counts_sections_and_media(api: ApiFixture) -> None:
    progress = archives.Progress(database=api.database, export_id=STREAM, sections=2, media_bytes=100)
    await progress.section_done()
    assert progress.share == pytest.approx(0.15)
    await progress.section_done()
    await progress.media_read(50)
    assert progress.share == pytest.approx(0.65)


async def test_one_at_a_time_and_one_a_day(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await _ask(ada)
    assert await slug(await ada.ask("POST", "/me/exports")) == (409, "export-running")
    await api.kit.run_jobs()
    answer = await ada.ask("POST", "/me/exports")
    assert await slug(answer) == (429, "export-too-soon")
    assert 86_000 < int(answer.headers["Retry-After"]) <= 86_400
    await api.database.execute("update exports set requested_at = requested_at - interval '1 day'")
    await _ask(ada)


async def test_it_takes_a_proof_of_who_it_is(api: ApiFixture) -> None:
    ada = await api.register("ada")
    export_id = await _written(api, ada)
    await Holder(api, ada, "", []).has_aged()
    for path in ("/me/exports", f"/me/exports/{export_id}/link"):
        assert await slug(await ada.ask("POST", path)) == (401, "reauthentication-required")


async def test_an_api_token_makes_none(api: ApiFixture) -> None:
    ada = await api.register("ada")
    body = {"name": "bot", "scopes": ["read", "write"]}
    token = (await (await ada.ask("POST", "/auth/tokens", json=body)).json())["token"]
    answer = await api.client.post("/api/v1/me/exports", headers={"Authorization": f"Bearer {token}"})
    assert await slug(answer) == (403, "missing-scope")


async def test_nobody_else_reaches_it(api: ApiFixture) -> None:
    ada, eve = await api.register("ada"), await api.register("eve")
    export_id = await _written(api, ada)
    for method, path in (
        ("GET", f"/me/exports/{export_id}"),
        ("DELETE", f"/me/exports/{export_id}"),
        ("POST", f"/me/exports/{export_id}/link"),
    ):
        assert await slug(await eve.ask(method, path)) == NOT_THERE
    assert (await (await eve.ask("GET", "/me/exports")).json())["items"] == []


async def _archive(api: ApiFixture, export_id: str, ticket: str) -> ClientResponse:
    return await api.client.get(f"/api/v1/exports/{export_id}/archive", params={"ticket": ticket})


async def test_a_ticket_opens_one_archive_for_ten_minutes(api: ApiFixture) -> None:
    ada, eve = await api.register("ada"), await api.register("eve")
    mine, other = await _written(api, ada), await _written(api, eve)
    ticket = (await _url(ada, mine)).partition("=")[2]
    assert (await _archive(api, mine, ticket)).status == 200
    for export_id, shown in ((other, ticket), (mine, ""), (mine, "é"), (mine, "A" * 75), (mine, ticket[:-2] + "AA")):
        assert await slug(await _archive(api, export_id, shown)) == NOT_THERE
    late, _ = Tickets(seals=api.identity, wall=lambda: time.time() - VALID_S - 1).issue(mine)
    assert await slug(await _archive(api, mine, late)) == NOT_THERE


async def test_a_part_of_it_is_answered(api: ApiFixture) -> None:
    ada = await api.register("ada")
    export_id = await _written(api, ada)
    url = await _url(ada, export_id)
    whole = await (await api.client.get(url)).read()
    answer = await api.client.get(url, headers={"Range": "bytes=10-19"})
    assert (answer.status, await answer.read()) == (206, whole[10:20])
    assert answer.headers["Content-Disposition"] == 'attachment; filename="socialflow-ada.zip"'
    assert "no-store" in answer.headers["Cache-Control"]


async def _mailed_token(api: ApiFixture) -> str:
    link = await api.database.fetchval("select data->>'link' from mails where template = 'export_ready'")
    return str(link).partition("=")[2]


async def test_the_link_of_the_mail_works_once_and_for_its_person_alone(api: ApiFixture) -> None:
    ada, eve = await api.register("ada"), await api.register("eve")
    await _written(api, ada)
    token = await _mailed_token(api)
    await _written(api, eve)
    redeem = ("POST", "/me/exports/redeem")
    assert await slug(await eve.ask(*redeem, json={"token": token})) == NOT_THERE
    answer = await ada.ask(*redeem, json={"token": token})
    assert answer.status == 200
    assert "profile.json" in (await _fetched(api, (await answer.json())["url"])).namelist()
    assert await slug(await ada.ask(*redeem, json={"token": token})) == (422, "link-invalid")


class _Broken:
    """A section that breaks off when it is read for the first time."""

    def __init__(self) -> None:
        self.is_broken = True

    async def __call__(self, *args: Any) -> AsyncIterator[bytes]:
        if self.is_broken:
            yield b"["
            raise Unavailable("postgres", "gone")
        yield b"[]"


async def test_what_a_worker_that_is_killed_leaves_is_no_archive_and_another_try_makes_it(
    api: ApiFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await api.register("ada")
    export_id = await _ask(ada)
    broken = _Broken()
    monkeypatch.setattr(archives, "array_of", broken)
    with pytest.raises(Unavailable):
        await api.kit.run_jobs()
    assert await _state(ada, export_id) == "writing"
    assert await _keys(api) == []
    broken.is_broken = False
    await make_due(api.database)
    await api.kit.run_jobs()
    assert await _state(ada, export_id) == "ready"
    assert len(await _keys(api)) == 1


async def test_one_whose_worker_was_killed_at_the_last_try_has_failed_at_once(api: ApiFixture) -> None:
    ada = await api.register("ada")
    export_id = await _ask(ada)
    await api.database.execute(
        "update jobs set state = 'running', attempt = 9, tries = $1, leased_until = now() - interval '1 s'"
        " where name = 'export.write'",
        archives.TRIES,
    )
    await api.database.execute("update exports set state = 'writing' where id = $1", export_id)
    jobs = [job for feature in api.kit.install().features for job in feature.jobs if job.name.startswith("export.")]
    worker = Worker(rows=JobQueue(db=api.database), jobs=jobs, name="next", clock=LoopClock(), slots=2, ids=Ids())
    worker.start()
    async with asyncio.timeout(20):
        while await _state(ada, export_id) != "failed":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await worker.close(budget_s=5)
    await _ask(ada)


async def test_one_that_was_cancelled_by_an_operator_is_said_and_another_may_be_asked_for(api: ApiFixture) -> None:
    ada = await api.register("ada")
    export_id = await _ask(ada)
    await api.database.execute("update exports set requested_at = requested_at - interval '27 hours'")
    await _sweep(api)
    assert await _state(ada, export_id) == "failed"
    await _ask(ada)


async def _sweep(api: ApiFixture) -> None:
    (feature,) = [one for one in api.kit.install().features if one.name == "export"]
    await api.kit.database.execute("delete from jobs where name = 'export.sweep'")
    (schedule,) = feature.schedules
    platform = api.kit.platform()
    async with api.database.transaction() as tx:
        await platform.jobs.enqueue(tx, schedule.job, schedule.job.body())
    await run_due(api.database, schedule.job)
    await DoomedObjects(db=api.database, objects=_objects(api)).sweep()


async def test_after_its_days_it_is_deleted(api: ApiFixture) -> None:
    ada = await api.register("ada")
    export_id = await _written(api, ada)
    url = await _url(ada, export_id)
    await _sweep(api)
    assert len(await _keys(api)) == 1
    await api.database.execute("update exports set expires_at = now()")
    await _sweep(api)
    assert await _state(ada, export_id) == "expired"
    assert await _keys(api) == []
    assert await slug(await api.client.get(url)) == NOT_THERE


async def test_its_owner_deletes_it_before(api: ApiFixture) -> None:
    ada = await api.register("ada")
    export_id = await _written(api, ada)
    assert (await ada.ask("DELETE", f"/me/exports/{export_id}")).status == 204
    await _sweep(api)
    assert (await _keys(api), await _state(ada, export_id)) == ([], "expired")
    assert await slug(await ada.ask("POST", f"/me/exports/{export_id}/link")) == NOT_THERE
    assert await slug(await ada.ask("POST", "/me/exports")) == (429, "export-too-soon")


async def test_one_that_is_withdrawn_while_it_is_written_leaves_nothing(
    api: ApiFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await api.register("ada")
    export_id = await _ask(ada)
    written = archives.zipped

    async def withdrawn(*args: Any, **given: Any) -> AsyncIterator[bytes]:
        assert (await ada.ask("DELETE", f"/me/exports/{export_id}")).status == 204
        await api.database.execute("delete from doomed_objects")  # swept before the archive is there
        async for chunk in written(*args, **given):
            yield chunk

    monkeypatch.setattr(archives, "zipped", withdrawn)
    await api.kit.run_jobs()
    await _sweep(api)
    assert (await _keys(api), await _state(ada, export_id)) == ([], "expired")


async def test_it_goes_with_the_account(api: ApiFixture) -> None:
    ada = await api.register("ada")
    export_id = await _written(api, ada)
    url = await _url(ada, export_id)
    assert (await ada.ask("DELETE", "/me", json={"password": PASSWORD})).status == 204
    assert await slug(await api.client.get(url)) == NOT_THERE
    await api.wipe_deleted()
    await DoomedObjects(db=api.database, objects=_objects(api)).sweep()
    assert await _keys(api) == []


async def test_a_large_file_passes_through_in_pieces() -> None:
    """Nothing but what is being read is held, whatever the size."""
    held, most = 0, 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal held
        for _ in range(400):
            held += 100_000
            yield b"x" * 100_000

    async def entries() -> AsyncIterator[zip_stream.Entry]:
        yield zip_stream.Entry(name="media/large", chunks=chunks(), is_packed=False)

    out = io.BytesIO()
    async for chunk in zip_stream.zipped(entries(), at=datetime(2026, 5, 1, tzinfo=UTC)):
        held -= len(chunk)
        most = max(most, held, len(chunk))
        out.write(chunk)
    assert most <= 2 * zip_stream.CHUNK_BYTES
    with zipfile.ZipFile(out) as found:
        assert found.getinfo("media/large").file_size == 40_000_000
        assert found.testzip() is None
