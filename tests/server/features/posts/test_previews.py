"""Links are previewed by what their page says of itself, and by nothing that may not be reached."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator
from unittest.mock import ANY

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from server.features.people.pictures import reencoder
from server.features.social.communities import CommunityGate
from server.features.social.posts import build
from server.features.social.posts.open_graph import card_of
from server.features.social.posts.preview_pictures import MAX_BYTES
from server.features.social.posts.previews import MAX_PAGE
from server.features.social.settings import PostSettings
from server.features.videos.library import VideoCards
from server.live.addresses import MediaAddresses
from server.live.edge.fanout import Fanout
from server.outbound.settings import Site
from storage.stream_titles import StreamTitles
from tests.server.features.posts.conftest import Board

PAGE = """<html><head><meta charset=utf-8><title>Plain</title>
<meta property="og:title" content="Engines &amp; poetry"><meta property="og:description" content="  two
lines "><meta property="og:site_name" content="Ada's"><meta property="og:image" content="/a.png"></head><body>"""


def png(width: int, height: int) -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (width, height), (10, 120, 200)).save(body, "png")
    return body.getvalue()


PICTURES = {
    "/a.png": png(1_200, 900),
    "/text.png": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "/huge.png": png(1_200, 900) + bytes(MAX_BYTES),
}


async def pages(request: web.Request) -> web.StreamResponse:
    if request.path == "/loop":
        raise web.HTTPFound("/loop")
    if request.path in PICTURES:
        return web.Response(body=PICTURES[request.path], content_type="image/png")
    if request.path.startswith("/with"):
        return web.Response(text=PAGE.replace("/a.png", request.path[5:]), content_type="text/html")
    if request.path == "/picture":
        return web.Response(body=b"<title>no</title>", content_type="image/png")
    if request.path == "/away":
        raise web.HTTPNotFound(text="<title>no</title>", content_type="text/html")
    if request.path == "/endless":
        answer = web.StreamResponse(headers={"Content-Type": "text/html"})
        await answer.prepare(request)
        await answer.write(PAGE.encode())
        for _ in range(16_000):
            await answer.write(bytes(64 * 1024))
        return answer
    return web.Response(text=PAGE, content_type="text/html")


@pytest.fixture
async def origin() -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_get("/{any:.*}", pages)
    async with TestServer(app, host="127.0.0.1") as server:
        yield server


async def previewed(board: Board, url: str, *, allow_private: bool = True) -> object:
    """The preview that a post of this link has once the job has run."""
    (ada,) = await board.join("ada")
    post = await board.post(ada, f"look: {url}.")
    kit = board.api.kit
    feature = build(
        kit.platform(),
        settings=PostSettings(allow_private_targets=allow_private),
        topics=Fanout(),
        streams=StreamTitles(),
        site=Site(name="Social Flow", origin="https://live.test"),
        uploads=kit.install().uploads,
        communities=CommunityGate(),
        addresses=MediaAddresses(seals=kit.identity),
        videos=VideoCards(addresses=MediaAddresses(seals=kit.identity)),
        reencode=reencoder(max_pixels=10_000_000, max_frames=1).reencode,
    ).feature
    assert await kit.run_jobs([feature]) == 1
    assert feature.close is not None
    await feature.close()
    return (await board.get(None, post["id"]))["preview"]


@pytest.mark.parametrize("path", ["/", "/endless"])
async def test_the_beginning_of_a_page_is_enough(board: Board, origin: TestServer, path: str) -> None:
    url = str(origin.make_url(path))
    assert await previewed(board, url) == {
        "url": url, "title": "Engines & poetry", "description": "two lines", "site_name": "Ada's",
        "image_url": ANY,
    }  # fmt: skip


async def test_the_picture_of_a_page_is_shown_from_here(board: Board, origin: TestServer) -> None:
    preview = await previewed(board, str(origin.make_url("/")))
    assert isinstance(preview, dict)
    answer = await board.api.client.get(preview["image_url"])
    assert answer.status == 200
    body = await answer.read()
    with Image.open(io.BytesIO(body)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (600, 315))


@pytest.mark.parametrize("path", ["/text.png", "/huge.png"])
async def test_a_picture_that_cannot_be_shown_is_left_out(board: Board, origin: TestServer, path: str) -> None:
    preview = await previewed(board, str(origin.make_url(f"/with{path}")))
    assert isinstance(preview, dict)
    assert (preview["title"], preview["image_url"]) == ("Engines & poetry", None)


@pytest.mark.parametrize("path", ["/loop", "/picture", "/away"])
async def test_what_is_no_page_has_no_preview(board: Board, origin: TestServer, path: str) -> None:
    assert await previewed(board, str(origin.make_url(path))) is None


async def test_a_private_address_is_not_asked(board: Board, origin: TestServer) -> None:
    assert await previewed(board, str(origin.make_url("/")), allow_private=False) is None


async def test_one_address_is_fetched_once_whatever_the_number_of_posts(board: Board) -> None:
    (ada,) = await board.join("ada")
    for _ in range(3):
        await board.post(ada, "https://a.example/x")
    assert await board.api.database.fetchval("select count(*) from jobs where name = 'posts.preview'") == 1


def test_a_page_without_open_graph_is_told_by_its_title() -> None:
    card = card_of(
        "<title>عنوان</title><meta name=description content=x>".encode("windows-1256"), "cp1256", "http://a/"
    )
    assert card is not None
    assert (card.title, card.description, card.image_url) == ("عنوان", "x", None)
    assert card_of(b"<p>nothing", None, "http://a/") is None
    script = card_of(b'<title>x</title><meta property="og:image" content="javascript:alert(1)">', None, "http://a/")
    assert script is not None
    assert script.image_url is None


@pytest.mark.parametrize(
    "unit", ["<", "<!", "<!--", "<![CDATA[", "<a ", "<a<", "&#", "<meta a='", "<title>", "</", "<?"]
)
def test_a_hostile_page_costs_a_moment(unit: str) -> None:
    text = (unit * (MAX_PAGE // len(unit))).encode()
    began = time.process_time()
    card_of(text, None, "http://a/")
    assert time.process_time() - began < 5


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([None, "utf-8", "rot13", "idna", "utf-16", "x"]))
def test_any_bytes_are_read_without_an_error(page: bytes, charset: str | None) -> None:
    card_of(b"<title>" + page, charset, "http://[a/")
