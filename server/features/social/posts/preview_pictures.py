"""Pictures of previews: fetched once, re-encoded in a child, and served by this server, so that no reader's address
reaches the page's own.

The row of the preview is the truth: objects without one are swept (``storage/doomed.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

from aiohttp import web

from server.features.people.pictures import PICTURE_HEADERS, PictureSize, Reencode
from server.http import content
from server.http.errors import Problem, not_found
from server.http.operation import UUID, Call, MediaType, Operation
from storage.doomed import keep, reserve
from storage.ids import Ids
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database, Transaction

MAX_BYTES: Final = 5 * 1024 * 1024
SIZE: Final = PictureSize(600, 315)
"""The proportions in which pages give them (ogp.me has none; 1.91 to 1 is what they are made in)."""
WEBP: Final = "image/webp"
PUT_S: Final = 20.0
KEEP_WITHIN_S: Final = 300.0
"""Objects that wait longer for their row are deleted."""


class Files(Protocol):
    async def get(self, url: str, max_bytes: int) -> tuple[bytes, str]: ...


class PreviewPictures:
    """``files`` reach public addresses alone."""

    def __init__(
        self,
        *,
        db: Database,
        objects: ObjectStore,
        ids: Ids,
        files: Files,
        reencode: Reencode,
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._objects = objects
        self._ids = ids
        self._files = files
        self._reencode = reencode
        self._now = now

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/previews/{picture_id}.webp", handler=self._get, name="getPreviewPicture",
                tag="posts", summary="The picture of a link's preview", paths={"picture_id": UUID},
                answers={200: MediaType(media_type=WEBP)}, problems=frozenset({404}),
                description="The address never changes, and what it leads to neither.",
            )
        ]  # fmt: skip

    async def fetch(self, url: str) -> str | None:
        """Store what is at the address; the picture's id, for ``keep``. None where no picture is to be had."""
        try:
            data, _ = await self._files.get(url, MAX_BYTES)
            (picture,) = await self._reencode(data, [SIZE])
        except (OSError, TimeoutError, Problem):
            return None
        picture_id = self._ids.uuid7(self._now().timestamp())
        await reserve(self._db, folder_of(picture_id), for_s=KEEP_WITHIN_S)
        async with asyncio.timeout(PUT_S):
            await self._objects.put(_key(picture_id), picture, content_type=WEBP)
        return picture_id

    async def keep(self, tx: Transaction, picture_id: str) -> bool:
        """In the transaction that writes the preview's row. False when it came too late."""
        return await keep(tx, folder_of(picture_id))

    async def _get(self, call: Call[None, None]) -> web.StreamResponse:
        picture_id = call.path["picture_id"]
        try:
            body = b"".join([chunk async for chunk in self._objects.open(_key(picture_id))])
        except NoSuchObject:
            raise not_found("There is no such picture") from None
        return content.held(call.request, body, etag=f'"{picture_id}"', headers=PICTURE_HEADERS)


def folder_of(picture_id: str) -> str:
    return f"previews/{picture_id}/"


def url_of(picture_id: str) -> str:
    return f"/previews/{picture_id}.webp"


def _key(picture_id: str) -> str:
    return f"{folder_of(picture_id)}{SIZE.width}.webp"
