from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from server.http.own_address import OwnAddresses
from server.http.previews import Preview
from server.http.web_client import WebClient
from storage.errors import Unavailable


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>built</title>")
    (folder / "assets" / "index-BxY3k2_a.js").write_text("let x = 1")
    (folder / "assets" / "index-BxY3k2_a.js.gz").write_bytes(b"gzipped")
    (folder / "theme.js").write_text("let y = 1")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


async def _client(folder: Path) -> TestClient[Any, Any]:
    app = web.Application()
    WebClient(folder=folder).add_to(app)
    return TestClient(TestServer(app))


@pytest.fixture
async def client(built: Path) -> AsyncIterator[TestClient[Any, Any]]:
    async with await _client(built) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/watch/1",
        "/clips/1",
        "/embed/1",
        "/overlay/chat?key=k",
        "/live",
        "/login",
        "/register",
        "/forgot",
        "/reset",
        "/verify",
        "/undo-email",
        "/goodbye",
        "/export",
        "/confirm-provider",
        "/@ada",
        "/settings",
        "/admin",
    ],
)
async def test_every_place_of_the_client_is_its_page(client: TestClient[Any, Any], path: str) -> None:
    answer = await client.get(path, allow_redirects=False)
    assert answer.status == 200
    assert answer.content_type == "text/html"
    assert "built" in await answer.text()
    assert answer.headers["Cache-Control"] == "no-cache"


def _pages() -> list[str]:
    """The paths that the client's features and its shell declare, with something in place of their parameters."""
    sources = Path(__file__).parents[3] / "server/web/src"
    declared = [*sources.glob("features/*/index.ts"), sources / "shell/pages.ts"]
    paths = [path for file in declared for path in re.findall(r'page\(\s*"([^"]+)"', file.read_text())]
    return [re.sub(r":\w+", "x1", path) for path in paths]


@pytest.mark.parametrize("path", _pages())
async def test_every_page_of_the_client_is_served_under_its_path(client: TestClient[Any, Any], path: str) -> None:
    assert (await client.get(path, allow_redirects=False)).status == 200


def test_the_features_declare_pages() -> None:
    assert {"/", "/search", "/watch/x1", "/@x1", "/settings", "/admin/x1"} <= set(_pages())


async def test_hashed_file_never_changes_and_others_are_asked_for(client: TestClient[Any, Any]) -> None:
    hashed = await client.get("/assets/index-BxY3k2_a.js")
    assert "immutable" in hashed.headers["Cache-Control"]
    assert hashed.content_type == "text/javascript"
    plain = await client.get("/theme.js")
    assert plain.headers["Cache-Control"] == "no-cache"
    again = await client.get("/theme.js", headers={"If-None-Match": plain.headers["ETag"]})
    assert again.status == 304


async def test_compressed_file_goes_to_who_can_read_it(built: Path) -> None:
    app = web.Application()
    WebClient(folder=built).add_to(app)
    async with TestClient(TestServer(app), auto_decompress=False) as client:
        zipped = await client.get("/assets/index-BxY3k2_a.js", headers={"Accept-Encoding": "gzip"})
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert await zipped.read() == b"gzipped"
        plain = await client.get("/assets/index-BxY3k2_a.js", headers={"Accept-Encoding": "identity"})
        assert await plain.text() == "let x = 1"
        assert plain.headers["ETag"] != zipped.headers["ETag"]


@pytest.mark.parametrize(
    "path",
    [
        *("/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt"),
        *("/assets/", "/secret.txt", "/index-BxY3k2_a.js"),
    ],
)
async def test_no_path_leads_out_of_the_build(client: TestClient[Any, Any], path: str) -> None:
    answer = await client.get(URL(path, encoded=True))
    assert answer.status == 404


async def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    async with await _client(tmp_path / "nothing") as client:
        answer = await client.get("/")
        assert answer.status == 200
        assert "npm" in await answer.text()


async def _stream(path: Mapping[str, str]) -> Preview | None:
    if path["id"] == "away":
        raise Unavailable("postgres", "gone")
    return Preview(title="A & B", path=f"/watch/{path['id']}") if path["id"] == "1" else None


async def test_a_page_tells_programs_what_its_link_shows(built: Path) -> None:
    (built / "index.html").write_text("<html><head><title>built</title></head><body></body></html>")
    app = web.Application()
    addresses = OwnAddresses(origin="https://live.test")
    WebClient(folder=built, previews={"/watch/{id}": _stream}, addresses=addresses).add_to(app)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/watch/1")
        text = await answer.text()
        assert '<meta property="og:title" content="A &amp; B" />' in text.partition("</head>")[0]
        assert '"https://live.test/watch/1"' in text
        assert (await client.get("/watch/1", headers={"If-None-Match": answer.headers["ETag"]})).status == 304
        for unknown in ("2", "away"):
            answer = await client.get(f"/watch/{unknown}")
            assert answer.status == 200
            assert "og:title" not in await answer.text()


async def test_only_the_embedded_page_may_be_framed_by_others(client: TestClient[Any, Any]) -> None:
    assert "frame-ancestors *" in (await client.get("/embed/1")).headers["Content-Security-Policy"]
    assert "frame-ancestors *" not in (await client.get("/watch/1")).headers.get("Content-Security-Policy", "")
