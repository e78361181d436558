"""A process that takes a stream in MPEG-TS or fragmented MP4 apart: ``python -m media.pull.remuxer <fd> <parent pid>``.

Bytes of segments in, an FLV file out, on one socket; nothing is decoded. It has no files and no network, is limited in
memory, and ends when its parent does, or when the bytes make no sense.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

from media.confinement import confine

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream

MAX_MEMORY_BYTES = 1024 * 1024 * 1024
PROBE = {"probesize": "2000000", "analyzeduration": "2000000", "fflags": "+genpts"}


class _Pipe:
    """A file for PyAV: reads and writes the socket, and cannot seek."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def read(self, size: int) -> bytes:
        return self._connection.recv(size)

    def write(self, data: bytes) -> int:
        self._connection.sendall(data)
        return len(data)


def remux(connection: socket.socket) -> None:
    """Until the bytes end. Raises what PyAV raises."""
    import av

    pipe = _Pipe(connection)
    with av.open(pipe, "r", options=PROBE) as given, av.open(pipe, "w", format="flv") as made:
        chosen = _chosen(given, made)
        for packet in given.demux(list(chosen)):
            if packet.dts is not None and not packet.is_corrupt:
                packet.stream = chosen[packet.stream]
                made.mux(packet)


def _chosen(given: InputContainer, made: OutputContainer) -> dict[Stream, Stream]:
    """The first picture and the first sound, of whatever codecs FLV carries."""
    found = [*given.streams.video[:1], *given.streams.audio[:1]]
    return {stream: made.add_stream_from_template(stream) for stream in found}


def main(arguments: list[str]) -> None:
    descriptor, parent = int(arguments[0]), int(arguments[1])
    confine(parent, memory_bytes=MAX_MEMORY_BYTES)
    with socket.socket(fileno=descriptor) as connection:
        import av

        av.logging.set_level(None)
        try:
            remux(connection)
        except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
            os._exit(65 if not isinstance(error, OSError) else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
