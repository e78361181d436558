"""``/api/v1/uploads`` by tus 1.0.0, an upload as JSON, and the pictures that were made of uploads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from typing import Any, Final

from aiohttp import web

from server.features.people.pictures import PICTURE_HEADERS
from server.features.videos.uploads import tus
from server.features.videos.uploads.direct import DirectUploads
from server.features.videos.uploads.receiving import Append, Receiver
from server.features.videos.uploads.rules import Bounds
from server.features.videos.uploads.shapes import PartsShape, UploadShape, shown
from server.features.videos.uploads.uploads import Uploads, media_prefix
from server.http import content
from server.http.errors import Problem, not_found
from server.http.intake import require_content_type
from server.http.limits import CallRate
from server.http.operation import Answer, Call, MediaType, Operation, PathFormat, Streamed
from storage.objects import NoSuchObject, ObjectStore

TAG: Final = "Uploads"
PATH: Final = "/api/v1/uploads"
FILE: Final = PathFormat(
    pattern="^(full|preview)[.]webp$", description="The whole picture, or a small one", example="full.webp"
)
VERSIONED: Final = {"Tus-Resumable": tus.VERSION}
RESUMABLE: Final = {**VERSIONED, "Cache-Control": "no-store"}
OVERRIDE: Final = "X-HTTP-Method-Override"
ASKED: Final = {"Tus-Resumable": f"{tus.VERSION}; a 412 without it"}
SAID: Final = {
    "Upload-Offset": "Where the upload goes on",
    "Upload-Expires": "When an upload goes that nobody goes on with",
}
ALLOWED: Final = "DELETE, GET, HEAD, OPTIONS, PATCH"
OVERRIDDEN: Final = ("DELETE", "HEAD", "PATCH")
APPENDING: Final = frozenset({400, 403, 404, 409, 412, 413, 423, tus.CHECKSUM_MISMATCH})
CHECKSUM: Final = {"Upload-Checksum": f"Of this request's bytes, in Base64: {', '.join(tus.ALGORITHMS)}"}
LENGTH: Final = {"Upload-Length": "Bytes of the whole", "Upload-Defer-Length": "1: the length follows"}


class UploadRoutes:
    """The owner's alone, but for pictures, whose address nobody guesses."""

    def __init__(
        self,
        *,
        uploads: Uploads,
        receiver: Receiver,
        direct: DirectUploads,
        objects: ObjectStore,
        bounds: Bounds,
        rate: CallRate,
        parts_rate: CallRate,
    ) -> None:
        self._direct = direct
        self._parts_rate = parts_rate
        self._uploads = uploads
        self._receiver = receiver
        self._objects = objects
        self._bounds = bounds
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "also_scopes": ("upload",), "always": VERSIONED}
        bytes_in: dict[str, Any] = {
            "body": Streamed,
            "consumes": (tus.OFFSET_TYPE,),
            "max_body": self._bounds.max_bytes,
        }
        one = PATH + "/{upload_id}"
        return [
            Operation(
                method="OPTIONS", path=PATH, handler=self._options, name="uploadOptions", tag=TAG,
                summary="What the upload protocol has here", answers={204: None},
                headers={"Tus-Version": "Versions", "Tus-Extension": "Extensions", "Tus-Max-Size": "Bytes"},
            ),
            Operation(
                method="OPTIONS", path=one, handler=self._options, name="oneUploadOptions", tag=TAG,
                summary="What the upload protocol has here", answers={204: None}, is_documented=False,
            ),
            Operation(
                method="POST", path=one, handler=self._overridden, name="overrideUploadMethod",
                summary="As the method that a header names, for clients that can send no others", body_required=False,
                request_headers={**ASKED, OVERRIDE: ", ".join(OVERRIDDEN)}, answers={200: None, 204: None},
                is_documented=False, problems=APPENDING | {405}, **bytes_in, **mine,
            ),
            Operation(
                method="POST", path=PATH, handler=self._create, name="createUpload", summary="Begin an upload",
                description="By tus 1.0.0; the first bytes may come with it.", body_required=False,
                request_headers={**ASKED, **LENGTH, **CHECKSUM, "Upload-Metadata": "filename and filetype, in Base64",
                                 "Upload-Concat": "partial, or final; and the addresses of the parts"},
                headers={"Location": "The upload", **SAID}, answers={201: None},
                problems=frozenset({400, 404, 409, 412, 413, 423, tus.CHECKSUM_MISMATCH}), account_rate=self._rate,
                **bytes_in, **mine,
            ),
            Operation(
                method="PATCH", path=one, handler=self._append, name="appendToUpload", summary="Send more of an upload",
                description="What has come before a connection breaks is kept, unless the request has a checksum.",
                request_headers={**ASKED, **CHECKSUM, "Upload-Offset": "Where these bytes begin",
                                 "Upload-Length": "Of an upload that has none yet"},
                headers=SAID, answers={204: None}, problems=APPENDING, **bytes_in, **mine,
            ),
            Operation(
                method="GET", path=one, handler=self._get, name="getUpload", summary="An upload of yours",
                description="HEAD answers the protocol's headers alone.", headers=SAID, answers={200: UploadShape},
                problems=frozenset({404}), **mine,
            ),
            Operation(
                method="DELETE", path=one, handler=self._end, name="deleteUpload", summary="End an upload",
                request_headers=ASKED, answers={204: None}, problems=frozenset({404, 409, 412}), **mine,
            ),
            Operation(
                method="POST", path=one + "/parts", handler=self._parts, name="listUploadParts",
                summary="Where parts of an upload are put directly",
                description="Of an upload with a length, of which nothing has come, where the operator lets clients"
                " send to the bucket. Asked again, it answers those that are missing still.",
                answers={200: PartsShape}, problems=frozenset({404, 409}), account_rate=self._parts_rate, **mine,
            ),
            Operation(
                method="POST", path=one + "/parts/done", handler=self._parts_done, name="completeUploadParts",
                summary="All parts of an upload are there", answers={200: UploadShape},
                problems=frozenset({404, 409}), account_rate=self._parts_rate, **mine,
            ),
            Operation(
                method="GET", path="/media/{upload_id}/{file}", handler=self._picture, name="getUploadedPicture",
                tag=TAG, summary="A picture that was uploaded", paths={"file": FILE},
                answers={200: MediaType(media_type="image/webp")}, problems=frozenset({404}),
            ),
        ]  # fmt: skip

    async def _options(self, call: Call[None, None]) -> Answer:
        said = {
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": str(self._bounds.max_bytes),
            "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS),
            "Allow": ALLOWED if "upload_id" in call.path else "OPTIONS, POST",
        }
        return Answer(204, headers={**RESUMABLE, **said})

    async def _overridden(self, call: Call[None, None]) -> Answer:
        match call.request.headers.get(OVERRIDE, "").upper():
            case "PATCH":
                require_content_type(call.request, (tus.OFFSET_TYPE,))
                return await self._append(call)
            case "DELETE":
                return await self._end(call)
            case "HEAD":
                tus.require_version(call.request.headers)
                return Answer(200, headers=(await self._get(call)).headers)
        raise Problem(405, f"{OVERRIDE} must be one of {', '.join(OVERRIDDEN)}", headers={"Allow": ALLOWED})

    async def _create(self, call: Call[None, None]) -> Answer:
        headers = call.request.headers
        tus.require_version(headers)
        row = await self._new(call.me.id, headers)
        offset = row["received"]
        if call.request.can_read_body:
            asked = Append(
                owner_id=call.me.id, upload_id=row["id"], offset=0, length=None, checksum=tus.checksum(headers)
            )
            offset = await self._receiver.append(call.request, asked)
        return Answer(201, headers={"Location": f"{PATH}/{row['id']}", **_said(row, offset)})

    async def _new(self, owner_id: str, headers: Mapping[str, str]) -> Any:
        concat, metadata = headers.get("Upload-Concat"), tus.metadata(headers)
        parts = tus.joined(headers)
        if parts is not None and concat is not None:
            return await self._uploads.join(owner_id, parts, concat=concat, metadata=metadata)
        return await self._uploads.create(
            owner_id, size=tus.length(headers), metadata=metadata, is_part=concat == "partial"
        )

    async def _append(self, call: Call[None, None]) -> Answer:
        headers = call.request.headers
        tus.require_version(headers)
        start = tus.number(headers, "Upload-Offset")
        if start is None:
            raise Problem(400, "Upload-Offset must be a number of bytes")
        upload_id = call.path["upload_id"]
        asked = Append(
            owner_id=call.me.id,
            upload_id=upload_id,
            offset=start,
            length=tus.number(headers, "Upload-Length"),
            checksum=tus.checksum(headers),
        )
        offset = await self._receiver.append(call.request, asked)
        return Answer(204, headers=_said(await self._uploads.of(call.me.id, upload_id), offset))

    async def _get(self, call: Call[None, None]) -> Answer:
        if call.request.method == "HEAD":
            tus.require_version(call.request.headers)
        row = await self._uploads.of(call.me.id, call.path["upload_id"])
        return Answer(200, shown(row), headers={**_said(row, row["received"]), **_described(row)})

    async def _end(self, call: Call[None, None]) -> Answer:
        tus.require_version(call.request.headers)
        await self._direct.end(call.me.id, call.path["upload_id"])
        return Answer(204, headers=RESUMABLE)

    async def _parts(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._direct.parts(call.me.id, call.path["upload_id"]))

    async def _parts_done(self, call: Call[None, None]) -> Answer:
        return Answer(200, shown(await self._direct.done(call.me.id, call.path["upload_id"])))

    async def _picture(self, call: Call[None, None]) -> web.StreamResponse:
        upload_id, file = call.path["upload_id"], call.path["file"]
        if not await self._uploads.is_shown(upload_id):
            raise not_found("There is no such picture")
        try:
            body = b"".join([chunk async for chunk in self._objects.open(media_prefix(upload_id) + file)])
        except NoSuchObject:
            raise not_found("There is no such picture") from None
        return content.held(call.request, body, etag=f'"{upload_id}-{file}"', headers=PICTURE_HEADERS)


def _said(row: Any, offset: int) -> dict[str, str]:
    said = {**RESUMABLE, "Upload-Offset": str(offset)}
    if row["claimed_by"] is None:
        said["Upload-Expires"] = format_datetime(row["expires_at"], usegmt=True)
    return said


def _described(row: Any) -> dict[str, str]:
    size = row["size"]
    said = {"Upload-Defer-Length": "1"} if size is None else {"Upload-Length": str(size)}
    optional = {"Upload-Metadata": row["metadata"], "Upload-Concat": row["concat"]}
    return said | {name: value for name, value in optional.items() if value}
