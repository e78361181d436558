"""Captions, chapters and views of uploaded videos."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.features.library.conftest import Studio

VTT = "WEBVTT\n\n00:00.500 --> 00:01.000\nWaves\n"


@pytest.fixture
async def video(studio: Studio, small_film: bytes) -> dict[str, Any]:
    """One that can be played, with one rendition without segments."""
    made = await studio.made(small_film)
    await studio.kit.database.execute("update videos set edition = 1, state = 'ready', duration_ms = 2000")
    await studio.kit.database.execute(
        "insert into video_renditions (video_id, edition, name, place, kind, codec, timescale, width, height, fps,"
        " channels, init_key, is_whole) values ($1, 1, '90p', 0, 'video', 'avc1', 90000, 160, 90, 15, 0, 'k', true)",
        made["id"],
    )
    return made


async def put(studio: Studio, path: str, data: bytes, *, token: str | None = None, kind: str = "text/vtt") -> int:
    headers = {"Authorization": f"Bearer {token or studio.ada}", "Content-Type": kind}
    url = f"{studio.served.url}/api/v1{path}"
    async with studio.served.http.put(url, data=data, headers=headers) as answer:
        return answer.status


async def test_a_captions_file_is_listed_and_played_beside_the_pictures(studio: Studio, video: dict[str, Any]) -> None:
    base = f"/videos/{video['id']}/captions"
    assert await put(studio, f"{base}/en", VTT.encode()) == 200
    assert await put(studio, f"{base}/ar", b"1\n00:00:00,500 --> 00:00:01,000\nx\n", kind="application/x-subrip") == 200
    _, listed = await studio.call("GET", base, studio.bob)
    assert listed == {"items": [{"language": "ar", "cues": 1}, {"language": "en", "cues": 1}], "next": None}
    _, index, _ = await studio.get(f"/vod/{video['id']}/index.m3u8")
    assert b'TYPE=SUBTITLES,GROUP-ID="text",NAME="en",LANGUAGE="en"' in index
    assert b'URI="captions/en.m3u8"' in index
    _, playlist, _ = await studio.get(f"/vod/{video['id']}/captions/en.m3u8")
    assert b"#EXTINF:2.000,\nen.vtt\n" in playlist
    _, text, headers = await studio.get(f"/vod/{video['id']}/captions/en.vtt")
    assert text.decode().endswith("00:00:00.500 --> 00:00:01.000\nWaves\n")
    assert headers["Content-Type"].startswith("text/vtt")
    assert (await studio.call("DELETE", f"{base}/en"))[0] == 204
    assert (await studio.call("DELETE", f"{base}/en"))[0] == 404
    assert (await studio.get(f"/vod/{video['id']}/captions/en.vtt"))[0] == 404


async def test_what_is_no_captions_file_is_refused(studio: Studio, video: dict[str, Any]) -> None:
    base = f"/videos/{video['id']}/captions"
    for data in (b"", b"hello", b"\xff\xfe", b"#EXTM3U\n/etc/passwd\n"):
        assert await put(studio, f"{base}/en", data) in (400, 422)
    assert await put(studio, f"{base}/en", VTT.encode(), token=studio.bob) == 403
    assert await put(studio, f"{base}/en", VTT.encode(), kind="video/mp4") == 415
    assert await put(studio, f"{base}/EN!", VTT.encode()) == 404
    for number in range(20):
        assert await put(studio, f"{base}/x{chr(97 + number)}", VTT.encode()) == 200
    assert await put(studio, f"{base}/en", VTT.encode()) == 409


async def test_chapters_are_in_order_and_move_with_a_trim(studio: Studio, video: dict[str, Any]) -> None:
    path = f"/videos/{video['id']}"
    chapters = [{"at_ms": 1500, "label": "Shore"}, {"at_ms": 0, "label": "Sea"}]
    status, changed = await studio.call("PATCH", path, json={"chapters": chapters})
    assert (status, changed["chapters"]) == (200, chapters[::-1])
    assert (await studio.call("PATCH", path, json={"chapters": [{"at_ms": -1, "label": "x"}]}))[0] == 422
    wrong = [{"at_ms": at_ms, "label": "x"} for at_ms in (0, 2000, 500, 500, 9000)]
    status, problem = await studio.call("PATCH", path, json={"chapters": wrong})
    assert status == 422
    assert [one["field"] for one in problem["errors"]] == [f"chapters.{number}.at_ms" for number in (1, 3, 4)]
    assert (await studio.call("GET", path))[1]["chapters"] == chapters[::-1]
    await studio.kit.database.execute("update videos set begin_ms = 1000, duration_ms = 1000")
    assert (await studio.call("GET", path))[1]["chapters"] == [{"at_ms": 500, "label": "Shore"}]


async def test_a_viewer_is_counted_once_and_the_owner_not_at_all(studio: Studio, video: dict[str, Any]) -> None:
    index = f"/vod/{video['id']}/index.m3u8"
    for token in (studio.ada, studio.bob, studio.bob, None, None):
        assert (await studio.get(index, token=token))[0] == 200
    assert (await studio.call("GET", f"/videos/{video['id']}"))[1]["views"] == 2
