"""Clips: cut out of what there is, seen by those who may, gone when they go."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import av
import m3u8
import pytest

from media.transcode import image
from media.unit import Track, Unit
from server.features.videos.clips.clips import Clips, Wanted, erase
from server.features.videos.clips.pictures import ClipPictures
from server.live.viewings import Viewer
from storage.doomed import DoomedObjects, keep, reserve
from storage.postgres import Database
from tests.server.features.clips.conftest import SECONDS, Stage
from tests.server.jobs.inline import run_due


async def keys(stage: Stage) -> list[str]:
    return [key async for key, _ in stage.kit.platform().objects.listed() if key.startswith("clips/")]


async def sweep(stage: Stage) -> None:
    """All that is doomed by now, and what will be when every clip that broke off is long over."""
    await stage.kit.database.execute("update doomed_objects set due_at = now()")
    await DoomedObjects(db=stage.kit.database, objects=stage.kit.platform().objects).sweep()


def seconds_of(data: bytes, path: Path) -> float:
    path.write_bytes(data)
    with av.open(str(path)) as file:
        shown = [float(frame.time) for frame in file.decode(file.streams.video[0])]
    return max(shown) - min(shown) + 1 / 30


async def test_a_clip_of_a_recording_plays_over_hls_and_as_a_file_with_its_chat(stage: Stage, tmp_path: Path) -> None:
    stream = await stage.recorded()
    bob = await stage.id_of(stage.bob)
    await stage.say(stream, bob, "too early", at_ms=1_000)
    said = await stage.say(stream, bob, "now!", at_ms=5_500)
    clip = await stage.made(stream, seconds=4, end_ms=8_500, title="The goal")
    assert (clip["from_ms"], clip["to_ms"], clip["title"]) == (4_500, 8_500, "The goal")
    assert (clip["creator"]["username"], clip["owner"]["username"]) == ("bob", "ada")
    assert [(one["id"], one["text"]) for one in clip["chat"]["messages"]] == [(said, "now!")]

    status, data, headers = await stage.get(clip["playback"]["mp4"])
    assert status == 200
    assert headers["Accept-Ranges"] == "bytes"
    assert seconds_of(data, tmp_path / "clip.mp4") == pytest.approx(4, abs=0.1)

    _, index, _ = await stage.get(clip["playback"]["hls"])
    variant = m3u8.loads(index.decode()).playlists[0]
    assert variant.stream_info.codecs.startswith("avc1.")
    assert variant.stream_info.resolution == (160, 96)
    base = clip["playback"]["hls"].rpartition("/")[0]
    _, text, _ = await stage.get(f"{base}/{variant.uri}")
    playlist = m3u8.loads(text.decode())
    size, _, at = playlist.segments[0].byterange.partition("@")
    status, part, headers = await stage.get(clip["playback"]["mp4"], Range=f"bytes={at}-{int(at) + int(size) - 1}")
    assert status == 206
    assert part == data[int(at) :][: int(size)]
    assert part[4:8] == b"styp"


async def test_a_clip_of_a_stream_on_the_air_ends_with_the_newest_part(stage: Stage, tmp_path: Path) -> None:
    stream = await stage.on_air()
    clip = await stage.made(stream, seconds=5)
    assert clip["to_ms"] == pytest.approx(SECONDS * 1000, abs=500)
    assert clip["to_ms"] - clip["from_ms"] == 5_000
    _, data, _ = await stage.get(clip["playback"]["mp4"])
    assert seconds_of(data, tmp_path / "clip.mp4") == pytest.approx(5, abs=0.15)
    of_one_ahead = await stage.made(stream, seconds=5, end_ms=SECONDS * 1000 + 2_000)
    assert of_one_ahead["from_ms"] == SECONDS * 1000 - 3_000


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("seconds", {"seconds": 0}),
    ("seconds", {"seconds": 61}),
    ("seconds", {"seconds": -5}),
    ("seconds", {"seconds": "5"}),
    ("seconds", {"seconds": 30}),
    ("seconds", {"seconds": 5, "end_ms": 3_000}),
    ("end_ms", {"end_ms": -1}),
    ("end_ms", {"end_ms": 3_600_000}),
    ("end_ms", {"end_ms": 0}),
    ("title", {"title": "\u200b"}),
    ("title", {"title": "x" * 141}),
]


async def test_a_time_that_is_not_there_is_named_as_such(stage: Stage) -> None:
    stream = await stage.recorded()
    for field, body in WRONG:
        status, problem = await stage.clip(stream, **body)
        assert (status, [error["field"] for error in problem["errors"]]) == (422, [field]), body
    assert await keys(stage) == []


async def test_a_stream_that_never_had_media_has_nothing_to_clip(stage: Stage) -> None:
    for state in ("scheduled", "live", "ended"):
        status, problem = await stage.clip(await stage.stream(state=state))
        assert (status, problem["type"].rpartition("/")[2]) == (409, "nothing-to-clip")


async def test_a_segment_that_is_no_media_is_nothing_to_clip(stage: Stage) -> None:
    stream = await stage.recorded()
    await stage.kit.platform().objects.put(f"streams/{stream.id}/video/1/3.m4s", b"x" * 500, content_type="video/mp4")
    status, problem = await stage.clip(stream, seconds=10)
    assert (status, problem["type"].rpartition("/")[2]) == (409, "nothing-to-clip")


async def test_a_clip_outlives_the_stream_it_was_cut_from(stage: Stage) -> None:
    stream = await stage.recorded()
    await stage.say(stream, await stage.id_of(stage.bob), "hello", at_ms=11_000)
    clip = await stage.made(stream)
    await stage.kit.database.execute("delete from streams where id = $1", stream.id)
    await stage.kit.platform().objects.delete_prefix(f"streams/{stream.id}/")
    await sweep(stage)
    status, found = await stage.served.call("GET", f"/clips/{clip['id']}")
    assert status == 200
    assert [one["text"] for one in found["chat"]["messages"]] == ["hello"]
    assert (await stage.get(clip["playback"]["mp4"]))[0] == 200


async def test_a_deleted_message_leaves_the_clip(stage: Stage) -> None:
    stream = await stage.recorded()
    said = await stage.say(stream, await stage.id_of(stage.bob), "rude", at_ms=11_000)
    clip = await stage.made(stream)
    await stage.kit.database.execute("update chat_messages set deleted_at = now() where id = $1", said)
    _, found = await stage.served.call("GET", f"/clips/{clip['id']}")
    assert found["chat"]["messages"] == []


async def test_clips_of_a_private_stream_are_there_for_its_owner_and_guests_alone(stage: Stage) -> None:
    stream = await stage.recorded(visibility="private")
    assert (await stage.clip(stream))[0] == 404
    bob = await stage.id_of(stage.bob)
    await stage.kit.database.execute("insert into stream_guests (stream_id, user_id) values ($1, $2)", stream.id, bob)
    clip = await stage.made(stream)
    path = f"/clips/{clip['id']}"
    assert (await stage.served.call("GET", path))[0] == 404
    status, _, headers = await stage.get(clip["playback"]["mp4"])
    assert (status, headers["Cache-Control"]) == (200, "private, no-cache")
    assert (await stage.get(f"{path}/clip.mp4"))[0] == 404
    assert (await stage.served.call("GET", f"/streams/{stream.id}/clips"))[1]["items"] == []

    await stage.kit.database.execute("delete from stream_guests where stream_id = $1", stream.id)
    assert (await stage.served.call("GET", path, token=stage.bob))[0] == 404
    assert (await stage.get(clip["playback"]["hls"]))[0] == 404
    await stage.kit.database.execute("delete from streams where id = $1", stream.id)
    assert (await stage.served.call("GET", path, token=stage.bob))[0] == 404
    assert (await stage.served.call("GET", path, token=stage.ada))[0] == 200


async def test_whom_the_streamer_blocks_neither_clips_nor_sees_clips(stage: Stage) -> None:
    stream = await stage.recorded()
    clip = await stage.made(stream, stage.ada)
    await stage.served.call("PUT", "/users/bob/block", token=stage.ada)
    assert (await stage.clip(stream))[0] == 404
    assert (await stage.served.call("GET", f"/clips/{clip['id']}", token=stage.bob))[0] == 404
    assert (await stage.served.call("GET", "/users/ada/clips", token=stage.bob))[1]["items"] == []


async def test_clips_of_who_is_suspended_are_hidden_while_they_are(stage: Stage) -> None:
    clip = await stage.made(await stage.recorded())
    for who in ("ada", "bob"):
        for until, status in (("now() + interval '1 day'", 404), ("null", 200)):
            await stage.kit.database.execute(f"update users set suspended_until = {until} where username = $1", who)
            assert (await stage.served.call("GET", f"/clips/{clip['id']}"))[0] == status


async def test_a_streamer_who_does_not_allow_clips_makes_them_alone(stage: Stage) -> None:
    stream = await stage.recorded()
    path = "/me/clip-settings"
    assert (await stage.served.call("GET", path, token=stage.ada))[1] == {"others_may_clip": True}
    await stage.served.call("PUT", path, token=stage.ada, json={"others_may_clip": False})
    status, problem = await stage.clip(stream)
    assert (status, problem["type"].rpartition("/")[2]) == (403, "clips-off")
    assert (await stage.clip(stream, stage.ada))[0] == 201


async def test_the_same_key_makes_one_clip(stage: Stage) -> None:
    stream = await stage.recorded()
    headers = {"Idempotency-Key": "k", "Authorization": f"Bearer {stage.bob}"}
    path = f"{stage.served.url}/api/v1/streams/{stream.id}/clips"
    found = []
    for seconds in (5, 5, 6):
        async with stage.served.http.post(path, json={"seconds": seconds}, headers=headers) as answer:
            found.append((answer.status, (await answer.json()).get("clip", {}).get("id")))
    assert [status for status, _ in found] == [201, 201, 422]
    assert found[0] == found[1]
    async with stage.served.http.post(path, json={"seconds": 5}) as answer:
        assert answer.status == 401
    scopes = {"name": "bot", "scopes": ["read", "write", "chat"]}
    _, made = await stage.served.call("POST", "/auth/tokens", token=stage.bob, json=scopes)
    status, problem = await stage.clip(stream, made["token"])
    assert (status, problem["type"].rpartition("/")[2]) == (403, "missing-scope")


async def test_clips_are_listed_with_their_stream_and_their_streamer(stage: Stage) -> None:
    stream = await stage.recorded()
    made = [(await stage.made(stream, end_ms=end))["id"] for end in (8_000, 9_000, 10_000)]
    for path in (f"/streams/{stream.id}/clips", "/users/Ada/clips"):
        _, first = await stage.served.call("GET", f"{path}?limit=2")
        _, rest = await stage.served.call("GET", f"{path}?limit=2&cursor={first['next']}")
        assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]
        assert rest["next"] is None

    await stage.kit.database.execute("update streams set visibility = 'unlisted'")
    assert (await stage.served.call("GET", "/users/ada/clips"))[1]["items"] == []
    assert len((await stage.served.call("GET", "/users/ada/clips", token=stage.ada))[1]["items"]) == 3


async def test_maker_and_streamer_delete_a_clip_with_its_objects_and_nobody_else_does(stage: Stage) -> None:
    stream = await stage.recorded()
    eve = await stage.served.register("eve")
    for who in (stage.ada, stage.bob):
        path = f"/clips/{(await stage.made(stream))['id']}"
        assert (await stage.served.call("DELETE", path, token=eve))[0] == 403
        assert (await stage.served.call("DELETE", path, token=who))[0] == 204
        assert (await stage.served.call("DELETE", path, token=who))[0] == 404
    await sweep(stage)
    assert await keys(stage) == []


async def take_here(track: Track, unit: Unit) -> bytes | None:
    """As a codec worker does, in this process."""
    return image.take(track, unit)


async def test_a_clip_of_what_is_over_gets_a_picture_of_its_own(stage: Stage) -> None:
    clip = await stage.made(await stage.recorded())
    assert clip["thumbnail"] is None
    kit = stage.kit
    pictures = ClipPictures(db=kit.database, objects=kit.platform().objects, take=take_here)
    assert await run_due(kit.database, pictures.job) == 1
    _, found = await stage.served.call("GET", f"/clips/{clip['id']}")
    status, data, headers = await stage.get(found["thumbnail"])
    assert (status, headers["Content-Type"], data[8:12]) == (200, "image/webp", b"WEBP")


class Breaks:
    """An object store that is away from its ``nth`` put on, as if the node were killed there."""

    def __init__(self, objects: Any, nth: int) -> None:
        self._objects, self._left = objects, nth

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    async def put(self, key: str, body: Any, *, content_type: str) -> None:
        await self._objects.put(key, body, content_type=content_type)
        self._left -= 1
        if self._left <= 0:
            raise asyncio.CancelledError


async def test_no_object_is_left_of_a_clip_that_broke_off(stage: Stage) -> None:
    stream = await stage.recorded()
    kit = stage.kit
    await kit.platform().objects.put(f"streams/{stream.id}/thumbnail.webp", b"picture", content_type="image/webp")
    viewer = Viewer(id=await stage.id_of(stage.bob), session_id=None)
    pictures = ClipPictures(db=kit.database, objects=kit.platform().objects)
    for nth in (1, 2):
        broken: Any = Breaks(kit.platform().objects, nth)
        platform = kit.platform()
        clips = Clips(
            db=kit.database, objects=broken, footage=kit.footage(), ids=platform.ids, jobs=platform.jobs,
            pictures=pictures, now=platform.now,
        )  # fmt: skip
        with pytest.raises(asyncio.CancelledError):
            await clips.make(stream.id, viewer, Wanted(seconds=5, end_s=None, title=None, at=0.0))
        assert len(await keys(stage)) == nth
        await sweep(stage)
        assert await keys(stage) == []


async def test_no_object_is_left_of_a_clip_whose_row_never_came(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed within the transaction, and between the reservation and the first object."""
    stream = await stage.recorded()
    kit, platform = stage.kit, stage.kit.platform()
    await platform.objects.put(f"streams/{stream.id}/thumbnail.webp", b"picture", content_type="image/webp")
    viewer = Viewer(id=await stage.id_of(stage.bob), session_id=None)
    for step, stored in (("queries.COPY_MESSAGES", 2), ("file_key", 0)):
        clips = Clips(
            db=kit.database, objects=platform.objects, footage=kit.footage(), ids=platform.ids, jobs=platform.jobs,
            pictures=ClipPictures(db=kit.database, objects=platform.objects), now=platform.now,
        )  # fmt: skip
        with monkeypatch.context() as broken:
            broken.setattr(f"server.features.videos.clips.clips.{step}", None)
            with pytest.raises((Exception, asyncio.CancelledError)):
                await clips.make(stream.id, viewer, Wanted(seconds=5, end_s=None, title=None, at=0.0))
        assert len(await keys(stage)) == stored
        assert await kit.database.fetchval("select count(*) from clips") == 0
        await sweep(stage)
        assert await keys(stage) == []


async def test_a_picture_that_is_stored_after_its_clip_was_deleted_is_swept(stage: Stage) -> None:
    stream = await stage.recorded()
    clip = await stage.made(stream)
    kit = stage.kit
    await kit.database.execute("update streams set state = 'ended' where id = $1", stream.id)

    async def deleted_meanwhile(track: Any, unit: Any) -> bytes:
        await kit.database.execute("delete from clips where id = $1", clip["id"])
        await sweep(stage)
        assert await keys(stage) == []
        return b"late"

    pictures = ClipPictures(db=kit.database, objects=kit.platform().objects, take=deleted_meanwhile)
    assert await run_due(kit.database, pictures.job) == 1
    assert len(await keys(stage)) == 1
    await sweep(stage)
    assert await keys(stage) == []


async def test_what_is_finished_after_its_objects_were_swept_is_not_kept(database: Database) -> None:
    for for_s, is_kept in ((0.0, False), (60.0, True)):
        await reserve(database, f"clips/{for_s}/", for_s=for_s)
        async with database.transaction() as tx:
            assert await keep(tx, f"clips/{for_s}/") is is_kept


async def test_the_archives_of_maker_and_streamer_hold_the_clip(stage: Stage) -> None:
    stream = await stage.recorded()
    clip = await stage.made(stream, seconds=4, end_ms=8_500)
    _, played, _ = await stage.get(clip["playback"]["mp4"])
    (held,) = [one.personal_data for one in stage.kit.install().features if one.name == "clips"]
    assert held is not None
    for person in (stage.ada, stage.bob):
        (file,) = [one async for one in held.media(await stage.id_of(person))]
        assert (file.name, file.size) == (f"clips/{clip['id']}.mp4", len(played))
        assert b"".join([chunk async for chunk in file.chunks()]) == played
    document = (await stage.served.call("GET", "/me/export", token=stage.ada))[1]
    assert [one["id"] for one in document["clips_of_streams"]] == [clip["id"]]
    assert document["clips"] == []


async def test_an_account_that_is_wiped_takes_its_clips_and_words_along(stage: Stage) -> None:
    stream = await stage.recorded()
    bob = await stage.id_of(stage.bob)
    await stage.say(stream, bob, "of bob", at_ms=11_000)
    await stage.made(stream)
    kept = await stage.made(stream, stage.ada)
    async with stage.kit.database.transaction() as tx:
        await erase(tx, bob)
    await sweep(stage)
    assert {key.split("/")[1] for key in await keys(stage)} == {kept["id"]}
    _, found = await stage.served.call("GET", f"/clips/{kept['id']}")
    assert found["chat"]["messages"] == []


async def test_what_many_people_wrote_about_is_a_highlight_for_those_who_may_watch(stage: Stage) -> None:
    stream = await stage.recorded()
    await stage.kit.database.execute("update streams set media_time_ms = 600000 where id = $1", stream.id)
    ids = [
        await stage.id_of(stage.ada),
        await stage.id_of(stage.bob),
        await stage.id_of(await stage.served.register("cyd")),
    ]
    for person_id in ids:
        await stage.say(stream, person_id, "wow", at_ms=301_000)
    await stage.say(stream, ids[0], "hm", at_ms=20_000)
    _, found = await stage.served.call("GET", f"/streams/{stream.id}/highlights")
    assert [(one["from_ms"], one["to_ms"], one["reasons"]) for one in found["items"]] == [(285_000, 310_000, ["chat"])]
    private = await stage.recorded(visibility="private")
    assert (await stage.served.call("GET", f"/streams/{private.id}/highlights"))[0] == 404
