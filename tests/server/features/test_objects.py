"""What no row names is found, listed before it goes, and removed when its days are over; nothing else ever is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from server.features.operations import objects
from server.features.operations.object_settings import ObjectSettings
from server.features.operations.objects.leftovers import Leftovers, Limits
from server.jobs.kinds import Nothing
from storage.doomed import reserve
from storage.ids import Ids
from tests.server.kit import Kit
from tests.server.served import PASSWORD, Served

DAY = dt.timedelta(days=1)
KEPT, GONE, LATER, RESERVED, PART = (str(Ids().uuid7(1e9 + at)) for at in range(5))


def leftovers(kit: Kit, *, days: int = 30, space: int = 0) -> Leftovers:
    return Leftovers(
        db=kit.database, objects=kit.platform().objects, now=lambda: dt.datetime.now(dt.UTC), rules=[],
        unfinished_days=7, limits=Limits(days=days, bytes=space),
    )  # fmt: skip


async def stored(kit: Kit, *keys: str) -> None:
    for key in keys:
        await kit.platform().objects.put(key, b"0123456789", content_type="video/mp4")


async def looked(kit: Kit, served: Served, *, after: dt.timedelta = dt.timedelta()) -> None:
    room = served.feature("objects")
    (job,) = room.jobs
    await kit.database.execute("update object_leftovers set found_at = found_at - $1::interval", after)
    async with kit.database.transaction() as tx:
        await kit.platform().jobs.enqueue(tx, job, Nothing())
    await kit.run_jobs([room])


async def doomed(kit: Kit) -> list[str]:
    return [row["prefix"] for row in await kit.database.fetch("select prefix from doomed_objects order by prefix")]


async def video(kit: Kit, video_id: str, owner: str) -> None:
    await kit.database.execute(
        "insert into videos (id, owner_id, title, state, created_at)"
        " values ($1, (select id from users where username = $2), 'T', 'ready', now())", video_id, owner,
    )  # fmt: skip


async def admin_of(kit: Kit, served: Served) -> str:
    """A person's access token, who is an admin."""
    await served.register("warden")
    await kit.database.execute("update users set roles = '{viewer,admin}' where username = 'warden'")
    _, answer = await served.call("POST", "/auth/login", json={"login": "warden", "password": PASSWORD})
    return str(answer["access_token"])


async def asked(served: Served, token: str, path: str = "") -> Any:
    status, body = await served.call("GET", f"/admin/objects{path}", token=token)
    assert status == 200, body
    return body


async def test_what_no_row_names_is_listed_first_and_goes_when_its_days_are_over(kit: Kit) -> None:
    async with kit.serve() as served:
        await served.register("owner_1")
        admin = await admin_of(kit, served)
        await video(kit, KEPT, "owner_1")
        await stored(kit, f"videos/{KEPT}/1/a.m4s", f"videos/{GONE}/1/a.m4s", f"videos/{GONE}/1/b.m4s", "other/x")
        await looked(kit, served)
        found = await asked(served, admin)
        assert (found["store"], found["written"], found["scanned_at"] is not None) == ("files", False, True)
        kinds = [(one["kind"], one["objects"], one["bytes"]) for one in found["kinds"]]
        assert kinds == [("other", 1, 10), ("videos", 3, 30)]
        assert (found["leftover_folders"], found["leftover_bytes"]) == (1, 20)
        (item,) = (await asked(served, admin, "/leftovers"))["items"]
        assert (item["prefix"], item["objects"], item["bytes"]) == (f"videos/{GONE}/", 2, 20)
        assert await doomed(kit) == [], "asking deletes nothing"
        await looked(kit, served, after=29 * DAY)
        assert await doomed(kit) == []
        await looked(kit, served, after=2 * DAY)
        assert await doomed(kit) == [f"videos/{GONE}/"]
        assert (await asked(served, admin, "/leftovers"))["items"] == []


async def test_what_a_row_names_by_then_stays(kit: Kit) -> None:
    async with kit.serve() as served:
        await served.register("owner_1")
        await stored(kit, f"videos/{LATER}/1/a.m4s")
        await looked(kit, served)
        assert await kit.database.fetchval("select count(*) from object_leftovers") == 1
        await video(kit, LATER, "owner_1")
        await kit.database.execute("update object_leftovers set found_at = found_at - interval '90 days'")
        assert await leftovers(kit).remove_due() == 0
        assert await doomed(kit) == []
        assert await kit.database.fetchval("select count(*) from object_leftovers") == 0


async def test_parts_of_a_joined_upload_and_what_is_being_made_are_no_leftovers(kit: Kit) -> None:
    async with kit.serve() as served:
        await served.register("owner_1")
        whole = str(Ids().uuid7(1e9))
        await kit.database.execute(
            "insert into uploads (id, owner_id, state, expires_at)"
            " values ($1, (select id from users limit 1), 'ready', now())", whole,
        )  # fmt: skip
        await kit.database.execute(
            "insert into upload_segments (upload_id, start, size, key) values ($1, 0, 10, $2)", whole,
            f"uploads/{PART}/0-1",
        )  # fmt: skip
        await reserve(kit.database, f"clips/{RESERVED}/", for_s=600)
        await stored(kit, f"uploads/{PART}/0-1", f"clips/{RESERVED}/a.mp4")
        await looked(kit, served)
        assert await kit.database.fetchval("select count(*) from object_leftovers") == 0


async def test_more_than_the_space_goes_after_a_day_the_oldest_first(kit: Kit) -> None:
    async with kit.serve() as served:
        await served.register("owner_1")
        ids = [str(Ids().uuid7(1e9 + at)) for at in range(3)]
        await stored(kit, *(f"videos/{one}/a" for one in ids))
        await looked(kit, served)
        for age, one in enumerate(reversed(ids)):
            await kit.database.execute(
                "update object_leftovers set found_at = now() - make_interval(hours => $2) where prefix = $1",
                f"videos/{one}/", 10 + 20 * age,
            )  # fmt: skip
        assert await leftovers(kit, days=0, space=25).remove_due() == 1
        assert await doomed(kit) == [f"videos/{ids[0]}/"]


async def test_only_admins_see_it_and_have_it_looked_through(kit: Kit) -> None:
    async with kit.serve() as served:
        ada = await served.register("ada")
        for method, path in (("GET", ""), ("GET", "/leftovers"), ("POST", "/look")):
            assert (await served.call(method, f"/admin/objects{path}", token=ada))[0] == 403
        await served.register("owner_1")
        admin = await admin_of(kit, served)
        await kit.database.execute("delete from object_scan")
        assert (await asked(served, admin))["scanned_at"] is None
        assert (await served.call("POST", "/admin/objects/look", token=admin))[0] == 202
        await kit.run_jobs([served.feature("objects")])
        assert (await asked(served, admin))["scanned_at"] is not None


@pytest.mark.parametrize("wrong", ["uploads=0:STANDARD_IA", "uploads=30:DEEP_ARCHIVE", "exports=3:STANDARD_IA", "x"])
def test_a_rule_that_would_hide_or_delete_is_no_setting(wrong: str) -> None:
    with pytest.raises(ValueError, match="object_classes"):
        ObjectSettings.model_validate({"object_classes": wrong})


def test_rules_are_read_of_the_setting() -> None:
    first, second = objects.class_rules("uploads=30:STANDARD_IA,streams=90:GLACIER_IR")
    assert (first.prefix, first.days, second.storage_class) == ("uploads/", 30, "GLACIER_IR")
