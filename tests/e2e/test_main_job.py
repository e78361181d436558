"""Go live with ffmpeg, be watched over HLS and DASH, be interrupted, come back, end, be remembered."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable
from typing import Any

import m3u8
import pytest

from tests.e2e.conftest import GRACE_S, OnTheAir
from tests.e2e.people import Account, Api
from tests.e2e.publishing import Publisher, play
from tests.e2e.serving import Server
from tests.e2e.talking import talker
from tests.e2e.waiting import until

FROM_ELSEWHERE = {"Origin": "https://player.example"}


async def media_playlist(api: Api, stream_id: str, *, rendition: str | None = None, query: str = "") -> m3u8.M3U8:
    name = rendition or await first_rendition(api, stream_id)
    return m3u8.loads(await api.text(f"/hls/{stream_id}/{name}{query}"))


async def first_rendition(api: Api, stream_id: str) -> str:
    master = m3u8.loads(await api.text(f"/hls/{stream_id}/index.m3u8"))
    return str(master.playlists[0].uri).partition("?")[0]


async def test_a_stream_published_by_ffmpeg_is_live_and_playable(server: Server, owner: Account) -> None:
    made = await owner.prepare("First words")
    stream_id = made["stream"]["id"]
    assert made["stream"]["state"] == "scheduled"
    with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}"):
        stream = await owner.until_state(stream_id, "live")
        assert stream["playback"]["hls"] == f"/hls/{stream_id}/index.m3u8"
        await owner.text(stream["playback"]["hls"])
        listed = await owner.done("GET", "streams?state=live&limit=100")
        assert stream_id in [item["id"] for item in listed["items"]]
    ended = await owner.done("POST", f"streams/{stream_id}/end")
    assert ended["state"] == "ended"


async def test_a_strangers_view_of_a_stream_holds_no_key(live: OnTheAir, nobody: Api, owner: Account) -> None:
    for api in (nobody, owner):
        stream = await api.stream(live.stream_id)
        assert stream.get("ingest") is None
        assert live.key not in str(stream)


async def test_the_multivariant_playlist_names_codecs_size_and_bandwidth(live: OnTheAir, nobody: Api) -> None:
    answer = await nobody.call("GET", f"/hls/{live.stream_id}/index.m3u8", headers=FROM_ELSEWHERE)
    assert answer.headers["Content-Type"].startswith("application/vnd.apple.mpegurl")
    assert "no-cache" in answer.headers["Cache-Control"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["ETag"]
    variant = m3u8.loads(answer.text).playlists[0]
    assert "avc1" in variant.stream_info.codecs
    assert "mp4a" in variant.stream_info.codecs
    assert variant.stream_info.resolution == (320, 240)
    assert variant.stream_info.bandwidth > 0


async def test_the_media_playlist_is_low_latency(live: OnTheAir, nobody: Api) -> None:
    playlist = await media_playlist(nobody, live.stream_id)
    assert playlist.version >= 6
    assert playlist.server_control.can_block_reload == "YES"
    assert playlist.server_control.part_hold_back >= 2 * playlist.part_inf.part_target
    assert playlist.preload_hint is not None
    assert not playlist.is_endlist
    assert any(segment.program_date_time for segment in playlist.segments)


async def test_a_segment_a_part_and_the_init_have_immutable_addresses(live: OnTheAir, nobody: Api) -> None:
    name = await first_rendition(nobody, live.stream_id)
    playlist = await media_playlist(nobody, live.stream_id, rendition=name)
    segment = next(segment for segment in reversed(playlist.segments) if segment.uri)
    part = next(part for segment in reversed(playlist.segments) for part in segment.parts)
    base = f"/hls/{live.stream_id}/"
    for uri in (segment.uri, segment.init_section.uri, part.uri):
        answer = await nobody.call("GET", base + uri, headers=FROM_ELSEWHERE)
        assert answer.status == 200, uri
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert len(answer.body) > 100


async def test_a_range_of_a_segment_is_answered_with_206(live: OnTheAir, nobody: Api) -> None:
    playlist = await media_playlist(nobody, live.stream_id)
    segment = next(segment for segment in reversed(playlist.segments) if segment.uri)
    answer = await nobody.call("GET", f"/hls/{live.stream_id}/{segment.uri}", headers={"Range": "bytes=0-99"})
    assert answer.status == 206
    assert len(answer.body) == 100


async def test_an_unchanged_playlist_is_answered_with_304(live: OnTheAir, nobody: Api) -> None:
    path = f"/hls/{live.stream_id}/index.m3u8"
    etag = (await nobody.call("GET", path)).headers["ETag"]
    assert (await nobody.call("GET", path, headers={"If-None-Match": etag})).status == 304


async def test_a_blocking_reload_is_answered_when_its_part_exists(live: OnTheAir, nobody: Api) -> None:
    name = await first_rendition(nobody, live.stream_id)
    playlist = await media_playlist(nobody, live.stream_id, rendition=name)
    last = playlist.media_sequence + len([segment for segment in playlist.segments if segment.uri])
    later = await media_playlist(nobody, live.stream_id, rendition=name, query=f"?_HLS_msn={last}&_HLS_part=3")
    holds = [part for segment in later.segments[-2:] for part in segment.parts]
    assert holds
    uris = [segment.uri for segment in later.segments if segment.uri]
    has_segment = later.media_sequence + len(uris) > last
    assert has_segment or len(later.segments[-1].parts) >= 4


@pytest.mark.parametrize(
    "query", ["_HLS_msn=abc", "_HLS_msn=-1", "_HLS_part=2", "_HLS_msn=999999999", "_HLS_msn=1&_HLS_part=x"]
)
async def test_a_senseless_delivery_directive_is_a_400(live: OnTheAir, nobody: Api, query: str) -> None:
    name = await first_rendition(nobody, live.stream_id)
    answer = await nobody.call("GET", f"/hls/{live.stream_id}/{name}?{query}")
    assert answer.status == 400, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")


async def test_a_hinted_part_is_held_until_it_is_there(live: OnTheAir, nobody: Api) -> None:
    playlist = await media_playlist(nobody, live.stream_id)
    answer = await nobody.call("GET", f"/hls/{live.stream_id}/{playlist.preload_hint.uri}")
    assert answer.status == 200
    assert b"moof" in answer.body


async def test_ffmpeg_plays_the_live_stream(server: Server, live: OnTheAir) -> None:
    played = await play(f"{server.url}/hls/{live.stream_id}/index.m3u8", seconds=4)
    assert 100 <= played.frames <= 130, played.log
    assert not played.errors, played.log


async def test_the_dash_manifest_names_segments_that_are_there(live: OnTheAir, nobody: Api) -> None:
    answer = await nobody.call("GET", f"/hls/{live.stream_id}/manifest.mpd")
    assert answer.headers["Content-Type"].startswith("application/dash+xml")
    root = ET.fromstring(answer.text)
    space = {"d": "urn:mpeg:dash:schema:mpd:2011"}
    assert root.attrib["type"] == "dynamic"
    template = root.find(".//d:SegmentTemplate", space)
    assert template is not None
    assert root.findall(".//d:Representation", space)
    init = await nobody.call("GET", f"/hls/{live.stream_id}/{_init_of(root, space)}")
    assert init.status == 200
    assert b"moov" in init.body


def _init_of(root: ET.Element, space: dict[str, str]) -> str:
    adaptation = root.find(".//d:AdaptationSet", space)
    assert adaptation is not None
    template = adaptation.find(".//d:SegmentTemplate", space)
    representation = adaptation.find(".//d:Representation", space)
    assert template is not None
    assert representation is not None
    return template.attrib["initialization"].replace("$RepresentationID$", representation.attrib["id"])


async def test_the_thumbnail_is_a_webp_picture(live: OnTheAir, nobody: Api) -> None:
    async def read() -> Any:
        answer = await nobody.call("GET", f"/hls/{live.stream_id}/thumbnail.webp")
        return answer if answer.status == 200 else None

    answer = await until(read, what="a thumbnail")
    assert answer.body[:4] == b"RIFF"
    assert answer.body[8:12] == b"WEBP"


async def test_the_owner_sees_the_health_of_the_ingest(live: OnTheAir, nobody: Api, owner: Account) -> None:
    mine = Api(nobody.http, nobody.url, live.owner_token)

    async def read() -> Any:
        health = await mine.done("GET", f"streams/{live.stream_id}/health")
        # An encoder's first frames come in a burst, so that the rate is above the true one at first.
        return health if 25 < health["fps"] < 35 and health["keyframe_interval"] else None

    health = await until(read, what="health figures")
    assert (health["width"], health["height"]) == (320, 240)
    assert health["codec"].lower() in ("h264", "avc", "avc1")
    assert 1.5 < health["keyframe_interval"] < 2.5
    assert 100_000 < health["bitrate"] < 2_000_000
    assert health["audio"]
    assert (await owner.call("GET", f"streams/{live.stream_id}/health")).status == 403
    assert (await nobody.call("GET", f"streams/{live.stream_id}/health")).status == 401


# publishers


async def test_a_second_publisher_is_refused(server: Server, live: OnTheAir, nobody: Api) -> None:
    with Publisher(f"{server.rtmp}/{live.key}") as second:
        assert await second.left() != 0
    assert (await nobody.stream(live.stream_id))["state"] == "live"


async def test_a_wrong_key_is_refused(server: Server) -> None:
    with Publisher(f"{server.rtmp}/sk_nobody_has_this_key") as stranger:
        assert await stranger.left() != 0


async def test_a_killed_publisher_interrupts_and_resumes_the_same_stream(server: Server, owner: Account) -> None:
    made = await owner.prepare("Comes back")
    stream_id, key = made["stream"]["id"], made["ingest"]["stream_key"]
    async with talker(server.url) as viewer:
        await viewer.ok("stream:watch", {"stream_id": stream_id})
        with Publisher(f"{server.rtmp}/{key}") as first:
            await viewer.event("stream:state", lambda body: body["state"] == "live")
            await _segments(owner, stream_id, 2)
            first.kill()
        await viewer.event("stream:state", lambda body: body["state"] == "interrupted", within_s=30)
        before = await media_playlist(owner, stream_id)
        with Publisher(f"{server.rtmp}/{key}"):
            states = lambda: [body["state"] for body in viewer.heard["stream:state"]]  # noqa: E731
            await viewer.said(lambda: states()[-2:] == ["interrupted", "live"])

            async def resumed() -> Any:
                playlist = await media_playlist(owner, stream_id)
                return playlist if any(segment.discontinuity for segment in playlist.segments) else None

            after = await until(resumed, what="a discontinuity")
            kept = {segment.uri for segment in before.segments if segment.uri} & {s.uri for s in after.segments}
            assert kept, "the playlist does not go on from where it was"
            await _segments(owner, stream_id, len(before.segments) + 1)
        await owner.done("POST", f"streams/{stream_id}/end")
        await viewer.event("stream:state", lambda body: body["state"] == "ended")
        assert {body["id"] for body in viewer.heard["stream:state"]} == {stream_id}


async def _segments(api: Api, stream_id: str, count: int) -> None:
    async def read() -> bool:
        playlist = await media_playlist(api, stream_id)
        return len([segment for segment in playlist.segments if segment.uri]) >= count

    await until(read, within_s=30, what=f"{count} segments")


async def test_a_stream_ends_when_its_publisher_does_not_come_back(server: Server, owner: Account) -> None:
    made = await owner.prepare("Gone for good")
    stream_id = made["stream"]["id"]
    with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}") as publisher:
        await owner.until_state(stream_id, "live")
        publisher.kill()
    await owner.until_state(stream_id, "interrupted", within_s=30)
    stream = await owner.until_state(stream_id, "ended", within_s=GRACE_S + 4)
    assert stream["ended_at"]


async def test_an_ended_stream_is_at_once_a_recording_with_its_chat_in_step(server: Server, owner: Account) -> None:
    made = await owner.prepare("To be remembered")
    stream_id, room_id = made["stream"]["id"], made["stream"]["chat"]["room_id"]
    async with talker(server.url, owner.token) as socket:
        await socket.ok("stream:watch", {"stream_id": stream_id})
        with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}"):
            await socket.event("stream:state", lambda body: body["state"] == "live")
            await _segments(owner, stream_id, 1)
            await socket.ok("chat:send", {"room_id": room_id, "text": "early", "client_id": "a"})
            await _segments(owner, stream_id, 4)
            await socket.ok("chat:send", {"room_id": room_id, "text": "late", "client_id": "b"})
            assert (await owner.done("POST", f"streams/{stream_id}/end"))["state"] == "ended"
        await socket.event("stream:state", lambda body: body["state"] == "ended")
    recording = await media_playlist(owner, stream_id)
    assert recording.is_endlist
    total = sum(segment.duration for segment in recording.segments)
    played = await play(f"{server.url}/hls/{stream_id}/index.m3u8", live_start=0)
    assert not played.errors, played.log
    assert abs(played.seconds - total) <= 2
    assert total >= 5
    stream = await owner.stream(stream_id)
    assert abs(stream["duration_s"] - total) <= 2.5
    replay = await owner.done("GET", f"streams/{stream_id}/chat?since_offset=1")
    assert [message["text"] for message in replay["items"]] == ["late"]
    early, late = (await owner.done("GET", f"streams/{stream_id}/chat?since_offset=0"))["items"]
    assert 0 < early["media_time_ms"] < late["media_time_ms"] <= total * 1000 + 1500
    middle = (early["media_time_ms"] + late["media_time_ms"]) / 2000
    replay = await owner.done("GET", f"streams/{stream_id}/chat?media_time={middle}")
    assert [message["text"] for message in replay["items"]] == ["late"]
    with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}") as again:
        assert await again.left() != 0


@pytest.mark.parametrize(("has_video", "has_audio"), [(True, False), (False, True)], ids=["video-only", "audio-only"])
async def test_a_stream_of_one_kind_plays(server: Server, owner: Account, has_video: bool, has_audio: bool) -> None:
    made = await owner.prepare("One kind")
    stream_id = made["stream"]["id"]
    with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}", has_video=has_video, has_audio=has_audio):
        await owner.until_state(stream_id, "live")
        await _segments(owner, stream_id, 2)
        played = await play(f"{server.url}/hls/{stream_id}/index.m3u8", seconds=2.5)
        assert not played.errors, played.log
        assert 2 <= played.seconds <= 3, played.log
        codecs = m3u8.loads(await owner.text(f"/hls/{stream_id}/index.m3u8")).playlists[0].stream_info.codecs
        assert ("avc1" in codecs, "mp4a" in codecs) == (has_video, has_audio)
    await owner.done("POST", f"streams/{stream_id}/end")


# keys


async def test_a_rotated_stream_key_stops_its_publisher_at_once(server: Server, owner: Account) -> None:
    made = await owner.prepare("New key")
    stream_id, old = made["stream"]["id"], made["ingest"]["stream_key"]
    with Publisher(f"{server.rtmp}/{old}") as publisher:
        await owner.until_state(stream_id, "live")
        new = (await owner.done("POST", f"streams/{stream_id}/key/rotate"))["stream_key"]
        assert new != old
        await publisher.left(5)
    await owner.until_state(stream_id, "interrupted")
    with Publisher(f"{server.rtmp}/{old}") as refused:
        assert await refused.left() != 0
    with Publisher(f"{server.rtmp}/{new}"):
        await owner.until_state(stream_id, "live")
    await owner.done("POST", f"streams/{stream_id}/end")


async def test_the_lasting_key_takes_up_the_prepared_stream_then_starts_one_like_it(
    server: Server, owner: Account
) -> None:
    key = await owner.key()
    prepared = (await owner.prepare("Tonight", category="music"))["stream"]["id"]
    with Publisher(f"{server.rtmp}/{key}"):
        await owner.until_state(prepared, "live")
        await owner.done("POST", f"streams/{prepared}/end")
    with Publisher(f"{server.rtmp}/{key}"):

        async def another() -> Any:
            items = (await owner.done("GET", f"streams?state=live&owner={owner.username}"))["items"]
            return next((item for item in items if item["id"] != prepared), None)

        stream = await until(another, what="a new stream")
        assert stream["state"] == "live"
        assert (stream["title"], stream["category"]) == ("Tonight", "music")
        rotated = (await owner.done("POST", "me/ingest/rotate"))["stream_key"]
        assert rotated != key
        await owner.until_state(stream["id"], "interrupted")
    assert await owner.key() == rotated


async def test_the_lasting_key_resumes_an_interrupted_stream(server: Server, owner: Account) -> None:
    key = await owner.key()
    stream_id = (await owner.prepare("Once more"))["stream"]["id"]
    with Publisher(f"{server.rtmp}/{key}") as first:
        await owner.until_state(stream_id, "live")
        first.kill()
    await owner.until_state(stream_id, "interrupted", within_s=30)
    with Publisher(f"{server.rtmp}/{key}"):
        await owner.until_state(stream_id, "live")
    await owner.done("POST", f"streams/{stream_id}/end")


# reading what is not there


@pytest.mark.parametrize(
    "path",
    [
        "/hls/%2e%2e/%2e%2e/etc/passwd",
        "/hls/{id}/..%2f..%2f..%2fetc%2fpasswd",
        "/hls/{id}/video/1/..%2f..%2f..%2fsocialflow.toml",
        "/hls/{id}/video/1/%2e%2e%2fthumbnail.webp",
        "/hls/{id}/%00",
        "/hls/{id}/nothing.m3u8",
        "/hls/{id}/video/9/1.m4s",
        "/hls/not-an-id/index.m3u8",
        "/hls/00000000-0000-7000-8000-000000000000/index.m3u8",
        "/assets/..%2f..%2f..%2fpyproject.toml",
        "/assets/%2e%2e/%2e%2e/config.py",
    ],
)
async def test_an_address_that_leads_elsewhere_is_a_404(server: Server, live: OnTheAir, nobody: Api, path: str) -> None:
    status, _, body = await _raw_get(server, path.replace("{id}", live.stream_id))
    assert status in (400, 404), (status, body[:200])
    assert b"root:" not in body
    assert b"[project]" not in body
    assert b"Traceback" not in body


async def _raw_get(server: Server, target: str) -> tuple[int, bytes, bytes]:
    """A request as written, which no client library tidies up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


async def test_a_private_stream_is_not_to_be_known_by_others(
    owner: Account, nobody: Api, someone: Callable[..., Awaitable[Account]]
) -> None:
    made = await owner.prepare("Only for me", visibility="private")
    stream_id = made["stream"]["id"]
    stranger = await someone()
    for api in (nobody, stranger):
        assert (await api.call("GET", f"streams/{stream_id}")).status == 404
        assert (await api.call("GET", f"/hls/{stream_id}/index.m3u8")).status == 404
        assert (await api.call("GET", f"streams/{stream_id}/chat")).status == 404
    assert (await owner.stream(stream_id))["id"] == stream_id
