"""The process that hashes: ``python -m server.hashing.worker <socket> <parent's pid> <threads>``.

Orders come on the socket and answers go back, one JSON text a line, in the order in which they are done. It ends with
its parent, or when the socket is closed.
"""

from __future__ import annotations

import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from media.confinement import confine
from server.hashing.argon2 import Order, carried_out

NICENESS: Final = 5
"""Beyond that of other children: where cores are few the event loops go first. Never idle priority, which gets nothing
at all beside an encoder that is always busy.
"""
_MEMORY_BYTES: Final = 512 << 20
_MEMORY_BYTES_A_THREAD: Final = 128 << 20
"""Of address space: the stack, the allocator's arena, and what one hash takes."""


def main(arguments: list[str]) -> None:
    number, parent, threads = map(int, arguments)
    confine(parent, memory_bytes=_MEMORY_BYTES + threads * _MEMORY_BYTES_A_THREAD)
    os.nice(NICENESS)
    orders, encoder = msgspec.json.Decoder(Order), msgspec.json.Encoder()
    with socket.socket(fileno=number) as ours, ThreadPoolExecutor(threads) as pool:

        def carry_out(line: bytes) -> None:
            try:
                ours.sendall(encoder.encode(carried_out(orders.decode(line))) + b"\n")
            except OSError:
                os._exit(0)  # nobody is there who asked

        with ours.makefile("rb") as lines:
            for line in lines:
                pool.submit(carry_out, line)
        os._exit(0)  # what is left to do nobody asks for any more


if __name__ == "__main__":
    main(sys.argv[1:])
