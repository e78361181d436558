"""``/api/v1/videos`` and the lists of videos."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from server.features.people.rules import username_key
from server.features.videos.library.library import Library, VideoRow
from server.features.videos.library.listing import Listing
from server.features.videos.library.media import VideoMedia
from server.features.videos.library.shapes import (
    NewVideoBody,
    PosterBody,
    TrimBody,
    VideoAnswer,
    VideoChange,
    VideoShape,
    VideosShape,
    WatchBody,
)
from server.features.videos.library.views import Views
from server.http import content
from server.http.cursors import after_id, page_of
from server.http.errors import not_found
from server.http.limits import OWN_SETTINGS, CallRate
from server.http.operation import USERNAME, UUID, Answer, Call, MediaType, Operation
from server.http.shapes import PageQuery
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer

TAG: Final = "videos"
BEATS: Final = CallRate("video_beats", per_s=20.0, burst=400)
"""By address: that of a large household, or of an office."""
MAX_FILE_NAME: Final = 120
ATTR_CHARS: Final = "!#$&+-.^_`|~"
"""Beside letters and digits, what RFC 8187 has as it is."""
UNQUOTED: Final = frozenset('"\\/%')
ANY_BYTES: Final = "application/octet-stream"


class VideoRoutes:
    def __init__(
        self, *, library: Library, media: VideoMedia, views: Views, addresses: MediaAddresses, rate: CallRate
    ) -> None:
        self._library = library
        self._views = views
        self._media = media
        self._addresses = addresses
        self._rate = rate
        self._listing = Listing(library=library, addresses=addresses)

    def operations(self) -> Sequence[Operation]:
        base, one, video = "/api/v1/videos", "/api/v1/videos/{video_id}", {"video_id": UUID}
        original = MediaType(media_type=ANY_BYTES, description="The upload as it came")
        return [
            Operation(
                method="POST", path=base, handler=self._create, name="createVideo", tag=TAG, body=NewVideoBody,
                summary="Make a video of an upload; it is encoded from now on", answers={202: VideoAnswer},
                problems=frozenset({422}), auth="required", scope="upload", idempotent_key=True,
                account_rate=self._rate,
            ),
            Operation(
                method="GET", path=one, handler=self._get, name="getVideo", tag=TAG, paths=video,
                summary="A video; others than its owner see it once it can be played", answers={200: VideoShape},
                problems=frozenset({404, 451}), auth="optional", also_scopes=("upload",),
            ),
            Operation(
                method="PATCH", path=one, handler=self._change, name="changeVideo", tag=TAG, paths=video,
                summary="Change what is said of a video; of a recording, what is said of its stream",
                body=VideoChange, answers={200: VideoShape}, problems=frozenset({403, 404, 451}), auth="required",
                scope="upload", account_rate=OWN_SETTINGS,
            ),
            Operation(
                method="DELETE", path=one, handler=self._delete, name="deleteVideo", tag=TAG, paths=video,
                summary="Delete a video, and what it was made of; of a stream, what was recorded",
                answers={204: None}, problems=frozenset({403, 404, 451}), auth="required", scope="upload",
                account_rate=OWN_SETTINGS,
            ),
            Operation(
                method="POST", path=f"{one}/heartbeat", handler=self._beat, name="watchVideo", tag=TAG, paths=video,
                summary="Be counted as a viewer of a video: as it begins, every 10 s while it plays, and at a pause",
                body=WatchBody, answers={204: None}, problems=frozenset({404, 451, 503}), auth="optional",
                rate=BEATS,
            ),
            Operation(
                method="POST", path=f"{one}/trim", handler=self._trim, name="trimVideo", tag=TAG, paths=video,
                summary="Leave out the beginning and the end of a video", body=TrimBody,
                answers={202: VideoAnswer}, problems=frozenset({403, 404, 409, 422, 451}), auth="required",
                scope="upload", account_rate=OWN_SETTINGS, idempotent_key=True,
            ),
            Operation(
                method="PUT", path=f"{one}/poster", handler=self._put_poster, name="putVideoPoster", tag=TAG,
                paths=video, summary="Have an uploaded picture stand for a video", body=PosterBody,
                answers={200: VideoShape}, problems=frozenset({403, 404, 422, 451}), auth="required", scope="upload",
                account_rate=OWN_SETTINGS,
            ),
            Operation(
                method="DELETE", path=f"{one}/poster", handler=self._remove_poster, name="removeVideoPoster", tag=TAG,
                paths=video, summary="Have a picture of the video itself stand for it again",
                answers={200: VideoShape}, problems=frozenset({403, 404, 451}), auth="required", scope="upload",
                account_rate=OWN_SETTINGS,
            ),
            Operation(
                method="GET", path=f"{one}/original", handler=self._original, name="getOriginal", tag=TAG, paths=video,
                summary="The upload as it came, for its owner; of a recording, its MP4 file",
                answers={200: original, 206: original, 304: None, 307: None},
                problems=frozenset({403, 404, 412, 416, 451}), auth="required", scope="upload",
            ),
            Operation(
                method="GET", path="/api/v1/me/videos", handler=self._mine, name="listMyVideos", tag=TAG,
                summary="Your videos and recordings, the newest first", query=PageQuery, answers={200: VideosShape},
                auth="required", also_scopes=("upload",),
            ),
            Operation(
                method="GET", path="/api/v1/users/{username}/videos", handler=self._of_person,
                name="listVideosOfPerson", tag=TAG, paths={"username": USERNAME}, query=PageQuery,
                summary="The videos and recordings of a person, the newest first", answers={200: VideosShape},
                auth="optional",
            ),
        ]  # fmt: skip

    def _asker(self, call: Call[Any, Any]) -> Viewer:
        return self._addresses.asker(call.person, address=call.address)

    async def _create(self, call: Call[NewVideoBody, None]) -> Answer:
        video_id = await self._library.create(call.me.id, call.body)
        shown = await self._one(call, video_id)
        return Answer(202, {"video": shown}, {"Location": f"/api/v1/videos/{video_id}"})

    async def _get(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._one(call, call.path["video_id"].lower()))

    async def _change(self, call: Call[VideoChange, None]) -> Answer:
        viewer = self._asker(call)
        video = await self._library.change(call.path["video_id"].lower(), viewer, call.body)
        return Answer(200, (await self._shown([video], viewer))[0])

    async def _beat(self, call: Call[WatchBody, None]) -> Answer:
        viewer = self._asker(call)
        video = await self._library.one(call.path["video_id"].lower(), viewer)
        await self._views.note(video, viewer, call.address, is_playing=call.body.is_playing)
        return Answer(204)

    async def _trim(self, call: Call[TrimBody, None]) -> Answer:
        video_id = call.path["video_id"].lower()
        await self._library.trim(video_id, self._asker(call), call.body)
        return Answer(202, {"video": await self._one(call, video_id)})

    async def _put_poster(self, call: Call[PosterBody, None]) -> Answer:
        return await self._with_poster(call, str(call.body.upload_id))

    async def _remove_poster(self, call: Call[None, None]) -> Answer:
        return await self._with_poster(call, None)

    async def _with_poster(self, call: Call[Any, None], upload_id: str | None) -> Answer:
        video_id = call.path["video_id"].lower()
        await self._library.set_poster(video_id, self._asker(call), upload_id)
        return Answer(200, await self._one(call, video_id))

    async def _delete(self, call: Call[None, None]) -> Answer:
        await self._library.delete(call.path["video_id"].lower(), self._asker(call))
        return Answer(204)

    async def _original(self, call: Call[None, None]) -> Answer | web.StreamResponse:
        viewer = self._asker(call)
        video = await self._library.owned(call.path["video_id"].lower(), viewer)
        if video.is_recording:
            if not video.has_file:
                raise not_found("The recording was not made into a file")
            return Answer(307, None, {"Location": f"/hls/{self._media.address(video, viewer)}/recording.mp4"})
        size, name = await self._library.original_size(video)

        def read(offset: int, count: int) -> AsyncIterator[bytes]:
            return self._library.original(video, offset, count)

        headers = {
            "Cache-Control": content.PRIVATE,
            "Content-Type": ANY_BYTES,
            "Content-Disposition": _attachment(name),
        }
        return await content.streamed(
            call.request, read, size=size, etag=f'"{video.upload_id}-{size}"', headers=headers
        )

    async def _mine(self, call: Call[None, PageQuery]) -> Answer:
        before, limit = after_id(call.query.cursor), call.query.limit
        return await self._page(await self._library.mine(call.me.id, before=before, limit=limit + 1), call)

    async def _of_person(self, call: Call[None, PageQuery]) -> Answer:
        before, limit = after_id(call.query.cursor), call.query.limit
        name = username_key(call.path["username"])
        return await self._page(
            await self._library.of_person(name, self._asker(call), before=before, limit=limit + 1), call
        )

    async def _page(self, rows: Sequence[VideoRow], call: Call[None, PageQuery]) -> Answer:
        shown, following = page_of(rows, call.query.limit, lambda row: (0, row.id))
        return Answer(200, {"items": await self._shown(shown, self._asker(call)), "next": following})

    async def _one(self, call: Call[Any, Any], video_id: str) -> dict[str, Any]:
        viewer = self._asker(call)
        return (await self._shown([await self._library.one(video_id, viewer)], viewer))[0]

    async def _shown(self, videos: Sequence[VideoRow], viewer: Viewer) -> list[dict[str, Any]]:
        return await self._listing.shown(videos, viewer)


def _attachment(name: str) -> str:
    """Its ``Content-Disposition``; what reads no ``filename*`` has the other (RFC 6266, 4.3)."""
    plain, name = _ascii(name), name[:MAX_FILE_NAME]
    in_full = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe=ATTR_CHARS)}"
    return f'attachment; filename="{plain}"{in_full}'


def _ascii(name: str) -> str:
    """A file's name as a quoted string takes it (RFC 6266, RFC 9110, 5.6.4)."""
    return "".join(char if char.isascii() and char.isprintable() and char not in '"\\/%' else "_" for char in name)[
        :MAX_FILE_NAME
    ]
