"""Statements as PDF (ISO 32000-1): lines of text in Courier, which every reader has, page by page. Pure.

What a statement holds is ASCII: days, kinds, ids, currencies, amounts. Anything else is a question mark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Final

from storage.postgres import Row

WIDTH, HEIGHT, MARGIN, SIZE, LEADING = 842, 595, 36, 8, 11
"""A4 on its side, in points."""
LINES: Final = (HEIGHT - 2 * MARGIN) // LEADING
HEAD: Final = f"{'date':<20} {'kind':<14} {'subject':<36} {'account':<10} {'cur':<3} {'in':>16} {'out':>16}"


def as_pdf(title: str, rows: Iterable[Row]) -> bytes:
    """Amounts in minor units, as in the CSV. ``title``: the first line."""
    return document([title, "", HEAD, *map(_line, rows)])


def _line(row: Row) -> str:
    at = row["at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    came, went = max(row["amount"], 0), max(-row["amount"], 0)
    return (
        f"{at:<20} {row['kind'][:14]:<14} {row['subject'][:36]:<36} {row['account'][:10]:<10} {row['currency']:<3}"
        f" {came:>16} {went:>16}"
    )


def document(lines: Sequence[str]) -> bytes:
    """The objects: 1 the catalogue, 2 the pages, 3 the font, then a page and its content for each ``LINES`` lines."""
    contents = [_content(page) for page in _pages(lines)] or [_content(())]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} /MediaBox [0 0 {WIDTH} {HEIGHT}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
    ]
    for number, content in enumerate(contents):
        page = f"<< /Type /Page /Parent 2 0 R /Contents {5 + 2 * number} 0 R"
        objects.append(f"{page} /Resources << /Font << /F1 3 0 R >> >> >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content))
    return _file(objects)


def _pages(lines: Sequence[str]) -> list[Sequence[str]]:
    return [lines[at : at + LINES] for at in range(0, len(lines), LINES)]


def _content(lines: Sequence[str]) -> bytes:
    shown = "\n".join(f"({_escaped(line)}) Tj T*" for line in lines)
    text = f"BT /F1 {SIZE} Tf {LEADING} TL {MARGIN} {HEIGHT - MARGIN} Td\n{shown}\nET"
    return text.encode("ascii", "replace")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").replace("\n", " ").replace("\r", " ")


def _file(objects: Sequence[bytes]) -> bytes:
    """Header, objects, the table of where they are, and the trailer."""
    written = bytearray(b"%PDF-1.4\n")
    places = []
    for number, one in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, one)
    table = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % place for place in places)
    written += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(written)
