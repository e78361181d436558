"""The segments of a request: one becomes durable while the next is read, and what fails takes nothing else along."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from server.features.videos.uploads.receiving import piece_bytes
from storage.errors import Unavailable
from storage.objects import LocalObjects
from tests.server.features.uploads.conftest import Uploader
from tests.server.features.uploads.test_uploads import bytes_of

SEGMENT = 1024 * 1024


class SlowStore:
    """Each segment becomes durable once the next one has begun, the last of ``count`` at once; ``failing`` never."""

    def __init__(self, count: int, *, failing: int = -1) -> None:
        self._begun = [asyncio.Event() for _ in range(count)]
        self._failing = failing
        self.number = self.now = self.most = 0

    async def put_stream(
        self, store: LocalObjects, key: str, chunks: AsyncIterator[bytes], *, content_type: str
    ) -> int:
        number, self.number = self.number, self.number + 1
        self._begun[number].set()
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            size = await _put_stream(store, key, chunks, content_type=content_type)
            if number == self._failing:
                raise Unavailable("objects", "full")
            if number + 1 < len(self._begun):
                async with asyncio.timeout(30):
                    await self._begun[number + 1].wait()
            return size
        finally:
            self.now -= 1


_put_stream = LocalObjects.put_stream


def use(monkeypatch: pytest.MonkeyPatch, slow: SlowStore) -> None:
    async def put_stream(store: LocalObjects, key: str, chunks: AsyncIterator[bytes], *, content_type: str) -> int:
        return await slow.put_stream(store, key, chunks, content_type=content_type)

    monkeypatch.setattr(LocalObjects, "put_stream", put_stream)
    monkeypatch.setattr("server.features.videos.uploads.receiving.SEGMENT_BYTES", SEGMENT)


async def test_a_segment_becomes_durable_while_the_next_one_is_read_and_no_other(
    ada: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, data = SlowStore(4), os.urandom(4 * SEGMENT)
    use(monkeypatch, slow)
    path = await ada.create(len(data))
    sent = asyncio.create_task(ada.append(path, 0, pieces(data)))
    assert await sent == 204
    assert slow.most == 2
    assert await bytes_of(ada.kit, path) == data


async def test_segments_before_one_that_cannot_be_stored_are_kept(
    ada: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(4 * SEGMENT)
    use(monkeypatch, SlowStore(4, failing=2))
    path = await ada.create(len(data))
    assert await ada.append(path, 0, pieces(data)) == 503
    offset = await ada.offset(path)
    assert SEGMENT <= offset <= 3 * SEGMENT
    monkeypatch.undo()
    assert await ada.append(path, offset, data[offset:]) == 204
    assert await bytes_of(ada.kit, path) == data


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), SEGMENT // 8):
        yield data[start : start + SEGMENT // 8]


def test_the_more_requests_write_the_less_each_holds() -> None:
    held = {writers: piece_bytes(writers) for writers in (0, 1, 4, 8, 20, 1_000)}
    assert held == {0: 524_288, 1: 524_288, 4: 524_288, 8: 262_144, 20: 104_857, 1_000: 65_536}
