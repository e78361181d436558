"""A file looked at by a process."""

from __future__ import annotations

import asyncio

import pytest

from media.probe.messages import Found, ProbeBounds, Refused
from media.probe.prober import probe
from tests.media.probe.samples import sample


async def test_a_process_reads_what_it_needs_and_says_what_the_file_is() -> None:
    data = sample()

    async def read(offset: int, size: int) -> bytes:
        return data[offset : offset + size]

    found = await probe(len(data), read, ProbeBounds())
    assert isinstance(found, Found)
    assert (found.kind, found.width, found.height) == ("video", 160, 90)
    assert await probe(len(data), read, ProbeBounds(read_bytes=1_000)) == Refused(
        "too_costly", "Too much of the file must be read to know what it is"
    )


async def test_bytes_that_cannot_be_had_are_no_fault_of_the_file() -> None:
    async def read(offset: int, size: int) -> bytes:
        raise LookupError("away")

    with pytest.raises(LookupError):
        await probe(1_000, read, ProbeBounds())


async def test_a_process_that_takes_too_long_is_ended() -> None:
    async def read(offset: int, size: int) -> bytes:
        await asyncio.Event().wait()
        return b""

    assert isinstance(await probe(1_000, read, ProbeBounds(), deadline_s=0.0), Refused)
