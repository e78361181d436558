"""An object of unknown length on its way to S3: parts that wait in files without a name, so memory stays flat."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import IO, Any, Final

PART_BYTES: Final = 16 * 1024 * 1024
"""S3 takes parts of 5 MiB at least, but for the last one."""


@dataclass(kw_only=True)
class Part:
    """Bytes in a temporary file, which is gone once it is closed. ``is_last``: the object ends here."""

    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    size: int = 0
    is_last: bool = False

    def write(self, chunk: bytes) -> None:
        self.file.write(chunk)
        self.size += len(chunk)

    def content(self) -> IO[bytes]:
        self.file.seek(0)
        return self.file


async def parts(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Part]:
    """One part at least. They grow, since an upload has at most 10,000: 880 GB with these.

    A part is closed when the next one is asked for.
    """
    part, number = Part(), 0
    try:
        async for chunk in chunks:
            if part.size >= PART_BYTES * (1 + number // 1_000):
                yield part
                part.file.close()
                part, number = Part(), number + 1
            await asyncio.to_thread(part.write, chunk)
        part.is_last = True
        yield part
    finally:
        part.file.close()


class MultipartUpload:
    """Parts that become an object of the bucket when they are completed."""

    def __init__(self, client: Any, bucket: str, name: str, content_type: str) -> None:
        self._client = client
        self._where = {"Bucket": bucket, "Key": name}
        self._content_type = content_type
        self._upload_id = ""
        self._tags: list[dict[str, Any]] = []
        self.size = 0

    def add(self, part: Part) -> None:
        """The next part; with the last one the object is there. One that is all of it needs no multipart upload."""
        if part.is_last and not self._upload_id:
            self._client.put_object(**self._where, Body=part.content(), ContentType=self._content_type)
        else:
            self._upload(part)
        self.size += part.size

    def _upload(self, part: Part) -> None:
        if not self._upload_id:
            begun = self._client.create_multipart_upload(**self._where, ContentType=self._content_type)
            self._upload_id = begun["UploadId"]
        if part.size > 0:
            self._tags.append(self._sent(part, len(self._tags) + 1))
        if part.is_last:
            self._client.complete_multipart_upload(
                **self._where, UploadId=self._upload_id, MultipartUpload={"Parts": self._tags}
            )

    def _sent(self, part: Part, number: int) -> dict[str, Any]:
        answer = self._client.upload_part(
            **self._where, UploadId=self._upload_id, PartNumber=number, Body=part.content()
        )
        return {"PartNumber": number, "ETag": answer["ETag"]}

    def abort(self) -> None:
        """The parts are deleted. Where that fails they are swept later."""
        from botocore.exceptions import BotoCoreError, ClientError

        if self._upload_id:
            with contextlib.suppress(BotoCoreError, ClientError):
                self._client.abort_multipart_upload(**self._where, UploadId=self._upload_id)
