"""Names of actors and the shards they fall into."""

from __future__ import annotations

from typing import Final, NamedTuple
from zlib import crc32

SHARDS: Final = 256


class ActorId(NamedTuple):
    """Who an actor is, in every node and for ever. Written `kind/key`; the kind holds no slash, the key may."""

    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.key}"


def shard_of(actor_id: ActorId) -> int:
    """The shard, 0 to SHARDS - 1. The same in every process and version, since ownership is kept by it."""
    return crc32(f"{actor_id.kind}/{actor_id.key}".encode()) % SHARDS
