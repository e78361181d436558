"""``/api/v1/streams/{stream_id}/recording`` and ``/hls/{stream_id}/recording.mp4``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import Field

from server.features.videos.recordings.files import RecordingFile, RecordingFiles
from server.http import content
from server.http.errors import not_found
from server.http.limits import OWN_SETTINGS
from server.http.operation import UUID, Answer, Call, MediaType, Operation
from server.http.shapes import Shape
from server.live.addresses import ADDRESSED, MediaAddresses
from server.live.viewings import Viewer, Viewings

TAG: Final = "recordings"
SHARED: Final = "public, max-age=3600"


class RecordingFileShape(Shape):
    state: Annotated[str, Field(description="none, queued, ready or failed")]
    progress: Annotated[float, Field(description="0 to 1")]
    size: Annotated[int | None, Field(description="Bytes of the file, once it is ready")]
    mp4: Annotated[str | None, Field(description="Its address, once it is ready")]
    reason: Annotated[str, Field(description="Why it failed")]


class RecordingRoutes:
    def __init__(self, *, files: RecordingFiles, addresses: MediaAddresses, viewings: Viewings) -> None:
        self._files = files
        self._addresses = addresses
        self._viewings = viewings

    def operations(self) -> Sequence[Operation]:
        base, stream = "/api/v1/streams/{stream_id}/recording", {"stream_id": UUID}
        mp4 = MediaType(media_type="video/mp4")
        return [
            Operation(
                method="POST", path=base, handler=self._ask, name="makeRecordingFile", tag=TAG, paths=stream,
                summary="Have the recording made into one MP4 file", answers={202: RecordingFileShape},
                problems=frozenset({403, 404, 409}), auth="required", scope="stream", account_rate=OWN_SETTINGS,
            ),
            Operation(
                method="GET", path=base, handler=self._get, name="getRecordingFile", tag=TAG, paths=stream,
                summary="How far the file of a recording is", answers={200: RecordingFileShape},
                problems=frozenset({404}), auth="optional",
            ),
            Operation(
                method="GET", path="/hls/{stream_id}/recording.mp4", handler=self._file, name="recordingFile", tag=TAG,
                paths={"stream_id": ADDRESSED}, summary="The recording as a progressive MP4",
                answers={200: mp4, 206: mp4, 304: None}, problems=frozenset({403, 404, 412, 416}), auth="optional",
            ),
        ]  # fmt: skip

    async def _ask(self, call: Call[None, None]) -> Answer:
        viewer = self._addresses.asker(call.person, address=call.address)
        file = await self._files.ask(call.path["stream_id"], viewer)
        return Answer(202, await self._shown(call.path["stream_id"], viewer, file))

    async def _get(self, call: Call[None, None]) -> Answer:
        stream_id, viewer = call.path["stream_id"], self._addresses.asker(call.person, address=call.address)
        await self._files.seen(stream_id, viewer)
        return Answer(200, await self._shown(stream_id, viewer, await self._files.one(stream_id)))

    async def _shown(self, stream_id: str, viewer: Viewer, file: RecordingFile) -> dict[str, Any]:
        stream = await self._files.seen(stream_id, viewer)
        base = self._addresses.base("/hls", stream.id, viewer, is_open=stream.is_open)
        is_ready = file.state == "ready"
        return {
            "state": file.state,
            "progress": file.progress,
            "size": file.size if is_ready else None,
            "mp4": f"{base}/recording.mp4" if is_ready else None,
            "reason": file.reason,
        }

    async def _file(self, call: Call[None, None]) -> web.StreamResponse:
        self._addresses.require_signed(call.path["stream_id"], call.person)
        stream_id, viewer = self._addresses.read(call.path["stream_id"], call.person, address=call.address)
        stream = await self._files.seen(stream_id, viewer)
        file = await self._files.one(stream_id)
        if file.state != "ready" or file.size is None:
            raise not_found("There is no file of this recording")

        def read(offset: int, count: int) -> AsyncIterator[bytes]:
            return self._files.read(stream_id, file, offset, count)

        headers = {
            "Cache-Control": SHARED if stream.is_open else content.PRIVATE,
            "Content-Type": "video/mp4",
            "Content-Disposition": f'inline; filename="recording-{stream_id}.mp4"',
        }
        etag = f'"{stream_id}-{file.edition}-{file.size}-{file.head_bytes}"'
        with self._viewings.holding(stream_id, viewer, lambda: _break_off(call.request)):
            return await content.streamed(call.request, read, size=file.size, etag=etag, headers=headers)


def _break_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
