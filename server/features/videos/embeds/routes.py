"""``/oembed``: how a link to a stream or a clip is put on another page (oembed.com)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import Field

from server.http.errors import not_found
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.own_address import OwnAddresses
from server.http.previews import Preview, PreviewOf, fitted, oembed_of, oembed_xml
from server.http.shapes import Query, Shape, Text

RATE: Final = CallRate("oembed", per_s=5.0, burst=60)
"""Of an address."""


class OEmbedQuery(Query):
    url: Annotated[Text, Field(min_length=1, max_length=2_000, description="The page's address")]
    format: Literal["json", "xml"] = "json"
    maxwidth: Annotated[int, Field(ge=1, le=10_000)] | None = None
    maxheight: Annotated[int, Field(ge=1, le=10_000)] | None = None


class OEmbedShape(Shape):
    version: str
    type: str
    title: str
    author_name: str
    author_url: str
    provider_name: str
    provider_url: str
    cache_age: int
    html: str
    width: int
    height: int
    thumbnail_url: str | None = None
    thumbnail_width: int | None = None
    thumbnail_height: int | None = None


class EmbedRoutes:
    def __init__(self, *, previews: Mapping[str, PreviewOf], addresses: OwnAddresses, site_name: str) -> None:
        self._previews = previews
        self._addresses = addresses
        self._site_name = site_name

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/oembed", handler=self._oembed, name="oembed", tag="embeds",
                summary="How to show a stream or a clip on another page (oEmbed 1.0)", query=OEmbedQuery,
                answers={200: OEmbedShape}, problems=frozenset({404}), rate=RATE,
            ),
        ]  # fmt: skip

    async def _oembed(self, call: Call[None, OEmbedQuery]) -> Answer | web.StreamResponse:
        own = self._addresses.of(call.request)
        preview = await self._preview(call.query.url, own.host)
        if preview is None or preview.player is None:
            raise not_found("There is nothing to embed at this address")
        width, height = fitted(call.query.maxwidth, call.query.maxheight)
        document = oembed_of(preview, origin=own.origin, site_name=self._site_name, width=width, height=height)
        headers = {"Cache-Control": "public, max-age=60"}
        if call.query.format == "json":
            return Answer(200, document, headers)
        return web.Response(body=oembed_xml(document), headers={**headers, "Content-Type": "text/xml; charset=utf-8"})

    async def _preview(self, url: str, host: str) -> Preview | None:
        """Of one of our pages; None for any other address."""
        try:
            parts = urlsplit(url)
            is_ours = parts.scheme in ("http", "https") and parts.hostname == host
        except ValueError:
            return None
        page, _, name = parts.path.rstrip("/").rpartition("/")
        preview_of = self._previews.get(page + "/{id}") if is_ours else None
        return await preview_of({"id": name}) if preview_of is not None else None
