"""Posts with pictures: uploads of their authors, used once, that go with the post."""

from __future__ import annotations

from tests.server.conftest import Someone
from tests.server.features.posts.conftest import Board, fields_of
from tests.server.features.uploads.conftest import BYTES, TUS, png


async def uploaded(board: Board, person: Someone, data: bytes) -> str:
    """The id of an upload that has been looked at."""
    headers = {**TUS, **BYTES, "Upload-Length": str(len(data))}
    answer = await person.ask("POST", "/uploads", data=data, headers=headers)
    assert answer.status == 201, await answer.text()
    await board.api.kit.run_jobs()
    return answer.headers["Location"].rpartition("/")[2]


async def test_a_post_shows_its_pictures_in_order_with_their_texts(board: Board) -> None:
    (ada,) = await board.join("ada")
    wide, high = await uploaded(board, ada, png((400, 200))), await uploaded(board, ada, png((100, 300)))
    post = await board.post(ada, "", media=[{"upload_id": high, "alt": "a tower"}, {"upload_id": wide}])
    shown = [(one["id"], one["kind"], one["width"], one["height"], one["alt"]) for one in post["media"]]
    assert shown == [(high, "image", 100, 300, "a tower"), (wide, "image", 400, 200, "")]
    assert await board.listed(None, "/users/ada/posts?kind=media") == [post["id"]]
    answer = await board.api.client.get(post["media"][0]["preview_url"])
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/webp")


async def test_pictures_of_others_used_ones_and_what_is_no_picture_are_refused(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    mine, text = await uploaded(board, ada, png((40, 20))), await uploaded(board, ada, b"WEBVTT\n")
    await board.post(ada, "", media=[{"upload_id": mine}])
    theirs = await uploaded(board, bob, png((40, 20)))
    for media in ([mine], [theirs], [text], [theirs, theirs]):
        body = {"text": "x", "media": [{"upload_id": one} for one in media]}
        status, problem = await board.call(ada, "POST", "/posts", body)
        assert status == 422, media
        assert fields_of(problem)[0].startswith("media")
    assert await board.api.database.fetchval("select count(*) from posts where author_id = $1", ada.id) == 1
    assert await board.api.database.fetchval("select claimed_by from uploads where id = $1", theirs) is None


async def test_the_pictures_go_with_the_post_when_it_is_wiped(board: Board) -> None:
    (ada,) = await board.join("ada")
    picture = await uploaded(board, ada, png((40, 20)))
    post = await board.post(ada, "", media=[{"upload_id": picture}])
    await board.do(ada, "DELETE", f"/posts/{post['id']}")
    assert await board.api.database.fetchval("select count(*) from uploads") == 1
    await board.api.database.execute("update posts set deleted_at = now() - interval '40 days'")
    schedule = next(one for one in board.feature.schedules if one.name == "posts.purge")
    await schedule.job.run(None)  # type: ignore[arg-type]
    assert await board.api.database.fetchval("select count(*) from uploads") == 0
    assert (await board.api.client.get(post["media"][0]["url"])).status == 404
