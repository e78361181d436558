"""What is asked of a fingerprinting worker, and its answer: one msgpack message each way. Sans-I/O."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import msgspec

VERSION: Final = 2
"""Hashes of one version are not found by those of another. 2: the edges of pictures' windows count less."""
Kind = Literal["audio", "video"]
Side = Literal["work", "query"]
"""What is looked for later, or what is looked up: the hashes of a query are those of its neighbours too."""


class Hash(NamedTuple):
    """``value`` has at most 31 bits. ``ms``: since the begin of the file. ``turn``: of sound the pitch, in quarters of
    a band; of pictures whether they are mirrored. ``detail``, of pictures: more signs, which differ in few places if
    the pictures are the same."""

    value: int
    ms: int
    turn: int
    detail: int = 0


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """``data``: an initialisation segment and media segments after it. ``start_ms``: when the first of them begins."""

    kind: Kind
    side: Side
    data: bytes
    start_ms: int = 0


class Made(msgspec.Struct, frozen=True, tag="made"):
    hashes: list[Hash]


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The media cannot be decoded."""

    detail: str


Result = Made | Refused

encode: Final = msgspec.msgpack.encode
orders: Final = msgspec.msgpack.Decoder(Fingerprint)
results: Final = msgspec.msgpack.Decoder(Result)
