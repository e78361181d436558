"""A hook of MkDocs: pages that do not lie in ``docs/`` join it, and links between all of them lead on.

Pages of the project's root and of the clients keep their places as addresses; those that ``reference.py`` has written
to ``build/reference`` are below ``reference/``. A link to a file of the project that is no page becomes its name.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT: Final = Path(__file__).resolve().parents[2]
JOINING: Final = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "clients/python/README.md", "clients/js/README.md")
WRITTEN: Final = ROOT / "build/reference"
LINK: Final = re.compile(r"(?<!!)\[([^\]\n]*(?:\n[^\]\n]*)?)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    for name in JOINING:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    for page in sorted(WRITTEN.glob("*.md")):
        files.append(File.generated(config, f"reference/{page.name}", abs_src_path=str(page)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Links as they are between the project's files, as links between pages of the site."""
    uri = page.file.src_uri
    is_outside = uri in JOINING
    here = posixpath.dirname(uri if is_outside else f"docs/{uri}")
    pages = {file.src_uri for file in files}

    def link(found: re.Match[str]) -> str:
        words, path, anchor = found.groups()
        target = posixpath.normpath(posixpath.join(here, path))
        target_uri = target.removeprefix("docs/")
        if target_uri in pages:
            return f"[{words}]({posixpath.relpath(target_uri, posixpath.dirname(uri) or '.')}{anchor or ''})"
        return words if (ROOT / target).exists() else found[0]

    return LINK.sub(link, markdown)
