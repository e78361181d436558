"""A wheel carries the built page, or is not built: a server without its page would be noticed too late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RequirePage(BuildHookInterface):  # type: ignore[misc]  # hatchling is there while a wheel is built only
    """Stops the build of a wheel (not of an editable install, which `make run` makes before the page)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard" and not (Path(self.root) / "server" / "web" / "dist" / "index.html").is_file():
            raise SystemExit("server/web/dist holds no page: run `make web` first, then build the wheel")
