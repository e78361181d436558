"""Avatars and banners: sent, shown, replaced, hidden, and gone with all of their objects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.features.people.pictures import pictures
from server.features.people.pictures.queries import Kind
from storage.doomed import DoomedObjects
from storage.objects import LocalObjects, ObjectStore
from storage.postgres import Database
from storage.stream import Streams
from tests.media.pictures.files import SVG, bomb, opened, plain, saved
from tests.server.conftest import ApiFixture, Someone
from tests.server.jobs.inline import make_due
from tests.server.kit import Kit

PNG = saved(plain((300, 150)), "PNG")


async def send(person: Someone, data: bytes, kind: str = "avatar", content_type: str = "image/png") -> Any:
    answer = await person.ask("POST", f"/me/{kind}", data=data, headers={"Content-Type": content_type})
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def put(api: ApiFixture, person: Someone, data: bytes, kind: Kind = "avatar") -> str:
    """The address of a picture that was stored as it is."""
    await pictures_of(api.kit, objects_of(api.kit)).put(person.id, kind, data)
    url: str = (await (await person.ask("GET", "/me")).json())[f"{kind}_url"]
    return url


async def get(api: ApiFixture, url: str) -> aiohttp.ClientResponse:
    return await api.client.get(url)


def objects_of(kit: Kit) -> LocalObjects:
    return LocalObjects(root=kit.objects_dir)


async def sweep(database: Database, objects: ObjectStore) -> None:
    """Twice, as if hours had passed."""
    for _ in range(2):
        await database.execute("update doomed_objects set due_at = now()")
        await DoomedObjects(db=database, objects=objects).sweep()


async def keys(objects: ObjectStore) -> set[str]:
    """The folders under which there are objects."""
    return {key.rpartition("/")[0] async for key, _ in objects.listed()}


async def test_an_avatar_is_shown_wherever_the_person_is(api: ApiFixture) -> None:
    ada, bob = [await api.register(name) for name in ("ada", "bob")]
    me = await send(ada, PNG)
    url = me["avatar_url"]
    assert (await (await api.client.get("/api/v1/users/ada")).json())["avatar_url"] == url
    await ada.ask("PUT", "/users/bob/follow")
    followers = await (await bob.ask("GET", "/users/bob/followers")).json()
    assert [one["avatar_url"] for one in followers["items"]] == [url]
    picture = await get(api, url)
    assert (picture.status, picture.content_type) == (200, "image/webp")
    assert opened(await picture.read()).size == (150, 150)
    small = opened(await (await get(api, url.replace("256", "64"))).read())
    assert (small.format, small.size) == ("WEBP", (64, 64))
    me = await send(ada, PNG, "banner")
    assert me["avatar_url"] == url
    assert opened(await (await get(api, me["banner_url"])).read()).size == (300, 100)


async def test_a_picture_is_kept_by_caches_and_runs_nothing(api: ApiFixture) -> None:
    ada = await api.register("ada")
    form = aiohttp.FormData()
    form.add_field("file", PNG, filename="me.png", content_type="image/png")
    url = (await (await ada.ask("POST", "/me/avatar", data=form)).json())["avatar_url"]
    picture = await get(api, url)
    assert "immutable" in picture.headers["Cache-Control"]
    assert picture.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert picture.headers["X-Content-Type-Options"] == "nosniff"
    again = await api.client.get(url, headers={"If-None-Match": picture.headers["ETag"]})
    assert again.status == 304
    for path in (url.replace("256", "257"), f"/pictures/{ada.id}/256.webp", "/pictures/x/256.webp"):
        assert (await get(api, path)).status == 404


REFUSED = [
    (PNG, "application/json", 415, "unsupported-media-type"),
    (PNG, "application/octet-stream", 415, "unsupported-media-type"),
    (SVG, "image/svg+xml", 415, "unsupported-media-type"),
    (SVG, "image/png", 415, "unsupported-media-type"),
    (b"", "image/png", 422, "picture-broken"),
    (PNG[:100], "image/png", 422, "picture-broken"),
    (bomb(), "image/png", 422, "picture-too-many-pixels"),
    (PNG + b"%PDF-1.4", "image/png", 422, "picture-mixed"),
    (PNG, "multipart/form-data; boundary=b", 422, "invalid"),
    (bytes(65_537), "image/png", 413, "too-large"),
    (bytes(80_000), "image/png", 413, "too-large"),
]


async def test_what_is_no_picture_is_refused_and_changes_nothing(kit: Kit) -> None:
    async with kit.serve(max_picture_bytes=65_536) as served:
        ada = await served.register("ada")
        for data, content_type, status, slug in REFUSED:
            headers = {"Authorization": f"Bearer {ada}", "Content-Type": content_type}
            async with served.http.post(f"{served.url}/api/v1/me/avatar", data=data, headers=headers) as answer:
                problem = await answer.json()
            assert (answer.status, problem["type"]) == (status, f"/problems/{slug}")
        assert (await served.call("GET", "/me", token=ada))[1]["avatar_url"] is None
    assert not await kit.database.fetchval("select exists (select from doomed_objects)")


async def test_the_same_file_again_changes_nothing_and_another_has_another_address(api: ApiFixture) -> None:
    ada = await api.register("ada")
    first, again, other = [await put(api, ada, data) for data in (b"a", b"a", b"b")]
    assert first == again != other
    assert (await get(api, first)).status == 404
    assert (await get(api, other)).status == 200
    back = await put(api, ada, b"a")
    await sweep(api.database, objects_of(api.kit))
    assert (await get(api, back)).status == 200
    assert await keys(objects_of(api.kit)) == {back.rpartition("/")[0][1:]}


async def test_a_removed_picture_is_gone_and_removing_it_again_does_nothing(api: ApiFixture) -> None:
    ada = await api.register("ada")
    url = await put(api, ada, b"a")
    assert [(await ada.ask("DELETE", "/me/avatar")).status for _ in range(2)] == [204, 204]
    assert (await (await ada.ask("GET", "/me")).json())["avatar_url"] is None
    assert (await get(api, url)).status == 404
    await sweep(api.database, objects_of(api.kit))
    assert await keys(objects_of(api.kit)) == set()


async def test_pictures_of_a_suspended_person_are_hidden_until_the_suspension_ends(api: ApiFixture) -> None:
    ada = await api.register("ada")
    url = await put(api, ada, b"a")
    await api.database.execute("update users set suspended_until = now() + interval '1 hour'")
    assert (await api.client.get("/api/v1/users/ada")).status == 404
    assert (await get(api, url)).status == 404
    await api.database.execute("update users set suspended_until = now()")
    assert (await get(api, url)).status == 200


async def test_pictures_are_hidden_with_an_account_and_wiped_with_it(api: ApiFixture) -> None:
    ada = await api.register("ada")
    urls = await put(api, ada, b"a"), await put(api, ada, b"a", "banner")
    files = [one async for one in pictures_of(api.kit, objects_of(api.kit)).files(ada.id)]
    assert [(one.name, one.size) for one in files] == [("pictures/avatar.webp", 1), ("pictures/banner.webp", 1)]
    await ada.ask("DELETE", "/me", json={"password": "correct horse battery staple"})
    assert [(await get(api, url)).status for url in urls] == [404, 404]
    assert len(await keys(objects_of(api.kit))) == 2
    await api.database.execute("update account_deletions set wipe_at = now()")
    await make_due(api.database)
    await api.kit.run_jobs()
    await sweep(api.database, objects_of(api.kit))
    assert await keys(objects_of(api.kit)) == set()
    wiped = await api.database.fetchrow("select avatar_url, banner_url from users where id = $1", ada.id)
    assert dict(wiped or {}) == {"avatar_url": None, "banner_url": None}


async def test_the_changes_of_an_account_are_bounded(kit: Kit) -> None:
    async with kit.serve(max_pictures_per_hour=3) as served:
        ada = await served.register("ada")
        statuses = [(await served.call("DELETE", "/me/avatar", token=ada))[0] for _ in range(2)]
        assert statuses == [204, 429]
        assert served.feature("pictures").limits["pictures_per_hour"] == 3


# ------------------------------------------------------------------------------------------------ no object without row


class DeathError(Exception):
    """The process ends here."""


@dataclass
class Dying:
    """A store whose process dies after so many objects."""

    objects: ObjectStore
    left: int

    async def put(self, key: str, body: bytes | Path, *, content_type: str) -> None:
        if not self.left:
            raise DeathError
        self.left -= 1
        await self.objects.put(key, body, content_type=content_type)


def pictures_of(kit: Kit, objects: Any) -> pictures.Pictures:
    platform = replace(kit.platform(), objects=objects)

    async def reencode(data: bytes, sizes: Any) -> list[bytes]:
        return [data for _ in sizes]

    return pictures.Pictures(db=platform.db, objects=objects, ids=platform.ids, now=platform.now, reencode=reencode)


async def test_wherever_the_process_dies_no_object_is_left_without_its_row(
    api: ApiFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, objects = await api.register("ada"), objects_of(api.kit)
    shown: set[str] = set()
    for step in [0, 2, 4, 0, 2, 4]:
        monkeypatch.setattr(pictures, "keep", _dies)
        with pytest.raises(DeathError):
            await pictures_of(api.kit, Dying(objects, step)).put(ada.id, "avatar", b"lost")
        monkeypatch.undo()
        assert len(await keys(objects)) == len(shown) + bool(step)
        await sweep(api.database, objects)
        assert await keys(objects) == shown
        if step == 4:
            await pictures_of(api.kit, objects).put(ada.id, "avatar", f"picture {len(shown)}".encode())
            await sweep(api.database, objects)
            before, shown = shown, await keys(objects)
            assert len(shown) == 1
            assert not shown & before


async def _dies(*_: object) -> bool:
    raise DeathError


async def test_objects_that_were_swept_before_their_row_came_are_not_shown(
    api: ApiFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, objects = await api.register("ada"), objects_of(api.kit)
    slow = pictures_of(api.kit, objects)
    show = slow._show

    async def late(*given: Any) -> None:
        await sweep(api.database, objects)
        await show(*given)

    monkeypatch.setattr(slow, "_show", late)
    with pytest.raises(pictures.Problem) as refusal:
        await slow.put(ada.id, "avatar", b"late")
    assert refusal.value.status == 503
    assert (await (await ada.ask("GET", "/me")).json())["avatar_url"] is None


async def test_a_slate_is_kept_for_streams_and_on_no_profile(api: ApiFixture) -> None:
    ada = await api.register("ada")
    assert await (await ada.ask("GET", "/me/slate")).json() == {"slate_url": None}
    answer = await ada.ask("PUT", "/me/slate", data=PNG, headers={"Content-Type": "image/png"})
    assert answer.status == 200, await answer.text()
    url = (await answer.json())["slate_url"]
    assert await (await ada.ask("GET", "/me/slate")).json() == {"slate_url": url}
    streams, objects = Streams(db=api.database), objects_of(api.kit)
    assert f"/{await streams.slate_picture(ada.id)}" == url
    assert await objects.size(url[1:])
    assert (await get(api, url)).status == 200
    assert (await ada.ask("PUT", "/me/slate", data=b"none", headers={"Content-Type": "image/png"})).status == 415
    assert (await ada.ask("DELETE", "/me/slate")).status == 204
    assert await streams.slate_picture(ada.id) == ""
    await sweep(api.database, objects)
    assert await keys(objects) == set()
