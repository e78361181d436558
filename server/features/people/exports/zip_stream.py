"""A ZIP file that is read while it is written: no more than some chunks of it are in memory, and it is never on disk.

Sizes and sums follow each entry's bytes (data descriptors, APPNOTE.TXT section 4.3.9), each entry is ZIP64.
"""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

CHUNK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Entry:
    """``is_packed``: worth the time to compress, as text is and media is not."""

    name: str
    chunks: AsyncIterator[bytes]
    is_packed: bool = True


class _Sink:
    """What ``ZipFile`` writes to; it cannot seek, so that nothing written is changed later."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self.size += len(piece)
        return len(piece)

    def flush(self) -> None: ...

    def take(self) -> bytes:
        taken, self._pieces, self.size = b"".join(self._pieces), [], 0
        return taken


async def zipped(entries: AsyncIterator[Entry], *, at: datetime) -> AsyncIterator[bytes]:
    """The archive in chunks. ``at``: the time that its entries bear. Compression runs beside the loop."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:  # type: ignore[call-overload]  # a sink is enough of a file
        async for entry in entries:
            info = zipfile.ZipInfo(entry.name, date_time=at.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED if entry.is_packed else zipfile.ZIP_STORED
            info.external_attr = 0o600 << 16
            with archive.open(info, "w", force_zip64=True) as file:
                async for chunk in entry.chunks:
                    await asyncio.to_thread(file.write, chunk)
                    if sink.size >= CHUNK_BYTES:
                        yield sink.take()
    yield sink.take()
