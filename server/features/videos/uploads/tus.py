"""The headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload), read and bounded. Pure.

Each function raises the ``Problem`` that the protocol says, a 400 where it says none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from actors.text import clean_line
from server.http.errors import Problem
from server.http.operation import UUID_PATTERN

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation"
OFFSET_TYPE: Final = "application/offset+octet-stream"
MAX_JOINED: Final = 1_000
MAX_METADATA: Final = 4_096
"""Characters of the header."""
MAX_KEYS: Final = 20
MAX_NAME: Final = 255
CHECKSUM_MISMATCH: Final = 460
_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_KEY: Final = re.compile(r"[!-+\--~]{1,64}")
_TYPE: Final = re.compile(r"[A-Za-z0-9.+-]{1,64}/[A-Za-z0-9.+-]{1,64}")
_FINAL: Final = re.compile(rf"(?:[a-z]+://[^/\s]+)?/api/v1/uploads/({UUID_PATTERN.strip('^$')})")


class Hash(Protocol):
    """A running checksum."""

    def update(self, data: bytes, /) -> object: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


ALGORITHMS: Final[Mapping[str, Callable[[], Hash]]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "crc32": _Crc32,
}


@dataclass(frozen=True)
class Checksum:
    """What the bytes of one request must add up to."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True)
class Metadata:
    """``raw`` is the header as it came, for it is answered again."""

    raw: str | None = None
    filename: str | None = None
    filetype: str | None = None


def require_version(headers: Mapping[str, str]) -> None:
    """Raises a 412 for a client of another version, or of none."""
    if headers.get("Tus-Resumable") != VERSION:
        raise Problem(412, f"Tus-Resumable must be {VERSION}", headers={"Tus-Version": VERSION})


def number(headers: Mapping[str, str], name: str) -> int | None:
    """A count of bytes; None without the header."""
    value = headers.get(name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        raise Problem(400, f"{name} must be a number of bytes")
    return int(value)


def length(headers: Mapping[str, str]) -> int | None:
    """The length of a new upload; None if it comes later."""
    size, later = number(headers, "Upload-Length"), headers.get("Upload-Defer-Length")
    if later not in (None, "1"):
        raise Problem(400, "Upload-Defer-Length must be 1")
    if (size is None) == (later is None):
        raise Problem(400, "Send either Upload-Length or Upload-Defer-Length: 1")
    return size


def metadata(headers: Mapping[str, str]) -> Metadata:
    """File name and type; other keys are kept as they are."""
    raw = headers.get("Upload-Metadata")
    if not raw:
        return Metadata()
    if len(raw) > MAX_METADATA:
        raise Problem(400, f"Upload-Metadata has more than {MAX_METADATA} characters")
    pairs = [pair.strip().partition(" ") for pair in raw.split(",")]
    values = {key: _decoded(key, value) for key, _, value in pairs}
    if len(pairs) > MAX_KEYS or len(values) < len(pairs):
        raise Problem(400, f"Upload-Metadata has at most {MAX_KEYS} keys, each once")
    return Metadata(raw, _name(values.get("filename")), _type(values.get("filetype")))


def _decoded(key: str, value: str) -> str:
    if not _KEY.fullmatch(key):
        raise Problem(400, "Upload-Metadata must be keys with values in Base64, separated by commas")
    try:
        return base64.b64decode(value.strip(), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError) as error:
        raise Problem(400, f"The value of {key} in Upload-Metadata is not Base64") from error


def _name(value: str | None) -> str | None:
    """Without the folders before it, and without what cannot be seen."""
    bare = clean_line((value or "").replace("\\", "/").rpartition("/")[2])[:MAX_NAME].strip()
    return bare if bare.strip(".") else None


def _type(value: str | None) -> str | None:
    return value.lower() if value and _TYPE.fullmatch(value) else None


def checksum(headers: Mapping[str, str]) -> Checksum | None:
    value = headers.get("Upload-Checksum")
    if value is None:
        return None
    algorithm, _, encoded = value.partition(" ")
    if algorithm not in ALGORITHMS:
        raise Problem(400, f"The checksum must be one of {', '.join(ALGORITHMS)}")
    try:
        return Checksum(algorithm, base64.b64decode(encoded.strip(), validate=True))
    except (binascii.Error, ValueError) as error:
        raise Problem(400, "The checksum is not Base64") from error


def joined(headers: Mapping[str, str]) -> Sequence[str] | None:
    """The ids of the parts that make a final upload, in order; None if it is none."""
    value = headers.get("Upload-Concat", "")
    if value in ("", "partial"):
        return None
    if not value.startswith("final;"):
        raise Problem(400, "Upload-Concat must be partial, or final; with the addresses of parts")
    parts = value.removeprefix("final;").split()
    found = [match for part in parts[: MAX_JOINED + 1] if (match := _FINAL.fullmatch(part))]
    if not parts or len(parts) > MAX_JOINED or len(found) < len(parts):
        raise Problem(400, f"Upload-Concat names 1 to {MAX_JOINED} uploads of this server")
    ids = [match[1].lower() for match in found]
    if len(set(ids)) < len(ids):
        raise Problem(400, "A part can be in an upload once")
    return ids
