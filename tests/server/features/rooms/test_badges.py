"""Badges of an owner's rooms: sent, re-encoded, replaced, removed; what is no picture or no kind is refused."""

from __future__ import annotations

from typing import Any

from storage.doomed import DoomedObjects
from storage.objects import LocalObjects
from tests.media.pictures.files import SVG, opened, plain, saved
from tests.server.kit import Kit
from tests.server.served import PASSWORD, Served

PNG = saved(plain((100, 60)), "PNG")


async def put(served: Served, token: str, kind: str, data: bytes = PNG) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "image/png"}
    async with served.http.put(f"{served.url}/api/v1/me/badges/{kind}", data=data, headers=headers) as answer:
        return answer.status, await answer.json()


async def get(served: Served, path: str) -> tuple[int, bytes]:
    async with served.http.get(served.url + path) as answer:
        return answer.status, await answer.read()


async def test_a_badge_is_listed_for_all_and_served_until_another_replaces_it_or_it_is_removed(kit: Kit) -> None:
    async with kit.serve() as served:
        ada = await served.register("ada")
        status, first = await put(served, ada, "vip")
        assert (status, first["kind"]) == (200, "vip")
        status, body = await get(served, first["url"])
        assert (status, opened(body).size, opened(body).format) == (200, (56, 56), "WEBP")
        _, second = await put(served, ada, "vip", saved(plain((40, 40)), "PNG"))
        assert (await get(served, first["url"]))[0] == 404
        assert (await served.call("GET", "/users/ADA/badges"))[1] == {"items": [second]}
        assert (await served.call("GET", "/me/badges", token=ada))[1] == {"items": [second]}
        for _ in range(2):
            assert (await served.call("DELETE", "/me/badges/vip", token=ada))[0] == 204
        assert (await served.call("GET", "/users/ada/badges"))[1] == {"items": []}
        objects = LocalObjects(root=kit.objects_dir)
        for _ in range(2):
            await kit.database.execute("update doomed_objects set due_at = now()")
            await DoomedObjects(db=kit.database, objects=objects).sweep()
        assert [key async for key, _ in objects.listed()] == []


async def test_what_is_no_badge_is_refused_and_leaves_the_one_before(kit: Kit) -> None:
    async with kit.serve(max_emote_bytes=20_000, max_emote_pixels=90_000) as served:
        ada = await served.register("ada")
        _, kept = await put(served, ada, "moderator")
        huge = saved(plain((400, 250)), "PNG")
        sent = [("moderator", SVG), ("moderator", huge), ("moderator", bytes(20_001)), ("owner", PNG)]
        assert [(await put(served, ada, *one))[0] for one in sent] == [415, 422, 413, 404]
        assert (await served.call("GET", "/users/ada/badges"))[1] == {"items": [kept]}


async def test_an_admin_removes_a_badge_of_any_room_and_the_audit_log_has_it(kit: Kit) -> None:
    async with kit.serve() as served:
        ada = await served.register("ada")
        await served.register("boss")
        await kit.database.execute("update users set roles = '{admin}' where username = 'boss'")
        _, signed = await served.call("POST", "/auth/login", json={"login": "boss", "password": PASSWORD})
        boss = signed["access_token"]
        _, badge = await put(served, ada, "follower")
        path = f"/admin/badges/{badge['id']}"
        assert (await served.call("DELETE", path, token=ada))[0] == 403
        assert [(await served.call("DELETE", path, token=boss))[0] for _ in range(2)] == [204, 404]
    audited = "select count(*) from audit_log where action = 'badge.remove'"
    assert await kit.database.fetchval(audited) == 1
