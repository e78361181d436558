"""A process that works on one file: ``python -m media.vod.worker <parent>``; its order on its input, see ``messages``.

It reads that file and nothing else, has no network, and ends by itself when its parent does. What it makes leaves by
its output; where nobody reads that, it waits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from media.confinement import confine
from media.vod import messages
from media.vod.messages import (
    EncodePictures,
    EncodeSound,
    EncodeSpan,
    Finished,
    Inspect,
    Inspected,
    Order,
    Refused,
    Report,
)

MEMORY_BYTES = 4 * 1024 * 1024 * 1024
INSPECT_CPU_S = 120
CPU_S_A_SECOND = 60
"""Of processor time for a second of the file, on top of ``INSPECT_CPU_S``."""


def cpu_s(order: Order) -> int:
    """How much processor time it may take."""
    seconds = 0.0 if isinstance(order, Inspect) else order.seconds
    return INSPECT_CPU_S + round(seconds * CPU_S_A_SECOND)


def obey(order: Order) -> Iterator[Report]:
    """Carry out an order; the last report is ``Finished`` or ``Refused``."""
    from media.vod.source import SourceRefusedError, inspect

    try:
        match order:
            case Inspect(path=path, bounds=bounds):
                yield Inspected(inspect(path, bounds))
            case EncodeSound():
                from media.vod.sound import encode_sound

                yield from encode_sound(order)
            case EncodePictures():
                from media.vod.pictures import encode_pictures

                yield from encode_pictures(order)
            case EncodeSpan():
                from media.vod.recutting import encode_span

                yield from encode_span(order)
        yield Finished()
    except SourceRefusedError as error:
        yield Refused(error.code, error.detail)
    except MemoryError:
        yield Refused("too_costly", "The file takes too much memory to decode")


def main(arguments: list[str]) -> None:
    body = sys.stdin.buffer.read(messages.MAX_ORDER_BYTES)
    order = messages.orders.decode(body)
    confine(int(arguments[0]), memory_bytes=MEMORY_BYTES, cpu_s=cpu_s(order))
    try:
        for report in obey(order):
            sys.stdout.buffer.write(messages.pack(report))
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        pass
    # Not by the interpreter's own end: a decoder's threads may be at work still, for which it would wait.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
