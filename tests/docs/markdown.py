"""What pages of the documentation hold: headings, links, code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md"), *(ROOT / "clients").glob("*/README.md")])
FENCED: Final = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


def blocks(page: str, language: str) -> list[str]:
    return [code for name, code in FENCED.findall(page) if name == language]


def prose(page: str) -> str:
    """Without fenced code."""
    return FENCED.sub("", page)


def anchors(page: str) -> set[str]:
    """Those of its headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+?)\s*$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(next(one for one in (slug, *(f"{slug}-{n}" for n in range(1, 99))) if one not in found))
    return found


def links(page: str) -> list[tuple[str, str]]:
    """Path, empty for the page itself, and anchor, which may be empty."""
    return LINK.findall(prose(page))


def commands(page: str) -> list[str]:
    """Lines of shell code, joined where they go on, and what stands as code in the prose."""
    lines = [line for block in blocks(page, "sh") for line in block.replace("\\\n", " ").splitlines()]
    return [*lines, *(" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose(page)))]
