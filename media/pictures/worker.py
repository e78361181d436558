"""A process that re-encodes one picture: ``python -m media.pictures.worker <parent's pid>``.

The order comes on standard input, the result goes to standard output. It opens no files and no connections, and ends
with its work, with its parent, or at its limits.
"""

from __future__ import annotations

import sys
from typing import Final

from media.confinement import confine
from media.pictures.messages import encode, requests

MAX_MEMORY_BYTES: Final = 1024 * 1024 * 1024
MAX_CPU_S: Final = 15


def main(arguments: list[str]) -> None:
    confine(int(arguments[0]), memory_bytes=MAX_MEMORY_BYTES, cpu_s=MAX_CPU_S)
    from media.pictures.encoding import reencode

    order = requests.decode(sys.stdin.buffer.read())
    sys.stdout.buffer.write(encode(reencode(order)))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
