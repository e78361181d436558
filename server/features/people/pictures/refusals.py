"""What the re-encoder refuses, as problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from media.pictures.messages import PictureSize, Reencoded
from media.pictures.reencoder import PictureRefusedError, Reencoder, TooManyPicturesError
from server.http.errors import Problem

RETRY_AFTER_S: Final = 5.0
TAKEN: Final = "image/jpeg, image/png, image/gif, image/webp, image/avif"


class Refusals:
    """A re-encoder whose errors are answers."""

    def __init__(self, *, reencoder: Reencoder) -> None:
        self._reencoder = reencoder

    async def reencode(self, data: bytes, sizes: Sequence[PictureSize]) -> Sequence[bytes]:
        """Raises a 415 for no picture, a 422 for one that cannot be shown, a 503 when too many wait."""
        return (await self.described(data, sizes, has_blurhash=False)).pictures

    async def described(self, data: bytes, sizes: Sequence[PictureSize], *, has_blurhash: bool = True) -> Reencoded:
        """As ``reencode``, with what the pictures look like."""
        if not data:
            raise Problem(422, "The picture is empty", slug="picture-broken")
        try:
            return await self._reencoder.described(data, sizes, has_blurhash=has_blurhash)
        except PictureRefusedError as error:
            raise _problem(error) from error
        except TooManyPicturesError as error:
            raise Problem(503, "Too many pictures are being worked on", retry_after_s=RETRY_AFTER_S) from error


def _problem(error: PictureRefusedError) -> Problem:
    if error.code == "unsupported":
        return Problem(415, error.detail, headers={"Accept": TAKEN})
    return Problem(422, error.detail, slug=f"picture-{error.code.replace('_', '-')}")
