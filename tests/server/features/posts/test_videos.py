"""Videos in posts: a video's own post, whose replies are its comments, and posts that carry videos."""

from __future__ import annotations

from typing import Any

from server.features.videos.library.facts import VideoDeleted, VideoReady
from storage.facts import publish
from storage.ids import Ids
from tests.server.conftest import Someone
from tests.server.features.posts.conftest import Board, fields_of

NOBODY = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"


async def video(board: Board, owner: Someone, **columns: Any) -> str:
    """One that is encoded, without any object."""
    video_id, values = str(Ids().uuid7(1e9)), {"visibility": "public", "wants_post": True, "state": "ready", **columns}
    await board.api.database.execute(
        "insert into videos (id, owner_id, upload_id, title, visibility, wants_post, state, edition, created_at)"
        " values ($1, $2, gen_random_uuid(), 'Sea #waves', $3, $4, $5, 1, now())",
        video_id, owner.id, values["visibility"], values["wants_post"], values["state"],
    )  # fmt: skip
    return video_id


async def told(board: Board, fact: VideoReady | VideoDeleted) -> None:
    async with board.api.database.transaction() as tx:
        await publish(tx, fact)
    await board.api.kit.read_facts([board.feature])


async def ready(board: Board, owner: Someone, **columns: Any) -> str:
    video_id = await video(board, owner, **columns)
    await told(board, VideoReady(video_id=video_id, owner_id=owner.id, duration_ms=1_000))
    return video_id


async def test_a_public_video_becomes_a_post_whose_replies_are_its_comments(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    video_id = await ready(board, ada)
    post = await board.do(bob, "GET", f"/videos/{video_id}/post", answers=200)
    assert (post["text"], post["author"]["username"], post["visibility"]) == ("Sea #waves", "ada", "public")
    (media,) = post["media"]
    assert (media["id"], media["kind"], media["url"]) == (video_id, "video", f"/vod/{video_id}/index.m3u8")
    reply = await board.post(bob, "lovely", reply_to=post["id"])
    assert await board.listed(None, f"/posts/{post['id']}/replies") == [reply["id"]]

    await told(board, VideoReady(video_id=video_id, owner_id=ada.id, duration_ms=900))
    assert await board.listed(bob, "/users/ada/posts") == [post["id"]], "trimmed, it is no second one"
    await board.api.database.execute("update videos set visibility = 'unlisted'")
    assert not await board.sees(bob, post["id"])
    assert await board.sees(ada, post["id"])
    await board.api.database.execute("update videos set visibility = 'public'")
    await told(board, VideoDeleted(video_id=video_id, owner_id=ada.id))
    assert await board.listed(bob, "/users/ada/posts") == []


async def test_a_video_without_a_post_becomes_one_when_its_owner_asks(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    video_id, hidden = await ready(board, ada, wants_post=False), await ready(board, ada, visibility="private")
    path = f"/videos/{video_id}/post"
    await board.do(ada, "GET", path, answers=404)
    await board.do(bob, "PUT", path, answers=404)
    made = await board.do(ada, "PUT", path, answers=200)
    again = await board.do(ada, "PUT", path, answers=200)
    assert made["post"]["id"] == again["post"]["id"]
    await board.do(ada, "DELETE", f"/posts/{made['post']['id']}")
    await board.do(ada, "PUT", path, answers=409)
    await board.do(ada, "PUT", f"/videos/{hidden}/post", answers=409)


async def test_a_post_carries_a_video_of_its_author_for_those_who_may_see_it(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    video_id = await video(board, ada)
    upload_id = await board.api.database.fetchval("select upload_id::text from videos")
    post = await board.post(ada, "look", media=[{"video_id": video_id}])
    by_upload = await board.post(ada, "", media=[{"upload_id": upload_id, "alt": "Waves"}])
    assert [one["id"] for one in by_upload["media"]] == [video_id]
    for media in ([{"video_id": NOBODY}], [{"video_id": video_id, "upload_id": upload_id}], [{"alt": "none"}]):
        status, _ = await board.call(ada, "POST", "/posts", {"media": media})
        assert status == 422, media
    status, problem = await board.call(bob, "POST", "/posts", {"media": [{"video_id": video_id}]})
    assert (status, fields_of(problem)) == (422, ["media.0.video_id"])

    await board.api.database.execute("update videos set visibility = 'private'")
    assert not await board.sees(bob, post["id"])
    assert await board.sees(ada, post["id"])
    await board.api.database.execute("update videos set visibility = 'public'")
    await told(board, VideoDeleted(video_id=video_id, owner_id=ada.id))
    assert (await board.get(bob, post["id"]))["media"] == []
    assert not await board.sees(bob, by_upload["id"]), "it has nothing else to say"
