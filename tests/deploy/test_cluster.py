"""The three nodes of the compose files as processes of the image's program, on engines and a store that they share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp
import boto3
import pytest

from tests.deploy.conftest import Container, make_bucket, run
from tests.deploy.image import Image
from tests.deploy.test_compose import NODES, made_secrets, settings_of
from tests.e2e.people import Api, register
from tests.e2e.publishing import Publisher
from tests.e2e.talking import Talker
from tests.e2e.waiting import until


@contextmanager
def running(image: Image, folder: Path, more: Mapping[str, str]) -> Iterator[Container]:
    container = run(image, folder, more)
    try:
        container.wait_until_ready()
        yield container
    finally:
        if container.process.poll() is None:
            container.stop()


def given(name: str, folder: Path, elsewhere: Collection[str]) -> dict[str, str]:
    settings = settings_of(name, folder / "secrets")
    return {key: value for key, value in settings.items() if key not in elsewhere}


@pytest.fixture
async def nodes(
    image: Image, tmp_path: Path, database_url: str, redis_url: str, s3: dict[str, str]
) -> AsyncIterator[list[Container]]:
    """With what the compose file gives them, except where things are on this machine."""
    assert make_bucket().returncode == 0
    made_secrets(tmp_path / "secrets")
    elsewhere = {"SOCIALFLOW_DATABASE_URL_FILE", "SOCIALFLOW_REDIS_URL"}
    here = {
        "SOCIALFLOW_DATABASE_URL": database_url,
        "SOCIALFLOW_REDIS_URL": redis_url,
        "SOCIALFLOW_NODE_HOST": "127.0.0.1",
        "SOCIALFLOW_NODE_PORT": "0",
    }
    with ExitStack() as stack:
        yield [
            stack.enter_context(running(image, tmp_path / name, {**s3, **given(name, tmp_path, elsewhere), **here}))
            for name in NODES
        ]


async def test_nodes_are_one_server(nodes: list[Container], s3: dict[str, str]) -> None:
    first, second, _ = nodes
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        person = await register(http, first.url, "broadcaster")
        prepared = await person.prepare("Seen from everywhere")
        stream_id, room_id = prepared["stream"]["id"], prepared["stream"]["chat"]["room_id"]

        there = await Talker(second.url).open()
        here = await Talker(first.url, person.token).open()
        await there.ok("stream:watch", {"stream_id": stream_id})
        await here.ok("stream:watch", {"stream_id": stream_id})
        await here.ok("chat:send", {"room_id": room_id, "text": "hello over there", "client_id": "1"})
        heard = await there.event("chat:messages")
        assert heard["messages"][0]["text"] == "hello over there"

        rtmp = f"rtmp://127.0.0.1:{second.env['SOCIALFLOW_RTMP_PORT']}/live/{prepared['ingest']['stream_key']}"
        with Publisher(rtmp):
            await Api(http, first.url).until_state(stream_id, "live")
            playlist = await until(lambda: segments(http, first.url, stream_id), what="a segment at the other node")
        assert "#EXT-X-MAP" in playlist
        await here.close()
        await there.close()

        await person.call("POST", f"/api/v1/streams/{stream_id}/end")
        whole = await until(lambda: recording(http, first.url, stream_id), what="the recording at the other node")
        assert "#EXTINF" in whole
    stored = boto3.client("s3").list_objects_v2(Bucket=s3["BUCKET"], Prefix=f"streams/{stream_id}/")
    assert any(found["Key"].endswith(".m4s") for found in stored["Contents"])


async def segments(http: aiohttp.ClientSession, url: str, stream_id: str) -> str:
    """The media playlist once it has a whole segment."""
    async with http.get(f"{url}/hls/{stream_id}/video.m3u8") as answer:
        text = await answer.text()
    return text if answer.status == 200 and "#EXTINF" in text else ""


async def recording(http: aiohttp.ClientSession, url: str, stream_id: str) -> str:
    """The media playlist once it is that of an ended stream."""
    text = await segments(http, url, stream_id)
    return text if "#EXT-X-ENDLIST" in text else ""
