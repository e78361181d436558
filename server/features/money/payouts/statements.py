"""Statements as CSV (RFC 4180). Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any, Final

from storage.postgres import Row

HEAD: Final = ("date", "kind", "subject", "account", "currency", "in", "out")
_BEGINS_FORMULA: Final = (*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20")
"""The last four are the first ones as wide as East Asian letters, which some spreadsheets take for the same."""


def cell(text: str) -> str:
    """The text, which no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(_BEGINS_FORMULA) else text


TOTALS_HEAD: Final = (
    *(
        "year",
        "person_id",
        "username",
        "legal_name",
        "country",
        "tax_id",
        "address",
        "currency",
        "payouts",
        "amount",
        "withheld",
    ),
)


def totals_as_csv(totals: Iterable[Mapping[str, Any]]) -> str:
    """What each recipient was paid in a year, in minor units."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(TOTALS_HEAD)
    for one in totals:
        writer.writerow([cell(str(one[name])) for name in TOTALS_HEAD])
    return written.getvalue()


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
