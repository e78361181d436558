"""Objects of a bucket that clients send there themselves: a multipart upload whose parts have signed addresses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from storage.objects.port import HeldPart, NoSuchObject

T = TypeVar("T")


class Calls(Protocol):
    """Runs what blocks, and raises the store's own errors."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


class S3DirectParts:
    """As ``DirectParts``. Once an upload is completed or aborted its addresses are good for nothing, so that what was
    looked at is not replaced afterwards."""

    def __init__(self, *, client: Any, bucket: str, name: Callable[[str], str], call: Calls) -> None:
        self._client = client
        self._bucket = bucket
        self._name = name
        self._call = call

    async def begin(self, key: str, *, content_type: str) -> str:
        where = self._where(key)
        begun = await self._call(lambda: self._client.create_multipart_upload(**where, ContentType=content_type))
        return str(begun["UploadId"])

    async def urls(self, key: str, upload: str, sizes: Mapping[int, int], *, for_s: int) -> dict[int, str]:
        where = {**self._where(key), "UploadId": upload}

        def signed(number: int, size: int) -> str:
            asked = {**where, "PartNumber": number, "ContentLength": size}
            return str(self._client.generate_presigned_url("upload_part", Params=asked, ExpiresIn=for_s))

        return await self._call(lambda: {number: signed(number, size) for number, size in sizes.items()})

    async def held(self, key: str, upload: str) -> dict[int, HeldPart] | None:
        return await self._call(lambda: self._listed(key, upload))

    def _listed(self, key: str, upload: str) -> dict[int, HeldPart] | None:
        pages = self._client.get_paginator("list_parts").paginate(**self._where(key), UploadId=upload)
        try:
            found = [part for page in pages for part in page.get("Parts", ())]
        except self._client.exceptions.ClientError as error:
            if _code(error) == "NoSuchUpload":
                return None
            raise
        return {int(part["PartNumber"]): HeldPart(int(part["Size"]), part["ETag"]) for part in found}

    async def complete(self, key: str, upload: str, parts: Mapping[int, HeldPart]) -> bool:
        return await self._call(lambda: self._completed(key, upload, parts))

    def _completed(self, key: str, upload: str, parts: Mapping[int, HeldPart]) -> bool:
        named = [{"PartNumber": number, "ETag": part.tag} for number, part in sorted(parts.items())]
        try:
            self._client.complete_multipart_upload(
                **self._where(key), UploadId=upload, MultipartUpload={"Parts": named}
            )
        except self._client.exceptions.ClientError as error:
            if _code(error) not in ("InvalidPart", "NoSuchUpload"):
                raise
            return _code(error) == "NoSuchUpload"  # another call has completed it
        return True

    async def abort(self, key: str, upload: str) -> None:
        where = {**self._where(key), "UploadId": upload}
        try:
            await self._call(lambda: self._client.abort_multipart_upload(**where))
        except NoSuchObject:
            return

    def _where(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self._name(key)}


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
