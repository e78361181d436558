"""Emotes of owners: sent, re-encoded, listed, removed; what is no emote is refused."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

from storage.doomed import DoomedObjects
from storage.objects import LocalObjects
from tests.media.pictures.files import SVG, opened, plain, saved
from tests.server.kit import Kit
from tests.server.served import PASSWORD, Served

PNG = saved(plain((100, 60)), "PNG")


def moving(frames: int, size: tuple[int, int] = (40, 40)) -> bytes:
    made = BytesIO()
    colours = [Image.new("RGB", size, (number * 50 % 256, number * 90 % 256, 200)) for number in range(frames)]
    colours[0].save(made, "GIF", save_all=True, append_images=colours[1:], duration=50, loop=0)
    return made.getvalue()


async def send(
    served: Served, token: str, name: str, data: bytes, content_type: str = "image/png"
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
    async with served.http.post(
        f"{served.url}/api/v1/me/emotes", params={"name": name}, data=data, headers=headers
    ) as answer:
        return answer.status, await answer.json()


async def get(served: Served, path: str) -> tuple[int, bytes, str]:
    """The status, the body, and how long caches keep it."""
    async with served.http.get(served.url + path) as answer:
        return answer.status, await answer.read(), answer.headers.get("Cache-Control", "")


async def test_an_emote_is_listed_for_all_and_served_for_good_until_it_is_removed(kit: Kit) -> None:
    async with kit.serve() as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        status, emote = await send(served, ada, "Hype", PNG)
        assert (status, emote["name"]) == (201, "Hype")
        assert (await served.call("GET", "/users/ADA/emotes"))[1] == {"items": [emote]}
        assert (await served.call("GET", "/me/emotes", token=ada))[1] == {"items": [emote]}
        assert (await served.call("GET", "/users/bob/emotes"))[1] == {"items": []}
        status, body, caching = await get(served, emote["url"])
        assert (status, opened(body).size, opened(body).format) == (200, (56, 56), "WEBP")
        assert "immutable" in caching
        assert (await served.call("DELETE", f"/me/emotes/{emote['id']}", token=bob))[0] == 404
        assert (await served.call("DELETE", f"/me/emotes/{emote['id']}", token=ada))[0] == 204
        assert (await get(served, emote["url"]))[0] == 404
        objects = LocalObjects(root=kit.objects_dir)
        for _ in range(2):
            await kit.database.execute("update doomed_objects set due_at = now()")
            await DoomedObjects(db=kit.database, objects=objects).sweep()
        assert [key async for key, _ in objects.listed()] == []


async def test_an_animation_stays_one(kit: Kit) -> None:
    async with kit.serve() as served:
        ada = await served.register("ada")
        _, emote = await send(served, ada, "wave", moving(5), "image/gif")
        _, body, _ = await get(served, emote["url"].replace("56.webp", "28.webp"))
        picture = Image.open(BytesIO(body))
        assert (picture.format, picture.size, picture.n_frames) == ("WEBP", (28, 28), 5)  # type: ignore[attr-defined]


REFUSED = [
    ("ok", SVG, "image/svg+xml", 415, "unsupported-media-type"),
    ("ok", PNG + b"<script>", "image/png", 422, "picture-mixed"),
    ("ok", saved(plain((400, 250)), "PNG"), "image/png", 422, "picture-too-many-pixels"),
    ("ok", moving(121, (8, 8)), "image/gif", 422, "picture-too-many-frames"),
    ("ok", bytes(20_001), "image/png", 413, "too-large"),
    ("a", PNG, "image/png", 422, "invalid"),
    ("a:b", PNG, "image/png", 422, "invalid"),
    ("x" * 33, PNG, "image/png", 422, "invalid"),
]


async def test_what_is_no_emote_is_refused_and_changes_nothing(kit: Kit) -> None:
    async with kit.serve(max_emote_bytes=20_000) as served:
        ada = await served.register("ada")
        for name, data, content_type, status, slug in REFUSED:
            found, problem = await send(served, ada, name, data, content_type)
            assert (found, problem["type"]) == (status, f"/problems/{slug}"), (name, len(data))
        assert (await served.call("GET", "/me/emotes", token=ada))[1] == {"items": []}
    assert not await kit.database.fetchval("select exists (select from doomed_objects)")


async def test_there_is_one_emote_of_a_name_and_so_many_of_an_owner(kit: Kit) -> None:
    async with kit.serve(max_emotes=2) as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        for token, name, status in ((ada, "a1", 201), (ada, "A1", 201), (bob, "a1", 201)):
            assert (await send(served, token, name, PNG))[0] == status
        for name, slug in (("a1", "emote-exists"), ("a2", "too-many-emotes")):
            status, problem = await send(served, ada, name, PNG)
            assert (status, problem["type"]) == (409, f"/problems/{slug}")


async def test_an_admin_removes_an_emote_of_any_person_and_it_is_in_the_audit_log(kit: Kit) -> None:
    async with kit.serve() as served:
        ada = await served.register("ada")
        await served.register("boss")
        await kit.database.execute("update users set roles = '{admin}' where username = 'boss'")
        _, signed = await served.call("POST", "/auth/login", json={"login": "boss", "password": PASSWORD})
        boss = signed["access_token"]
        _, emote = await send(served, ada, "Hype", PNG)
        path = f"/admin/emotes/{emote['id']}"
        assert (await served.call("DELETE", path, token=ada))[0] == 403
        assert [(await served.call("DELETE", path, token=boss))[0] for _ in range(2)] == [204, 404]
    audited = "select count(*) from audit_log where action = 'emote.remove'"
    assert await kit.database.fetchval(audited) == 1
