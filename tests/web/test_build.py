"""What the browser gets: how much code the first page is, and style sheets for both directions of writing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tools import needs

WEB = Path(__file__).parent.parent.parent / "server/web"
INDEX = WEB / "dist/index.html"
MAX_ENTRY_BYTES = 60_000
SHEETS = sorted(sheet for sheet in (WEB / "src").rglob("*.css") if sheet.name != "index.css")
PHYSICAL = re.compile(
    r"(?:margin|padding|border)-(?:left|right|top|bottom)|left|right|top|bottom|(?:min-|max-)?(?:width|height)"
    r"|border-(?:top|bottom)-(?:left|right)-radius"
)
SHORTHANDS = ("margin", "padding", "inset", "border-width", "scroll-margin", "scroll-padding")


@needs(INDEX.exists(), "the built web client")
def test_the_code_of_the_first_page_is_small() -> None:
    page = INDEX.read_text()
    scripts = re.findall(r'<(?:script|link)[^>]* (?:src|href)="(/assets/[^"]+\.js)"', page)
    assert scripts, page
    zipped = {name: (WEB / "dist" / f"{name[1:]}.gz").stat().st_size for name in scripts}
    assert sum(zipped.values()) <= MAX_ENTRY_BYTES, zipped


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_style_sheets_name_no_side_of_the_screen(sheet: Path) -> None:
    rules = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    declared = [
        (name, value.strip()) for name, value in re.findall(r"^\s+([a-z-]+)\s*:([^;{}]+);", rules, re.MULTILINE)
    ]
    assert [name for name, _ in declared if PHYSICAL.fullmatch(name)] == []
    assert [one for one in declared if one[0] in {"text-align", "float"} and one[1] in {"left", "right"}] == []
    assert [one for one in declared if one[0] in SHORTHANDS and _differs(one[1])] == []


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_style_sheets_have_no_words_which_no_catalogue_could_translate(sheet: Path) -> None:
    said = re.findall(r"content:\s*([^;]*);", sheet.read_text())
    assert [text for text in said if re.search(r"[\"'][^\"']*[A-Za-z]{2}", text)] == []


def _differs(value: str) -> bool:
    """A shorthand of four values whose second and fourth are not the same."""
    parts = re.findall(r"(?:[^\s()]+(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))?)+", value)
    return len(parts) == 4 and parts[1] != parts[3]
