"""``multipart/form-data`` with one file in it (RFC 7578), from a body that is in memory. Sans-I/O."""

from __future__ import annotations

import re
from typing import Final

MAX_PARTS: Final = 16

_BOUNDARY: Final = re.compile(r";\s*boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE)
_DISPOSITION: Final = re.compile(rb"^content-disposition:\s*form-data\s*;(.*)$", re.IGNORECASE | re.MULTILINE)
_FILENAME: Final = re.compile(rb";?\s*filename\*?=", re.IGNORECASE)


class BadFormError(ValueError):
    """The body is no form with exactly one file."""


def file_of(body: bytes, content_type: str) -> bytes:
    """The content of the form's one file, the part with a file name; other fields are passed over.

    Raises ``BadFormError``.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise BadFormError("the Content-Type names no boundary")
    files = [content for head, content in _parts(body, (found[1] or found[2]).encode()) if _is_file(head)]
    if len(files) != 1:
        raise BadFormError(f"the form has {len(files)} files: send one")
    return files[0]


def _parts(body: bytes, boundary: bytes) -> list[tuple[bytes, bytes]]:
    """Heads and contents between the delimiters (RFC 2046, 5.1.1)."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary, MAX_PARTS + 2)
    if len(pieces) > MAX_PARTS + 2:
        raise BadFormError(f"the form has more than {MAX_PARTS} parts")
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise BadFormError("the form has no end")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> tuple[bytes, bytes]:
    line, found, rest = piece.partition(b"\r\n")
    head, ended, content = (b"\r\n" + rest).partition(b"\r\n\r\n")
    if not found or line.strip(b" \t") or not ended:
        raise BadFormError("a part of the form is malformed")
    return head, content


def _is_file(head: bytes) -> bool:
    found = _DISPOSITION.search(head.replace(b"\r\n", b"\n"))
    return found is not None and _FILENAME.search(found[1]) is not None
