"""What other programs show of a link to a page of ours: Open Graph, Twitter cards, oEmbed. Pure.

Only what everybody may see is told: no program that reads it is signed in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final
from urllib.parse import quote

DESCRIPTION: Final = 200
EMBED_WIDTH, EMBED_HEIGHT = 640, 360


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A page as a card. Paths are of this server. ``player``: the page that plays it in a frame; ``video``: an MP4;
    ``feed``: RSS of what is new there. ``kind``: the type of Open Graph.
    """

    title: str
    path: str
    author: str = ""
    author_path: str = ""
    description: str = ""
    image: str | None = None
    player: str | None = None
    video: str | None = None
    feed: str | None = None
    kind: str = "video.other"


PreviewOf = Callable[[Mapping[str, str]], Awaitable[Preview | None]]
"""From the parameters of a page's path; None where there is nothing to tell."""


def head_of(preview: Preview, *, origin: str, site_name: str) -> str:
    """Elements for the page's ``head``, every value escaped."""
    title, description = preview.title, _short(preview.description or preview.author)
    named = {
        "og:site_name": site_name,
        "og:type": preview.kind,
        "og:title": title,
        "og:description": description,
        "og:url": origin + preview.path,
        "og:image": _at(origin, preview.image),
        "og:image:type": "image/webp" if preview.image else "",
        "og:video": _at(origin, preview.video or preview.player),
        "og:video:type": "video/mp4" if preview.video else "text/html" if preview.player else "",
        "og:video:width": str(EMBED_WIDTH) if preview.player else "",
        "og:video:height": str(EMBED_HEIGHT) if preview.player else "",
    }
    cards = {
        "twitter:card": "player" if preview.player else "summary_large_image" if preview.image else "summary",
        "twitter:title": title,
        "twitter:description": description,
        "twitter:image": _at(origin, preview.image),
        "twitter:player": _at(origin, preview.player),
        "twitter:player:width": str(EMBED_WIDTH) if preview.player else "",
        "twitter:player:height": str(EMBED_HEIGHT) if preview.player else "",
    }
    lines = [f'<meta property="{name}" content="{escape(value)}" />' for name, value in named.items() if value]
    lines += [f'<meta name="{name}" content="{escape(value)}" />' for name, value in cards.items() if value]
    if preview.player:
        href = escape(f"{origin}/oembed?url={quote(origin + preview.path, safe='')}")
        lines.append(f'<link rel="alternate" type="application/json+oembed" href="{href}" title="{escape(title)}" />')
    if preview.feed:
        href = escape(origin + preview.feed)
        lines.append(f'<link rel="alternate" type="application/rss+xml" href="{href}" title="{escape(title)}" />')
    return "\n    ".join(lines)


def oembed_of(preview: Preview, *, origin: str, site_name: str, width: int, height: int) -> dict[str, Any]:
    """The answer of oEmbed 1.0 (oembed.com, 2.3.4) for a page that plays in a frame."""
    document: dict[str, Any] = {
        "version": "1.0",
        "type": "video",
        "title": preview.title,
        "author_name": preview.author,
        "author_url": origin + preview.author_path,
        "provider_name": site_name,
        "provider_url": origin + "/",
        "cache_age": 300,
        "html": frame_of(origin + (preview.player or ""), title=preview.title, width=width, height=height),
        "width": width,
        "height": height,
    }
    if preview.image:
        sizes = {"thumbnail_width": 480, "thumbnail_height": 270}
        document |= {"thumbnail_url": origin + preview.image, **sizes}
    return document


def oembed_xml(document: Mapping[str, Any]) -> bytes:
    """The same as XML (oembed.com, 2.3.2)."""
    fields = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in document.items())
    return f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n<oembed>{fields}</oembed>\n'.encode()


def frame_of(url: str, *, title: str, width: int, height: int) -> str:
    """The snippet that puts the player on another page."""
    return (
        f'<iframe src="{escape(url)}" title="{escape(title)}" width="{width}" height="{height}" '
        f'style="border:0" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>'
    )


def fitted(max_width: int | None, max_height: int | None) -> tuple[int, int]:
    """Width and height of 16:9 within what the asker has room for."""
    width = min(EMBED_WIDTH, max_width or EMBED_WIDTH)
    if max_height is not None:
        width = min(width, max_height * 16 // 9)
    width = max(16, width)
    return width, max(9, width * 9 // 16)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= DESCRIPTION else line[: DESCRIPTION - 1].rstrip() + "…"


def _at(origin: str, path: str | None) -> str:
    return origin + path if path else ""
