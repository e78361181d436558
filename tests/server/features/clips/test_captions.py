"""Captions: cues by language, written by the owner."""

from __future__ import annotations

from typing import Any

import pytest

from server.features.videos.captions.captions import MAX_CUES, MAX_LANGUAGES
from storage.stream_cues import StreamCues
from tests.server.features.clips.conftest import Stage, Stream

CUE = {"from_ms": 1_000, "to_ms": 2_500, "text": "Hello"}


async def add(stage: Stage, stream: Stream, token: str | None = None, **body: Any) -> tuple[int, Any]:
    path = f"/streams/{stream.id}/captions"
    return await stage.served.call(
        "POST", path, token=token or stage.ada, json={"language": "en", "cues": [CUE], **body}
    )


async def test_cues_are_added_read_by_their_time_and_removed_by_their_language(stage: Stage) -> None:
    stream, cues = await stage.recorded(), StreamCues(db=stage.kit.database)
    later = {"from_ms": 2_000, "to_ms": 4_000, "text": "  two \n lines "}
    assert await add(stage, stream, cues=[later, CUE]) == (201, {"language": "en", "cues": 2})
    assert (await add(stage, stream, language="pt-br"))[1] == {"language": "pt-br", "cues": 1}
    assert (await add(stage, stream, cues=[{**CUE, "from_ms": 0}]))[1] == {"language": "en", "cues": 3}
    assert await cues.languages(stream.id) == ["en", "pt-br"]
    assert [each.from_ms for each in await cues.between(stream.id, "en")] == [0, 1_000, 2_000]
    assert [each.from_ms for each in await cues.between(stream.id, "en", from_ms=2_500, to_ms=9_000)] == [2_000]
    path = f"/streams/{stream.id}/captions/en"
    assert (await stage.served.call("DELETE", path, token=stage.bob))[0] == 403
    assert (await stage.served.call("DELETE", path, token=stage.ada))[0] == 204
    assert (await stage.served.call("DELETE", path, token=stage.ada))[0] == 404
    assert (await cues.languages(stream.id), await cues.between(stream.id, "en")) == (["pt-br"], [])


async def test_others_add_no_captions(stage: Stage) -> None:
    assert (await add(stage, await stage.recorded(), stage.bob))[0] == 403
    assert (await add(stage, await stage.recorded(visibility="private"), stage.bob))[0] == 404


async def test_languages_and_cues_are_bounded_and_a_refusal_adds_nothing(stage: Stage) -> None:
    stream, db = await stage.recorded(), stage.kit.database
    await db.execute(
        "insert into stream_caption_languages (stream_id, language, cues) "
        "select $1, 'x' || chr(96 + n), $3 from generate_series(1, $2::int) n",
        stream.id, MAX_LANGUAGES, MAX_CUES - 1,
    )  # fmt: skip
    assert (await add(stage, stream, language="de"))[0] == 409
    assert (await add(stage, stream, language="xa", cues=[CUE, CUE]))[0] == 409
    assert (await add(stage, stream, language="xa"))[1] == {"language": "xa", "cues": MAX_CUES}
    assert len(await StreamCues(db=db).between(stream.id, "xa")) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"language": "EN"}, "language"),
        ({"language": "../x"}, "language"),
        ({"cues": []}, "cues"),
        ({"cues": [CUE] * 201}, "cues"),
        ({"cues": [{**CUE, "to_ms": 1_000}]}, "cues.0"),
        ({"cues": [{**CUE, "to_ms": 70_000}]}, "cues.0"),
        ({"cues": [{**CUE, "text": "\u200b"}]}, "cues.0.text"),
        ({"cues": [{**CUE, "text": "x" * 501}]}, "cues.0.text"),
        ({"cues": [{**CUE, "from_ms": -1}]}, "cues.0.from_ms"),
    ],
)
async def test_what_are_no_captions_is_refused_by_its_field(stage: Stage, body: dict[str, Any], field: str) -> None:
    status, problem = await add(stage, await stage.stream(), **body)
    assert (status, [error["field"] for error in problem["errors"]]) == (422, [field])
