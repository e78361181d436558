"""A picture that its owner chose stands for a video."""

from __future__ import annotations

import pytest

from media.unit import Track, Unit
from server.features.videos.library.posters import Posters
from server.jobs import RetryLater
from storage.ids import Ids
from tests.media.vod.films import film
from tests.server.features.library.conftest import Studio
from tests.server.features.library.test_videos import encoded_here
from tests.server.jobs.inline import make_due, run_due

PICTURE = b"RIFF....WEBP"


async def person(studio: Studio, token: str) -> str:
    _, me = await studio.call("GET", "/me", token)
    return str(me["id"])


async def encoded(studio: Studio) -> str:
    """A video of ada, without any object."""
    video_id = str(Ids().uuid7(1e9))
    await studio.kit.database.execute(
        "insert into videos (id, owner_id, title, state, edition, created_at)"
        " values ($1, $2, 'Sea', 'ready', 1, now())", video_id, await person(studio, studio.ada),
    )  # fmt: skip
    return video_id


async def upload(studio: Studio, token: str, kind: str = "image") -> str:
    """One that was looked at."""
    upload_id = str(Ids().uuid7(1e9))
    await studio.kit.database.execute(
        "insert into uploads (id, owner_id, state, kind, size, received, expires_at) values"
        " ($1, $2, 'ready', $3, 12, 12, 'infinity')", upload_id, await person(studio, token), kind,
    )  # fmt: skip
    await studio.kit.platform().objects.put(f"media/{upload_id}/full.webp", PICTURE, content_type="image/webp")
    return upload_id


async def put(studio: Studio, video_id: str, upload_id: str, token: str | None = None) -> int:
    return (await studio.call("PUT", f"/videos/{video_id}/poster", token, json={"upload_id": upload_id}))[0]


async def left(studio: Studio) -> int:
    return int(await studio.kit.database.fetchval("select count(*) from uploads"))


async def test_a_picture_of_its_owner_stands_for_a_video_until_it_is_taken_away(studio: Studio) -> None:
    video_id = await encoded(studio)
    assert await put(studio, video_id, await upload(studio, studio.ada)) == 200
    status, shown = await studio.call(
        "PUT", f"/videos/{video_id}/poster", json={"upload_id": await upload(studio, studio.ada)}
    )
    assert (status, shown["id"]) == (200, video_id)
    status, body, headers = await studio.get(shown["playback"]["thumbnail"])
    assert (status, body, headers["Content-Type"]) == (200, PICTURE, "image/webp")
    assert await left(studio) == 1, "the former one is gone"

    status, shown = await studio.call("DELETE", f"/videos/{video_id}/poster")
    assert (status, shown["playback"]["thumbnail"], await left(studio)) == (200, None, 0)

    assert await put(studio, video_id, await upload(studio, studio.ada)) == 200
    assert (await studio.call("DELETE", f"/videos/{video_id}"))[0] == 204
    assert await left(studio) == 0, "it goes with its video"


async def test_what_is_no_unused_picture_of_the_owner_is_no_poster(studio: Studio) -> None:
    video_id, of_bob = await encoded(studio), await upload(studio, studio.bob)
    picture = await upload(studio, studio.ada)
    assert await put(studio, video_id, await upload(studio, studio.ada, "video")) == 422
    assert await put(studio, video_id, of_bob) == 422
    assert await put(studio, video_id, of_bob, studio.bob) == 403
    assert await put(studio, video_id, picture) == 200
    assert await put(studio, video_id, picture) == 422, "it is in use"


async def test_a_poster_that_a_busy_machine_did_not_make_is_made_later_of_the_first_third(studio: Studio) -> None:
    video = await studio.made(film(seconds=9, fps=5))
    await encoded_here(studio)
    _, shown = await studio.call("GET", f"/videos/{video['id']}")
    assert (shown["state"], shown["playback"]["thumbnail"]) == ("ready", None)
    db, taken = studio.kit.database, list[Unit]()

    async def take(track: Track, unit: Unit) -> bytes | None:
        taken.append(unit)
        return PICTURE if len(taken) == 2 else None

    platform = studio.kit.platform()
    posters = Posters(db=db, objects=platform.objects, jobs=platform.jobs, take=take)
    for _ in range(2):
        async with db.transaction() as tx:
            await posters.ask(tx, video["id"])
    with pytest.raises(RetryLater):
        await run_due(db, posters.job)
    await make_due(db)
    assert await run_due(db, posters.job) == 2, "the second one finds that there is one"
    assert len(taken) == 2
    assert taken[0].is_key
    _, shown = await studio.call("GET", f"/videos/{video['id']}")
    assert (await studio.get(shown["playback"]["thumbnail"]))[1] == PICTURE
