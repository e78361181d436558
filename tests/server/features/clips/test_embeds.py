"""Streams and clips on other people's pages."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from tests.server.features.clips.conftest import Stage


async def oembed(stage: Stage, url: str, **query: Any) -> tuple[int, Any]:
    async with stage.served.http.get(f"{stage.served.url}/oembed", params={"url": url, **query}) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_pages_of_streams_and_clips_are_embedded_and_nothing_else_is(stage: Stage) -> None:
    stream = await stage.recorded()
    clip = await stage.made(stream)
    for path, of in ((f"/watch/{stream.id}", stream.id), (f"/clips/{clip['id']}", clip["id"])):
        status, found = await oembed(stage, f"https://live.test{path}", maxwidth=320)
        assert status == 200
        assert f'src="https://live.test/embed/{of}"' in found["html"]
        assert (found["author_name"], found["width"], found["height"]) == ("ada", 320, 180)
    for url in (
        f"https://elsewhere.test/watch/{stream.id}",
        f"javascript://live.test/watch/{stream.id}",
        "https://live.test/watch/1",
        "https://live.test/admin",
        "https://[live.test/watch/1",
        "nonsense",
    ):
        assert (await oembed(stage, url))[0] == 404, url
    assert (await oembed(stage, f"https://live.test/watch/{stream.id}", format="yaml"))[0] == 422
    query = {"url": f"https://live.test/watch/{stream.id}", "format": "xml"}
    async with stage.served.http.get(f"{stage.served.url}/oembed", params=query) as answer:
        root = ElementTree.fromstring(await answer.text())
    assert (answer.status, answer.content_type, root.findtext("author_name")) == (200, "text/xml", "ada")
    assert (root.findtext("html") or "").startswith("<iframe ")
    await stage.kit.database.execute("update streams set visibility = 'private'")
    assert (await oembed(stage, f"https://live.test/watch/{stream.id}"))[0] == 404
    assert (await oembed(stage, f"https://live.test/clips/{clip['id']}"))[0] == 404
