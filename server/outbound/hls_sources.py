"""HLS playlists and segments from addresses that people give."""

from __future__ import annotations

from media.restream.connection import Trouble
from server.outbound.http import BadAnswer, PublicHttp
from server.outbound.public_addresses import NotPublic


class HlsSources:
    """``media.pull.hls_playback.Get``."""

    def __init__(self, *, http: PublicHttp) -> None:
        self._http = http

    async def get(self, url: str, max_bytes: int, span: tuple[int, int] | None = None) -> tuple[bytes, str]:
        """Raises ``Trouble``, ``OSError`` or ``TimeoutError``."""
        try:
            return await self._http.get(url, max_bytes, span)
        except NotPublic:
            raise Trouble("not_public", is_refusal=True) from None
        except BadAnswer as error:
            raise Trouble("rejected", str(error)) from None
