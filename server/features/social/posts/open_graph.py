"""What a page says of itself: Open Graph (ogp.me), else its title and description. Pure."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin, urlsplit

import msgspec

from actors.text import clean_line

MAX_META: Final = 200
MAX_TITLE: Final = 200
MAX_DESCRIPTION: Final = 400
MAX_SITE: Final = 100
MAX_IMAGE: Final = 2_000

_BODY: Final = re.compile(rb"<body[\s>]", re.IGNORECASE)
_CHARSET: Final = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_NAMES: Final = frozenset({"og:title", "og:description", "og:site_name", "og:image", "description", "twitter:title",
                           "twitter:description", "twitter:image"})  # fmt: skip


class PageCard(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    description: str
    site_name: str
    image_url: str | None


def card_of(beginning: bytes, charset: str | None, url: str) -> PageCard | None:
    """None where there is no title. What is no HTML is read as far as it goes, and never raises."""
    found = _Head()
    body = _BODY.search(beginning)
    found.feed(_decoded(beginning[: body.start()] if body else beginning, charset))
    meta = found.meta
    title = meta.get("og:title") or meta.get("twitter:title") or "".join(found.title)
    description = meta.get("og:description") or meta.get("twitter:description") or meta.get("description", "")
    kept = _cut(title, MAX_TITLE)
    if not kept:
        return None
    return PageCard(
        title=kept,
        description=_cut(description, MAX_DESCRIPTION),
        site_name=_cut(meta.get("og:site_name", ""), MAX_SITE),
        image_url=_address(url, meta.get("og:image") or meta.get("twitter:image")),
    )


class _Head(HTMLParser):
    """Collects the first of each name."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.meta: dict[str, str] = {}
        self.title: list[str] = []
        self._is_title = False
        self._seen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_title = tag == "title" and not self.title
        if tag == "meta" and self._seen < MAX_META:
            self._seen += 1
            given = dict(attrs)
            name = (given.get("property") or given.get("name") or "").lower()
            if name in _NAMES and given.get("content"):
                self.meta.setdefault(name, given["content"] or "")

    def handle_endtag(self, tag: str) -> None:
        self._is_title = False

    def handle_data(self, data: str) -> None:
        if self._is_title:
            self.title.append(data[: MAX_TITLE * 4])


def _decoded(beginning: bytes, charset: str | None) -> str:
    declared = _CHARSET.search(beginning[:2_048])
    name = charset or (declared[1].decode("ascii") if declared else "utf-8")
    try:
        return beginning.decode(name, "replace")
    except (LookupError, ValueError):
        return beginning.decode("utf-8", "replace")


def _cut(text: str, most: int) -> str:
    line = clean_line(text[: most * 4].encode("utf-8", "replace").decode())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _address(url: str, found: str | None) -> str | None:
    """An address of HTTP, or none."""
    try:
        address = urljoin(url, (found or "").strip())
        is_web = bool(found) and urlsplit(address).scheme in ("http", "https")
    except ValueError:
        return None
    return address if is_web and len(address) <= MAX_IMAGE and address.isprintable() else None
