"""What is read of posts without signing in: previews of links, and feeds."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.server.features.posts.conftest import Board


async def test_a_link_to_a_post_is_previewed_by_what_everybody_may_read(board: Board) -> None:
    (ada,) = await board.join("ada")
    public, hidden = await board.post(ada, "Engines"), await board.post(ada, visibility="followers")
    warned = await board.post(ada, "the end", content_warning="spoiler")
    preview_of = board.feature.previews["/posts/{id}"]
    found = await preview_of({"id": public["id"]})
    assert found is not None
    assert (found.author, found.description, found.path) == ("ada", "Engines", f"/posts/{public['id']}")
    warning = await preview_of({"id": warned["id"]})
    assert warning is not None
    assert warning.description == "spoiler"
    for other in (hidden["id"], "x", ada.id):
        assert await preview_of({"id": other}) is None


async def test_a_persons_public_posts_are_a_feed(board: Board) -> None:
    (ada,) = await board.join("ada")
    post = await board.post(ada, "<b>Engines</b> & poetry")
    await board.post(ada, "secret", visibility="followers")
    answer = await board.api.client.get("/api/v1/users/ada/feed.xml")
    assert (answer.status, answer.content_type) == (200, "application/rss+xml")
    root = ElementTree.fromstring(await answer.text())
    (item,) = root.findall("channel/item")
    assert item.findtext("title") == "<b>Engines</b> & poetry"
    assert (item.findtext("link") or "").endswith(f"/posts/{post['id']}")
    assert (await board.api.client.get("/api/v1/users/nobody/feed.xml")).status == 404
