"""A process that makes one picture, or several of one: ``python -m media.pictures.worker <parent's pid>``.

The order comes on standard input, the result goes to standard output. It opens no files and no connections, and ends
with its work, with its parent, or at its limits.
"""

from __future__ import annotations

import sys
from typing import Final

from media.confinement import confine
from media.pictures.messages import MakeSheet, Order, Result, encode, orders

MAX_MEMORY_BYTES: Final = 1024 * 1024 * 1024
MAX_CPU_S: Final = 15


def main(arguments: list[str]) -> None:
    confine(int(arguments[0]), memory_bytes=MAX_MEMORY_BYTES, cpu_s=MAX_CPU_S)
    sys.stdout.buffer.write(encode(_carried_out(orders.decode(sys.stdin.buffer.read()))))
    sys.stdout.buffer.flush()


def _carried_out(order: Order) -> Result:
    if isinstance(order, MakeSheet):
        from media.pictures.sheet import make

        return make(order)
    from media.pictures.encoding import reencode

    return reencode(order)


if __name__ == "__main__":
    main(sys.argv[1:])
