"""Files that were made to do harm, sent as any other: each is answered, nothing of it stays, and the next one is taken.

What single files are refused for is tested without a process in ``tests/media/probe`` and ``tests/media/pictures``.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator

import pytest

from tests.media.probe.samples import sample
from tests.server.features.uploads.conftest import Uploader, video
from tests.server.features.uploads.test_uploads import stored
from tests.server.kit import Kit

FILM_HEAD = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"


@pytest.fixture
async def eve(kit: Kit) -> AsyncIterator[Uploader]:
    async with kit.serve(max_upload_mb=8, max_unused_upload_mb=80, max_unused_uploads=40) as served:
        yield Uploader(kit, served, await served.register("eve"))


def with_tracks(count: int) -> bytes:
    """A film that has its first track so many times."""
    whole = sample(audio=None)
    moov = whole.index(b"moov") - 4
    head, movie = whole[:moov], whole[moov:]
    at = movie.index(b"trak") - 4
    track = movie[at : at + struct.unpack_from(">I", movie, at)[0]]
    body = movie[8:at] + track * count + movie[at + len(track) :]
    return head + struct.pack(">I4s", 8 + len(body), b"moov") + body


def without_key_frame() -> bytes:
    """The only one is said to be behind the end."""
    whole = bytearray(sample(audio=None))
    struct.pack_into(">II", whole, whole.index(b"stss") + 8, 1, 9_999)
    return bytes(whole)


def as_archive_too() -> bytes:
    return sample() + struct.pack(">I4s", 8 + 22, b"free") + b"PK\x05\x06" + bytes(18)


HOSTILE = [
    (with_tracks(10_000), "The file has more than 32 tracks, or takes too much memory to look at"),
    (without_key_frame(), "The file has no picture to begin with"),
    (as_archive_too(), "The file holds more than pictures and sound"),
    (FILM_HEAD + b"\n#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n" * 50, "The file is not whole"),
    (FILM_HEAD + b"\nffconcat version 1.0\nfile /etc/passwd\n" * 50, "The file is not whole"),
]


async def test_each_is_answered_with_its_reason_and_the_next_file_is_taken(eve: Uploader) -> None:
    paths = [await eve.sent(data, Upload_Metadata="filename YS5tcDQ=") for data, _ in HOSTILE]
    good = await eve.sent(video())
    await eve.kit.run_jobs()
    shown = [await eve.state(path) for path in paths]
    assert [(one["state"], one["reason"]) for one in shown] == [("refused", reason) for _, reason in HOSTILE]
    assert (await eve.state(good))["state"] == "ready"
    assert all(good.rpartition("/")[2] in key for key in await stored(eve.kit))
