"""Markers: set by who runs the stream, seen as chapters by who watches it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from server.features.videos.markers.chapters import chapters
from server.features.videos.markers.markers import MAX_MARKERS, Marker
from tests.server.features.clips.conftest import SECONDS, Stage, Stream


async def mark(stage: Stage, stream: Stream, token: str | None = None, **body: Any) -> tuple[int, Any]:
    path = f"/streams/{stream.id}/markers"
    return await stage.served.call("POST", path, token=token or stage.ada, json={"label": "Goal", **body})


async def test_markers_are_chapters_of_the_recording_in_order_of_time(stage: Stage) -> None:
    stream = await stage.recorded()
    for label, at_ms in (("Second <half>", 6_000), ("Kick-off", 1_500)):
        status, made = await mark(stage, stream, label=label, at_ms=at_ms)
        assert (status, made["label"], made["at_ms"]) == (201, label, at_ms)
    _, first = await stage.served.call("GET", f"/streams/{stream.id}/markers?limit=1")
    _, rest = await stage.served.call("GET", f"/streams/{stream.id}/markers?limit=1&cursor={first['next']}")
    assert [one["label"] for one in first["items"] + rest["items"]] == ["Kick-off", "Second <half>"]
    status, text, headers = await stage.get(f"/hls/{stream.id}/chapters.vtt")
    assert (status, headers["Content-Type"]) == (200, "text/vtt; charset=utf-8")
    lines = text.decode().splitlines()
    assert lines[:3] == ["WEBVTT", "", "00:00:01.500 --> 00:00:06.000"]
    assert lines[6] == "Second &lt;half&gt;"

    path = f"/streams/{stream.id}/markers/{first['items'][0]['id']}"
    assert (await stage.served.call("DELETE", path, token=stage.bob))[0] == 403
    assert (await stage.served.call("DELETE", path, token=stage.ada))[0] == 204
    assert (await stage.served.call("DELETE", path, token=stage.ada))[0] == 404


async def test_a_marker_without_a_time_is_of_now(stage: Stage) -> None:
    status, made = await mark(stage, await stage.on_air())
    assert status == 201
    assert abs(made["at_ms"] - SECONDS * 1000) < 500


async def test_owner_and_moderators_set_markers_and_nobody_else_does(stage: Stage) -> None:
    stream = await stage.recorded()
    assert (await mark(stage, stream, stage.bob, at_ms=1))[0] == 403
    await stage.kit.database.execute(
        "insert into chat_moderators (room_id, user_id) values ($1, $2)", stream.room_id, await stage.id_of(stage.bob)
    )
    assert (await mark(stage, stream, stage.bob, at_ms=1))[0] == 201
    private = await stage.recorded(visibility="private")
    assert (await stage.served.call("GET", f"/streams/{private.id}/markers", token=stage.bob))[0] == 404
    assert (await stage.get(f"/hls/{private.id}/chapters.vtt"))[0] == 404


async def test_what_cannot_be_a_marker_is_refused_by_its_field(stage: Stage) -> None:
    stream = await stage.recorded()
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("at_ms", {}),
        ("at_ms", {"at_ms": -1}),
        ("at_ms", {"at_ms": 3_600_000}),
        ("label", {"label": "", "at_ms": 1}),
        ("label", {"label": "\u200b", "at_ms": 1}),
        ("label", {"label": "x" * 101, "at_ms": 1}),
    ]
    for field, body in wrong:
        status, problem = await mark(stage, stream, **body)
        assert (status, [error["field"] for error in problem["errors"]]) == (422, [field]), body
    assert (await mark(stage, await stage.stream(state="scheduled"), at_ms=1))[0] == 409
    await stage.kit.database.execute(
        "insert into stream_markers (id, stream_id, author_id, at_ms, label)"
        " select gen_random_uuid(), $1, $2, n, 'x' from generate_series(1, $3) n",
        stream.id, stream.owner_id, MAX_MARKERS,
    )  # fmt: skip
    assert (await mark(stage, stream, at_ms=1))[0] == 409


def test_of_several_chapters_at_one_moment_the_last_is_listed() -> None:
    given = [
        Marker(id=str(n), stream_id="s", at_ms=at, label=label, created_at=datetime.now(UTC))
        for n, (at, label) in enumerate([(0, "a"), (0, "b"), (3_600_000, "c --> d")])
    ]
    assert chapters(given, end_ms=3_601_001).splitlines() == [
        "WEBVTT", "", "00:00:00.000 --> 01:00:00.000", "b", "", "01:00:00.000 --> 01:00:01.001", "c --&gt; d",
    ]  # fmt: skip


def test_a_stream_without_markers_has_no_chapters() -> None:
    assert chapters([], end_ms=10_000).splitlines() == ["WEBVTT"]
