"""A process that makes the fingerprint of one piece of media: ``python -m media.fingerprints.worker <parent's pid>``.

The order comes on standard input, the result goes to standard output. It opens no files and no connections, and ends
with its work, with its parent, or at its limits.
"""

from __future__ import annotations

import os
import sys
from typing import Final

from media.confinement import confine
from media.fingerprints.messages import encode, orders

MAX_MEMORY_BYTES: Final = 1536 * 1024 * 1024
MAX_CPU_S: Final = 300


def main(arguments: list[str]) -> None:
    confine(int(arguments[0]), memory_bytes=MAX_MEMORY_BYTES, cpu_s=MAX_CPU_S)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported; its matrices are too small for more
    order = orders.decode(sys.stdin.buffer.read())
    from media.fingerprints.decoding import fingerprint

    sys.stdout.buffer.write(encode(fingerprint(order)))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
