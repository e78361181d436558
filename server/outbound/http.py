"""HTTP requests to addresses that people give: only to public ones, redirects included."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec

from server.outbound.public_addresses import PublicAddresses

MAX_REDIRECTS: Final = 5
TIMEOUT: Final = aiohttp.ClientTimeout(total=30.0, sock_connect=10.0, sock_read=15.0)
BODY_S: Final = 2.0
_HTML: Final = ("text/html", "application/xhtml+xml")
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))

AnswerT = TypeVar("AnswerT")


class BadAnswer(OSError):
    """The server answered, and not with what was asked for. The sentence says how."""


class NotReached(OSError):
    """There was no connection in time: the server has got nothing of the request."""

    def __str__(self) -> str:
        return "the server cannot be reached"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """``beginning``: of the body, as it came within the bounds. ``retry_after``: that header, empty without one."""

    status: int
    beginning: bytes
    retry_after: str = ""


class WebPage(msgspec.Struct, frozen=True, kw_only=True):
    """``url``: where it came from in the end. ``charset``: as its header says."""

    url: str
    charset: str | None
    beginning: bytes


class PublicHttp:
    """GETs and POSTs, without cookies. Every connection is judged by the address that its socket connects to."""

    def __init__(self, *, addresses: PublicAddresses) -> None:
        self._addresses = addresses
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, max_bytes: int, span: tuple[int, int] | None = None) -> tuple[bytes, str]:
        """The body, and the address that it came from after at most ``MAX_REDIRECTS`` redirects; with ``span`` (offset,
        size) that part of it, also where the server sends all (RFC 9110, 14.2), if all is not too long.

        Raises ``public_addresses.NotPublic``, ``BadAnswer``, ``OSError`` or ``TimeoutError``.
        """

        async def read(answer: aiohttp.ClientResponse, where: str) -> tuple[bytes, str]:
            body = await _body(answer, max_bytes, is_part=span is not None)
            if span is not None:
                body = body[: span[1]] if answer.status == 206 else body[span[0] : sum(span)]
            return body, where

        return await self._follow(url, _range(span), read)

    async def page(self, url: str, max_bytes: int) -> WebPage:
        """The beginning of a page of HTML: at most ``max_bytes``, and what of it comes within ``BODY_S``; the rest is
        cut off with the connection. Follows redirects and raises as ``get``, and ``BadAnswer`` for another type.
        """

        async def read(answer: aiohttp.ClientResponse, where: str) -> WebPage:
            if answer.status != 200:
                raise BadAnswer(f"the server answered {answer.status}")
            if answer.content_type not in _HTML:
                raise BadAnswer("the answer is no page")
            return WebPage(url=where, charset=answer.charset, beginning=await _beginning(answer, max_bytes))

        return await self._follow(url, {"Accept": ", ".join(_HTML)}, read)

    async def _follow(
        self,
        url: str,
        headers: Mapping[str, str],
        read: Callable[[aiohttp.ClientResponse, str], Awaitable[AnswerT]],
    ) -> AnswerT:
        for _ in range(MAX_REDIRECTS + 1):
            if urlsplit(url).scheme not in ("http", "https"):
                raise BadAnswer("the address is not one of HTTP")
            try:
                async with self._http().get(url, allow_redirects=False, headers=headers) as answer:
                    if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                        return await read(answer, url)
                    url = urljoin(url, answer.headers["Location"])
            except (aiohttp.ClientError, ValueError) as error:
                raise told(error) from None
        raise BadAnswer("the server redirects again and again")

    async def post(
        self,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        timeout_s: float,
        max_bytes: int,
        connect_s: float | None = None,
    ) -> Reply:
        """The answer to one request, which is never sent on to where a redirect leads.

        Of its body at most ``max_bytes`` are read, for at most ``BODY_S``: the rest is cut off with the connection.
        Raises as ``get``, and ``NotReached`` after ``connect_s`` without a connection.
        """
        try:
            async with self._http().post(
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s, connect=connect_s),
            ) as answer:
                beginning = await _beginning(answer, max_bytes)
                return Reply(
                    status=answer.status, beginning=beginning, retry_after=answer.headers.get("Retry-After", "")
                )
        except (aiohttp.ClientError, ValueError) as error:
            raise told(error) from None

    def streamed(
        self, url: str, *, body: bytes, headers: Mapping[str, str], timeout_s: float, connect_s: float
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """As the function of this name, of an address that people have given."""
        return streamed(self._http(), url, body=body, headers=headers, timeout_s=timeout_s, connect_s=connect_s)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(socket_factory=self._socket, use_dns_cache=False, limit=100)
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=TIMEOUT, trust_env=False
            )
        return self._session

    def _socket(self, found: tuple[Any, ...]) -> socket.socket:
        """``found``: an answer of ``getaddrinfo``, whose last part the socket is connected to."""
        family, kind, protocol, _, address = found
        self._addresses.require(str(address[0]))
        return socket.socket(family, kind, protocol)


@asynccontextmanager
async def streamed(
    session: aiohttp.ClientSession,
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    timeout_s: float,
    connect_s: float,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer to one POST, to be read as it comes: the reader bounds it, and the connection ends with the block
    unless all was read. Raises as ``PublicHttp.post``; ``timeout_s`` is for the whole of it.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_s, connect=connect_s)
    try:
        async with session.post(
            url, data=body, headers=headers, allow_redirects=False, auto_decompress=False, timeout=timeout
        ) as answer:
            try:
                yield answer
            finally:
                if not answer.content.at_eof():
                    answer.close()
    except (aiohttp.ClientError, ValueError) as error:
        raise told(error) from None


def told(error: aiohttp.ClientError | ValueError) -> OSError:
    """What went wrong, in a sentence."""
    if isinstance(error, aiohttp.ClientSSLError):
        return BadAnswer("the server has no certificate that is valid")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return NotReached()
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error
    return BadAnswer("the server broke the protocol")


async def _beginning(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """What comes of the body in time. The connection is used again only if that is all of it."""
    parts, size = list[bytes](), 0
    try:
        async with asyncio.timeout(BODY_S):
            while size < max_bytes and (part := await answer.content.read(max_bytes - size)):
                parts.append(part)
                size += len(part)
    except (aiohttp.ClientError, TimeoutError):
        answer.close()
    if not answer.content.at_eof():
        answer.close()
    return b"".join(parts)


def _range(span: tuple[int, int] | None) -> dict[str, str]:
    return {} if span is None else {"Range": f"bytes={span[0]}-{sum(span) - 1}", "Accept-Encoding": "identity"}


async def _body(answer: aiohttp.ClientResponse, max_bytes: int, *, is_part: bool) -> bytes:
    if answer.status not in ((200,) if not is_part else (200, 206)):
        raise BadAnswer(f"the server answered {answer.status}")
    parts, size = list[bytes](), 0
    async for part in answer.content.iter_chunked(64 * 1024):
        parts.append(part)
        size += len(part)
        if size > max_bytes:
            raise BadAnswer(f"the answer has more than {max_bytes} bytes")
    return b"".join(parts)
