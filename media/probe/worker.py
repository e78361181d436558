"""A process that looks at one file: ``python -m media.probe.worker <parent's pid>``; see ``messages``.

It opens no files and no connections: bytes come over its standard input as it asks for them on its output. It ends with
its work, with its parent, or at its limits.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO, Final

from media.confinement import confine
from media.probe.messages import MAX_READ_BYTES, PREFIX_BYTES, Read, encode, framed, orders

MAX_MEMORY_BYTES: Final = 2 * 1024 * 1024 * 1024
MAX_CPU_S: Final = 20


class RemoteSource:
    """The file, of which each span is asked for. Raises ``RefusedError`` once ``left`` bytes have been read."""

    def __init__(self, asked: BinaryIO, answered: BinaryIO, *, size: int, left: int) -> None:
        self._asked = asked
        self._answered = answered
        self._left = left
        self.size = size

    def read_at(self, offset: int, size: int) -> bytes:
        from media.probe.inspection import RefusedError

        wanted = min(size, MAX_READ_BYTES, max(0, self.size - offset))
        if wanted <= 0:
            return b""
        self._left -= wanted
        if self._left < 0:
            raise RefusedError("too_costly", "Too much of the file must be read to know what it is")
        _tell(self._asked, encode(Read(offset, wanted)))
        return _message(self._answered)


def main(arguments: list[str]) -> None:
    confine(int(arguments[0]), memory_bytes=MAX_MEMORY_BYTES, cpu_s=MAX_CPU_S)
    order = orders.decode(_message(sys.stdin.buffer))
    import av

    from media.probe.inspection import inspect

    av.logging.set_level(None)
    source = RemoteSource(sys.stdout.buffer, sys.stdin.buffer, size=order.size, left=order.bounds.read_bytes)
    _tell(sys.stdout.buffer, encode(inspect(source, order.bounds)))
    os._exit(0)  # a decoder's threads may be at work still


def _tell(output: BinaryIO, body: bytes) -> None:
    output.write(framed(body))
    output.flush()


def _message(given: BinaryIO) -> bytes:
    size = int.from_bytes(given.read(PREFIX_BYTES), "big")
    return given.read(size)


if __name__ == "__main__":
    main(sys.argv[1:])
