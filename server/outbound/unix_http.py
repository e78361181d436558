"""HTTP requests to a server of our own behind a socket in the file system."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiohttp

from server.outbound.http import streamed, told


class UnixHttp:
    """Whatever host an address names, the socket's owner is asked."""

    def __init__(self, path: Path) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=str(path)), cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )

    async def status(self, url: str, timeout_s: float) -> int:
        """Of the answer to a GET. Raises ``OSError`` or ``TimeoutError``."""
        try:
            async with self._session.get(url, timeout=aiohttp.ClientTimeout(total=timeout_s)) as answer:
                return answer.status
        except aiohttp.ClientError as error:
            raise told(error) from None

    def streamed(
        self, url: str, *, body: bytes, headers: Mapping[str, str], timeout_s: float, connect_s: float
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """As that of ``PublicHttp``."""
        return streamed(self._session, url, body=body, headers=headers, timeout_s=timeout_s, connect_s=connect_s)

    async def close(self) -> None:
        await self._session.close()
