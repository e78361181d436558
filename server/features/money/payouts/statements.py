"""Statements as CSV (RFC 4180). Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC
from typing import Final

from storage.postgres import Row

HEAD: Final = ("date", "kind", "subject", "account", "currency", "in", "out")
_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(text: str) -> str:
    """The text, which no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(_BEGINS_FORMULA) else text


def as_csv(rows: Iterable[Row]) -> str:
    """Amounts in minor units, without a sign: what came in, or what went out."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(HEAD)
    for row in rows:
        at = row["at"].astimezone(UTC).isoformat().replace("+00:00", "Z")
        texts = [cell(str(row[name])) for name in ("kind", "subject", "account", "currency")]
        amount = row["amount"]
        writer.writerow([at, *texts, max(amount, 0), max(-amount, 0)])
    return written.getvalue()
