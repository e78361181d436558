"""Small pictures of the owners of rooms, as emotes and badges are: re-encoded, stored, read.

A folder of objects for each, under an id that is never used again. The row is the truth: objects without one are swept
(``storage/doomed.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from server.feature import MediaFile
from server.features.people.pictures import PictureSize, Reencode
from server.http.errors import Problem, not_found
from server.http.operation import PathFormat
from storage.doomed import doom, keep, reserve
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database, Transaction

WEBP: Final = "image/webp"
WIDTHS: Final = (28, 56, 112)
SHOWN_WIDTH: Final = 56
MAX_FRAMES: Final = 120
SIZES: Final = [PictureSize(width, width) for width in WIDTHS]
PUT_S: Final = 30.0
KEEP_WITHIN_S: Final = 900.0
"""Objects that wait longer for their row are deleted."""
FILE: Final = PathFormat(
    pattern=f"^({'|'.join(map(str, WIDTHS))})[.]webp$", description="A width in pixels", example="56.webp"
)
TAKEN: Final = (
    "PNG, WebP, GIF, JPEG or AVIF, as the body itself or as the one file of a form. A square is cut out of the middle; "
    "an animation stays one; metadata are removed."
)


class PictureFolders:
    """The pictures of one ``noun``, such as ``emote``."""

    def __init__(self, *, noun: str, db: Database, objects: ObjectStore, reencode: Reencode) -> None:
        self._noun = noun
        self._db = db
        self._objects = objects
        self._reencode = reencode

    async def reencoded(self, data: bytes) -> Sequence[bytes]:
        """One of each width. Raises what ``Reencode`` raises."""
        return await self._reencode(data, SIZES)

    async def store(self, picture_id: str, pictures: Sequence[bytes]) -> None:
        """They are deleted unless ``keep`` follows. Raises a 503."""
        folder = folder_of(self._noun, picture_id)
        await reserve(self._db, folder, for_s=KEEP_WITHIN_S)
        try:
            async with asyncio.timeout(PUT_S):
                for width, picture in zip(WIDTHS, pictures, strict=True):
                    await self._objects.put(f"{folder}{width}.webp", picture, content_type=WEBP)
        except TimeoutError as error:
            raise self._late(PUT_S) from error

    async def keep(self, tx: Transaction, picture_id: str) -> None:
        """In the transaction that writes its row. Raises a 503 when it came too late."""
        if not await keep(tx, folder_of(self._noun, picture_id)):
            raise self._late(1.0)

    async def read(self, picture_id: str, file: str) -> bytes:
        """Raises a 404."""
        try:
            return b"".join([chunk async for chunk in self._objects.open(folder_of(self._noun, picture_id) + file)])
        except NoSuchObject:
            raise not_found(f"There is no such {self._noun}") from None

    async def largest(self, picture_id: str, *, name: str) -> MediaFile | None:
        """For the archive of its owner, under this name."""
        key = f"{folder_of(self._noun, picture_id)}{WIDTHS[-1]}.webp"
        size = await self._objects.size(key)
        return None if size is None else MediaFile(name=name, size=size, chunks=partial(self._objects.open, key))

    def _late(self, retry_after_s: float) -> Problem:
        return Problem(503, f"The {self._noun} could not be stored in time", retry_after_s=retry_after_s)


def folder_of(noun: str, picture_id: str) -> str:
    """The prefix of its objects, and of its addresses."""
    return f"{noun}s/{picture_id}/"


def url_of(noun: str, picture_id: str) -> str:
    return f"/{folder_of(noun, picture_id)}{SHOWN_WIDTH}.webp"


async def doom_picture(tx: Transaction, noun: str, picture_id: str) -> None:
    """Its objects go after the commit."""
    await doom(tx, folder_of(noun, picture_id))
