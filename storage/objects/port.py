"""What every store of objects keeps to, and their keys."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from storage.errors import BadValue, StorageError
from storage.objects.lifecycle import ClassRule

CHUNK_BYTES: Final = 256 * 1024
_KEY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_MAX_KEY: Final = 512


class NoSuchObject(StorageError):
    """There is nothing under this key."""


class HeldPart(NamedTuple):
    """A part that has come. ``tag``: of its bytes."""

    size: int
    tag: str


class DirectParts(Protocol):
    """Objects whose parts clients send to the store themselves. ``upload``: what ``begin`` answered."""

    async def begin(self, key: str, *, content_type: str) -> str: ...

    async def urls(self, key: str, upload: str, sizes: Mapping[int, int], *, for_s: int) -> dict[int, str]:
        """By a part's number, from 1 on, where so many bytes are put for that long."""

    async def held(self, key: str, upload: str) -> dict[int, HeldPart] | None:
        """The parts that have come; None when the upload was completed or ended."""

    async def complete(self, key: str, upload: str, parts: Mapping[int, HeldPart]) -> bool:
        """These parts are the object from now on, and none can be put any more. False: one of them is another one by
        now."""

    async def abort(self, key: str, upload: str) -> None:
        """Delete what has come. Idempotent."""


class ObjectStore(Protocol):
    """What every store keeps to. Keys are ``a/b/c.ext`` of letters, digits, ``._-``; a bad one raises ``BadValue``.

    A store that is away or full raises ``Unavailable``. ``has_classes``: its objects have storage classes. ``direct``
    is there if clients can send to it themselves.
    """

    has_classes: bool

    @property
    def direct(self) -> DirectParts | None: ...

    async def put(self, key: str, body: bytes | Path, *, content_type: str) -> None:
        """Store bytes or a file under a key; when it returns they are durable. An object of that key is replaced."""

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str) -> int:
        """As ``put``, of bytes that come one after another, of which less than a MiB is in memory at a time; how many
        they were. What ``chunks`` raises is raised, and nothing is stored then.
        """

    def open(self, key: str, *, offset: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from ``offset`` on, at most ``size``, in chunks. Raises ``NoSuchObject`` at the first chunk."""

    def local_path(self, key: str) -> Path | None:
        """Where the object lies if it is a file of this machine, so that it can be sent without copying."""

    async def size(self, key: str) -> int | None:
        """Its length in bytes, None without such an object."""

    def listed(self) -> AsyncIterator[tuple[str, int]]:
        """Every key with its length in bytes, ascending by name. What is put meanwhile may be left out."""

    async def delete_prefix(self, prefix: str) -> None:
        """Delete everything under ``prefix``, which ends with a slash. Idempotent."""

    async def sweep_unfinished(self, *, before: dt.datetime) -> int:
        """Remove what a writer that died before ``before`` left unfinished and ``delete_prefix`` doesn't find; how
        many there were.
        """

    async def set_lifecycle(self, rules: Sequence[ClassRule], *, unfinished_days: int) -> bool:
        """Have the store itself carry these rules out from now on, in place of those set before, and drop what was
        never completed; False where it does not do that.
        """

    async def move_classes(self, rules: Sequence[ClassRule], *, now: dt.datetime) -> int:
        """Carry the rules out here, for a store that does not; how many objects have another class now."""

    async def close(self) -> None:
        """Let go of connections and threads."""


def is_key(name: str) -> bool:
    return len(name) <= _MAX_KEY and _KEY.fullmatch(name) is not None


def checked(key: str) -> str:
    if not is_key(key):
        raise BadValue(f"not an object key: {key[:80]!r}")
    return key


def folder_of(prefix: str) -> str:
    if not prefix.endswith("/"):
        raise BadValue("a prefix ends with a slash")
    return prefix[:-1]
