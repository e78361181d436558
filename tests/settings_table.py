"""Writes the table of docs/settings.md from the settings themselves: ``python -m tests.settings_table``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic.fields import FieldInfo

from server.config import Settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
BETWEEN = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.DOTALL)


def table() -> str:
    rows = [f"| `{name}` | {_default(field)} | {_meaning(field)} |" for name, field in Settings.model_fields.items()]
    return "\n".join(["| setting | default | what it is |", "| --- | --- | --- |", *rows]) + "\n"


def written(page: str) -> str:
    """The page with the table as it should be."""
    return BETWEEN.sub(lambda found: found[1] + table() + found[2], page)


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return "`" + ",".join(value) + "`" if value else ""
    return "" if value is None else f"`{value}`"


def _meaning(field: FieldInfo) -> str:
    text = (field.description or "").replace("|", "\\|")
    bounds = _bounds(field)
    return f"{text} ({bounds})" if bounds else text


def _bounds(field: FieldInfo) -> str:
    least = next((one for one in field.metadata if isinstance(one, Ge | Gt)), None)
    most = next((one.le for one in field.metadata if isinstance(one, Le)), None)
    if least is None or any(isinstance(one, MinLen | MaxLen) for one in field.metadata):
        return ""
    low = f"{least.ge}" if isinstance(least, Ge) else f"more than {least.gt}"
    return f"{low} to {most}" if most is not None else f"{low} or more" if isinstance(least, Ge) else low


def main() -> None:
    PAGE.write_text(written(PAGE.read_text()))


if __name__ == "__main__":
    main()
