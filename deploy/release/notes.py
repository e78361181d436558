"""Prints what the change log says of the version of a tag: ``python deploy/release/notes.py v1.2.3``.

It ends with 1 where tag, ``pyproject.toml`` and change log do not agree, or the version still counts as unreleased.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def notes(tag: str, version: str, changes: str) -> str:
    """Raises ``ValueError`` that says what does not agree."""
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, the version in pyproject.toml {version}")
    found = re.search(rf"^## {re.escape(version)} — ([^\n]+)\n(.*?)(?=^## |\Z)", changes, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"CHANGELOG.md has nothing about {version}")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", found[1].strip()):
        raise ValueError(f"CHANGELOG.md has {found[1].strip()!r} in place of the day of {version}")
    return found[2].strip() + "\n"


def main(tag: str) -> int:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    try:
        print(notes(tag, version, (ROOT / "CHANGELOG.md").read_text()), end="")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
