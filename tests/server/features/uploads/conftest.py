"""A person who uploads by tus, over HTTP, in process."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from yarl import URL

from tests.media.probe.samples import sample
from tests.server.kit import Kit
from tests.server.served import Served

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}


@dataclass
class Uploader:
    """``send`` makes a request as ``name``; its path may be whole."""

    kit: Kit
    served: Served
    token: str
    extra: dict[str, str] = field(default_factory=dict)

    async def send(
        self, method: str, path: str = "/api/v1/uploads", *, data: Any = None, **headers: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Headers are named with underscores; one of the value '' is not sent."""
        said = {**TUS, "Authorization": f"Bearer {self.token}", **self.extra}
        said |= BYTES if data is not None else {}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        said = {name: value for name, value in said.items() if value}
        async with self.served.http.request(method, self.served.url + path, data=data, headers=said) as answer:
            return answer.status, answer.headers, await answer.read()

    async def create(self, size: int | None, **headers: str) -> str:
        length = {"Upload_Length": str(size)} if size is not None else {"Upload_Defer_Length": "1"}
        status, said, body = await self.send("POST", **length, **headers)
        assert status == 201, body
        return said["Location"]

    async def append(self, path: str, offset: int, data: Any, **headers: str) -> int:
        """The status."""
        return (await self.send("PATCH", path, data=data, Upload_Offset=str(offset), **headers))[0]

    async def offset(self, path: str) -> int:
        status, said, _ = await self.send("HEAD", path)
        assert status == 200
        return int(said["Upload-Offset"])

    async def state(self, path: str) -> dict[str, Any]:
        status, body = await self.served.call("GET", path.removeprefix("/api/v1"), token=self.token)
        assert status == 200
        return body

    async def whole(self, data: bytes, **headers: str) -> str:
        """An upload of these bytes that has been looked at; its path."""
        path = await self.sent(data, **headers)
        await self.kit.run_jobs()
        return path

    async def sent(self, data: bytes, **headers: str) -> str:
        """An upload of these bytes that nobody has looked at yet; its path."""
        path = await self.create(len(data), **headers)
        assert await self.append(path, 0, data) == 204
        return path


def metadata(**values: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())


def video(megabytes: float = 0) -> bytes:
    """A video, with so many random bytes at its end that no program looks at."""
    padding = os.urandom(int(megabytes * 1_000_000))
    return sample() + struct.pack(">I4s", 8 + len(padding), b"free") + padding


def png(size: tuple[int, int] = (1000, 500)) -> bytes:
    made = BytesIO()
    Image.radial_gradient("L").resize(size).convert("RGB").save(made, "PNG")
    return made.getvalue()


@pytest.fixture
async def ada(kit: Kit) -> AsyncIterator[Uploader]:
    async with kit.serve(max_upload_mb=8, max_unused_upload_mb=20, max_unused_uploads=12) as served:
        yield Uploader(kit, served, await served.register("ada"))


async def another(uploader: Uploader, name: str = "bob") -> Uploader:
    return Uploader(uploader.kit, uploader.served, await uploader.served.register(name))


async def cut_off(uploader: Uploader, path: str, data: bytes, *, promised: int) -> None:
    """Send ``data``, the first of the ``promised`` bytes, and no more: the client leaves."""
    url = URL(uploader.served.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {uploader.token}\r\n"
        "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n"
        f"Content-Length: {promised}\r\n\r\n"
    )
    writer.write(head.encode() + data)
    await writer.drain()
    writer.write_eof()
    async with asyncio.timeout(30):
        await reader.read()
    writer.close()
