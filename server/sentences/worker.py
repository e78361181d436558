"""The process that encodes: ``python -m server.sentences.worker <parent's pid>``.

One JSON text a line: on standard input a list of texts, on standard output the vectors of each, base64 of little-endian
float32. It ends with its parent, or when its input is closed; where the encoder cannot be loaded it says so and ends.
"""

from __future__ import annotations

import base64
import sys
from typing import Final

import msgspec

from media.confinement import confine
from server.sentences.encoder import encoder
from server.sentences.orders import Answer

_MEMORY_BYTES: Final = 2 << 30


def main(arguments: list[str]) -> int:
    confine(int(arguments[0]), memory_bytes=_MEMORY_BYTES)
    try:
        encode = encoder()
    except (ImportError, OSError, ValueError, KeyError) as error:
        _say(Answer(error=f"the encoder cannot be loaded: {error}"))
        return 1
    for line in sys.stdin.buffer:
        vectors = encode(msgspec.json.decode(line, type=list[str]))
        _say(Answer(vectors=[base64.b64encode(one.astype("<f4").tobytes()).decode() for one in vectors]))
    return 0


def _say(answer: Answer) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
