"""Objects in a bucket of S3, or of what speaks its language."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from storage.errors import StorageError, Unavailable
from storage.objects.direct import S3DirectParts
from storage.objects.lifecycle import ClassRule, to_move, written_rules
from storage.objects.multipart import MultipartUpload, parts
from storage.objects.port import CHUNK_BYTES, NoSuchObject, checked, folder_of

T = TypeVar("T")

PARTS_AT_ONCE: Final = 4
"""Of all uploads: each costs some MB while it is sent, and they share one line."""


class S3Objects:
    """Objects in a bucket of S3 or what speaks its language. Calls run in a few threads of their own."""

    has_classes = True

    def __init__(self, *, client: Any, bucket: str, prefix: str = "", threads: int = 8) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._parts = asyncio.Semaphore(PARTS_AT_ONCE)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="s3")

    @classmethod
    def connect(cls, url: str, *, endpoint_url: str | None = None, region: str | None = None) -> S3Objects:
        """A store on ``s3://bucket[/prefix]``; credentials and the rest come from where the AWS tools look for them."""
        import boto3
        from botocore.config import Config

        parts = urlsplit(url)
        config = Config(
            connect_timeout=3,
            read_timeout=10,
            retries={"max_attempts": 3, "mode": "standard"},
            max_pool_connections=16,
            signature_version="s3v4",  # of signed addresses too: the older one does not sign how many bytes they take
            # Servers that are not Amazon's refuse trailing checksums, or answer a range with that of the whole object.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        client = boto3.client("s3", endpoint_url=endpoint_url, region_name=region, config=config)
        prefix = parts.path.strip("/")
        return cls(client=client, bucket=parts.netloc, prefix=f"{prefix}/" if prefix else "")

    @property
    def direct(self) -> S3DirectParts:
        return S3DirectParts(client=self._client, bucket=self._bucket, name=self._name, call=self._call)

    async def put(self, key: str, body: bytes | Path, *, content_type: str) -> None:
        name = self._name(key)
        await self._call(lambda: self._upload(name, body, content_type))

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str) -> int:
        upload = MultipartUpload(self._client, self._bucket, self._name(key), content_type)
        try:
            async with contextlib.aclosing(parts(chunks)) as found:
                async for part in found:
                    async with self._parts:
                        await self._call(partial(upload.add, part))
        except BaseException:
            await asyncio.shield(self._call(upload.abort))
            raise
        return upload.size

    async def open(self, key: str, *, offset: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        if size == 0 or (offset and offset >= (await self.size(key) or 0)):
            return
        span = f"bytes={offset}-" if size is None else f"bytes={offset}-{offset + size - 1}"
        ranged = {"Range": span} if offset or size is not None else {}
        name = self._name(key)
        answer = await self._call(lambda: self._client.get_object(Bucket=self._bucket, Key=name, **ranged))
        body = answer["Body"]
        try:
            while chunk := await self._call(lambda: body.read(CHUNK_BYTES)):
                yield chunk
        finally:
            body.close()

    def local_path(self, key: str) -> Path | None:
        checked(key)
        return None

    async def size(self, key: str) -> int | None:
        name = self._name(key)
        try:
            answer = await self._call(lambda: self._client.head_object(Bucket=self._bucket, Key=name))
        except NoSuchObject:
            return None
        return int(answer["ContentLength"])

    async def listed(self) -> AsyncIterator[tuple[str, int]]:
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix))
        while (page := await self._call(lambda: next(pages, None))) is not None:
            for found in page.get("Contents", ()):
                yield found["Key"].removeprefix(self._prefix), int(found["Size"])

    async def delete_prefix(self, prefix: str) -> None:
        name = self._name(folder_of(prefix)) + "/"
        await self._call(lambda: self._delete_all(name))

    async def sweep_unfinished(self, *, before: dt.datetime) -> int:
        return await self._call(lambda: self._abort_all(before))

    async def set_lifecycle(self, rules: Sequence[ClassRule], *, unfinished_days: int) -> bool:
        return await self._call(lambda: self._write_rules(rules, unfinished_days))

    def _write_rules(self, rules: Sequence[ClassRule], unfinished_days: int) -> bool:
        """False for a server that knows no such rules, or an account that may not set them."""
        from botocore.exceptions import ClientError

        try:
            wanted = written_rules(self._rules(), rules, prefix=self._prefix, unfinished_days=unfinished_days)
            self._client.put_bucket_lifecycle_configuration(
                Bucket=self._bucket, LifecycleConfiguration={"Rules": wanted}
            )
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            if status >= 500 and status != 501:
                raise
            return False
        return self._has_written(wanted)

    def _rules(self) -> list[dict[str, Any]]:
        from botocore.exceptions import ClientError

        try:
            found = self._client.get_bucket_lifecycle_configuration(Bucket=self._bucket)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NoSuchLifecycleConfiguration":
                raise
            return []
        rules: list[dict[str, Any]] = found.get("Rules", [])
        return rules

    def _has_written(self, wanted: Sequence[dict[str, Any]]) -> bool:
        """Some servers answer that they have, and keep nothing."""
        return {rule["ID"] for rule in wanted} <= {str(rule.get("ID")) for rule in self._rules()}

    async def move_classes(self, rules: Sequence[ClassRule], *, now: dt.datetime) -> int:
        moved = 0
        for rule in rules:
            where = {"Bucket": self._bucket, "Prefix": f"{self._prefix}{rule.prefix}"}
            pages = iter(self._client.get_paginator("list_objects_v2").paginate(**where))
            while (page := await self._call(lambda pages=pages: next(pages, None))) is not None:  # type: ignore[misc]
                names = list(to_move(page, rule, now))
                await self._call(partial(self._move, names, rule.storage_class))
                moved += len(names)
        return moved

    def _move(self, names: Sequence[str], storage_class: str) -> None:
        for name in names:
            self._client.copy_object(
                Bucket=self._bucket, Key=name, CopySource={"Bucket": self._bucket, "Key": name},
                StorageClass=storage_class, MetadataDirective="COPY",
            )  # fmt: skip

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _name(self, key: str) -> str:
        return self._prefix + checked(key)

    def _upload(self, name: str, body: bytes | Path, content_type: str) -> None:
        if isinstance(body, bytes):
            self._client.put_object(Bucket=self._bucket, Key=name, Body=body, ContentType=content_type)
            return
        with body.open("rb") as file:
            self._client.upload_fileobj(file, self._bucket, name, ExtraArgs={"ContentType": content_type})

    def _delete_all(self, prefix: str) -> None:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            names = [{"Key": found["Key"]} for found in page.get("Contents", ())]
            if names:
                self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": names, "Quiet": True})

    def _abort_all(self, before: dt.datetime) -> int:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=self._prefix)
        left = [found for page in pages for found in page.get("Uploads", ()) if found["Initiated"] < before]
        for found in left:
            with contextlib.suppress(self._client.exceptions.NoSuchUpload):  # another node was first
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=found["Key"], UploadId=found["UploadId"])
        return len(left)

    async def _call(self, work: Callable[[], T]) -> T:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except ClientError as error:
            raise _of_s3(error) from error
        except (Boto3Error, BotoCoreError, OSError) as error:
            raise Unavailable("objects", str(error)) from error


def _of_s3(error: Any) -> StorageError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = error.response.get("Error", {}).get("Code", "")
    if code in ("NoSuchKey", "NoSuchUpload", "404", "NotFound"):
        return NoSuchObject(str(error))
    # A bucket or a right that is missing today may be there tomorrow: the operator's to mend, not the caller's.
    return Unavailable("objects", f"{code} ({status})")
