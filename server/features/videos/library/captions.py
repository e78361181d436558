"""Captions files of videos, by language: SubRip or WebVTT in, WebVTT beside the renditions out.

Those of a recording are its stream's, which may have been written while it was live.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from pydantic import Field

from media.hls.subtitles import BadSubtitles, parse
from media.hls.webvtt import Cue, segment_file, whole_file
from server.features.videos.captions import Captions
from server.features.videos.library import queries
from server.features.videos.library.library import Library, VideoRow
from server.http import content
from server.http.errors import Problem, invalid_field, not_found
from server.http.limits import OWN_SETTINGS
from server.http.operation import UUID, Answer, Call, MediaType, Operation, PathFormat
from server.http.shapes import Page, Shape
from server.live.addresses import MediaAddresses
from server.live.captions import LANGUAGE_PATTERN
from storage.postgres import Database
from storage.stream_cues import StreamCues

TAG: Final = "videos"
MAX_BYTES: Final = 2 * 1024 * 1024
MAX_CUES: Final = 20_000
MAX_LANGUAGES: Final = 20
TYPES: Final = ("text/vtt", "application/x-subrip", "text/plain")
LANGUAGE: Final = PathFormat(pattern=LANGUAGE_PATTERN, description="A language, BCP 47 in lower case", example="en")


class VideoCaptionsShape(Shape):
    language: str
    cues: Annotated[int, Field(description="How many")]


class VideoCaptionsPage(Page[VideoCaptionsShape]):
    """All languages: ``next`` is null."""


class VideoCaptions:
    """The rows. Times are kept as media time: those of a file count from the beginning of the video as it is now."""

    def __init__(self, *, db: Database) -> None:
        self._db = db
        self._of_streams = Captions(db=db)
        self._cues = StreamCues(db=db)

    async def put(self, video: VideoRow, language: str, cues: Sequence[Cue]) -> None:
        """Replaces those of the language. Raises a 409."""
        if video.stream_id is not None:
            await self._of_streams.replace(video.stream_id, language, cues, begin_ms=video.begin_ms)
            return
        placed = [[cue.from_ms + video.begin_ms, cue.to_ms + video.begin_ms, cue.text] for cue in cues]
        if not await self._db.execute(queries.PUT_CAPTIONS, video.id, language, placed, MAX_LANGUAGES):
            raise Problem(409, f"A video has captions in {MAX_LANGUAGES} languages at most", slug="too-many-captions")

    async def remove(self, video: VideoRow, language: str) -> None:
        """Raises a 404."""
        if video.stream_id is not None:
            is_there = await self._of_streams.forget(video.stream_id, language)
        else:
            is_there = bool(await self._db.execute(queries.REMOVE_CAPTIONS, video.id, language))
        if not is_there:
            raise not_found("There are no captions in this language")

    async def languages(self, video: VideoRow) -> list[dict[str, Any]]:
        if video.stream_id is not None:
            return [dict(row) for row in await self._of_streams.languages(video.stream_id)]
        return [dict(row) for row in await self._db.fetch(queries.LANGUAGES, video.id)]

    async def webvtt(self, video: VideoRow, language: str) -> str:
        """One segment with all cues of what is shown of the video. Raises a 404."""
        rows = await self._db.fetchval(queries.CUES, video.id, language)
        if rows is None:
            raise not_found("There are no captions in this language")
        cues = [Cue(from_ms=begin, to_ms=end, text=text) for begin, end, text in msgspec.convert(rows, list[Placed])]
        return segment_file(cues, from_ms=video.begin_ms, to_ms=video.begin_ms + video.duration_ms)

    async def file(self, video: VideoRow, language: str) -> str:
        """All cues of what is shown of the video, by its own time. Raises a 404."""
        begin, end = video.begin_ms, video.begin_ms + (video.duration_ms or 2**48)
        if video.stream_id is not None:
            kept = await self._cues.between(video.stream_id, language, from_ms=begin, to_ms=end)
            rows = [(one.from_ms, one.to_ms, one.text) for one in kept]
        else:
            rows = msgspec.convert(await self._db.fetchval(queries.CUES, video.id, language) or [], list[Placed])
        if not rows:
            raise not_found("There are no captions in this language")
        return whole_file(
            Cue(from_ms=max(from_ms, begin) - begin, to_ms=min(to_ms, end) - begin, text=text)
            for from_ms, to_ms, text in rows
            if from_ms < end and to_ms > begin
        )


Placed = tuple[int, int, str]


class VideoCaptionRoutes:
    """``/api/v1/videos/{video_id}/captions``."""

    def __init__(self, *, captions: VideoCaptions, library: Library, addresses: MediaAddresses) -> None:
        self._captions = captions
        self._library = library
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        base, video = "/api/v1/videos/{video_id}/captions", {"video_id": UUID}
        one = {**video, "language": LANGUAGE}
        return [
            Operation(
                method="GET", path=base, handler=self._list, name="listVideoCaptions", tag=TAG, paths=video,
                summary="The languages that a video has captions in", answers={200: VideoCaptionsPage},
                problems=frozenset({404, 451}), auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/{{language}}", handler=self._file, name="getVideoCaptions", tag=TAG,
                paths=one, summary="The captions of a video in a language, by the time of the video as it is now",
                answers={200: MediaType(media_type="text/vtt"), 304: None}, problems=frozenset({404, 412, 451}),
                auth="optional",
            ),
            Operation(
                method="PUT", path=f"{base}/{{language}}", handler=self._put, name="putVideoCaptions", tag=TAG,
                paths=one, summary="The captions of a video in a language: a SubRip or WebVTT file",
                body=bytes, consumes=TYPES, max_body=MAX_BYTES, answers={200: VideoCaptionsShape},
                problems=frozenset({403, 404, 409, 422, 451}), auth="required", scope="upload",
                account_rate=OWN_SETTINGS,
            ),
            Operation(
                method="DELETE", path=f"{base}/{{language}}", handler=self._remove, name="removeVideoCaptions",
                tag=TAG, paths=one, summary="Take the captions of a language away", answers={204: None},
                problems=frozenset({403, 404, 451}), auth="required", scope="upload", account_rate=OWN_SETTINGS,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, None]) -> Answer:
        viewer = self._addresses.asker(call.person, address=call.address)
        video = await self._library.one(call.path["video_id"].lower(), viewer)
        return Answer(200, {"items": await self._captions.languages(video), "next": None})

    async def _file(self, call: Call[None, None]) -> web.StreamResponse:
        viewer = self._addresses.asker(call.person, address=call.address)
        video = await self._library.one(call.path["video_id"].lower(), viewer)
        body = (await self._captions.file(video, call.path["language"])).encode()
        headers = {"Cache-Control": content.PRIVATE, "Content-Type": "text/vtt; charset=utf-8"}
        return content.text(call.request, body, etag=f'"{hashlib.sha256(body).hexdigest()[:24]}"', headers=headers)

    async def _put(self, call: Call[bytes, None]) -> Answer:
        video, language = await self._own(call), call.path["language"]
        try:
            cues = parse(call.body.decode("utf-8-sig"), max_cues=MAX_CUES)
        except (UnicodeDecodeError, BadSubtitles) as error:
            raise invalid_field("", f"is no captions file in UTF-8: {error}") from None
        await self._captions.put(video, language, cues)
        return Answer(200, {"language": language, "cues": len(cues)})

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._captions.remove(await self._own(call), call.path["language"])
        return Answer(204)

    async def _own(self, call: Call[Any, Any]) -> VideoRow:
        viewer = self._addresses.asker(call.person, address=call.address)
        return await self._library.owned(call.path["video_id"].lower(), viewer)
