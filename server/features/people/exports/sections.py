"""What is held on a person, section by section, as JSON that is written while it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from server.feature import ExportSection
from storage.postgres import Database

PAGE: Final = 500

Profile = Callable[[str], Awaitable[Mapping[str, Any] | None]]
"""Reads a person's own row; None when it is no more."""


async def array_of(db: Database, section: ExportSection, person_id: str) -> AsyncIterator[bytes]:
    """A JSON array of the section's rows, in pieces of ``PAGE`` rows."""
    after, opening = section.start, b"["
    while True:
        rows = await db.fetch(section.sql, person_id, *after, PAGE)
        if rows:
            yield opening + b",\n".join(msgspec.json.encode(dict(row)) for row in rows)
            after, opening = [rows[-1][name] for name in section.key], b",\n"
        if len(rows) < PAGE:
            break
    yield b"[]" if opening == b"[" else b"]"
