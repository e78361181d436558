"""The HTTP protocol object of a connection: what cannot be parsed is refused in the words of every other refusal.

Bytes that are no request are the sender's mistake. They are counted on to come, from scanners and worse, so they are
answered shortly, without an echo of the input, and leave no line in the log above debug.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from aiohttp import http_exceptions, web
from aiohttp.http import RawRequestMessage

from server.http.errors import Problem, from_http_exception

log = logging.getLogger(__name__)

_TOO_LONG: Final = (http_exceptions.LineTooLong,)
_SENDERS: Final = (http_exceptions.HttpProcessingError, web.RequestPayloadError, http_exceptions.PayloadEncodingError)


class HttpProtocol(web.RequestHandler):
    """One connection. It is closed after a refusal: what follows in it cannot be told apart from what came before."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to bytes that are no request, and to an error outside the application."""
        if not isinstance(exc, _SENDERS):
            return super().handle_error(request, status, exc, message)
        log.debug("unreadable request: %s", exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        problem = Problem(431 if isinstance(exc, _TOO_LONG) else 400, "The request could not be read")
        response = problem.response(instance="/")
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """What is refused before the application is asked, such as an unknown expectation, is a problem as well."""
        if isinstance(resp, web.HTTPException) and resp.status >= 400:
            refused = from_http_exception(resp).response(instance=request.rel_url.raw_path)
            return await super().finish_response(request, refused, start_time)
        return await super().finish_response(request, resp, start_time)

    def data_received(self, data: bytes) -> None:
        """A body that breaks off its own coding is over at once; the parser tells only of the next request."""
        super().data_received(data)
        if self._messages and not isinstance(self._messages[-1][0], RawRequestMessage):
            self._break_body()

    def _break_body(self) -> None:
        if len(self._messages) > 1:
            body = self._messages[-2][1]
        elif self._current_request is not None:
            body = self._current_request.content
        else:
            return
        if not body.is_eof() and body.exception() is None:
            body.set_exception(web.RequestPayloadError("the body breaks off its coding"))

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        if isinstance(kwargs.get("exc_info"), _SENDERS):
            log.debug("broken request: %s", kwargs["exc_info"])
            return
        super().log_exception(*args, **kwargs)


def http_protocols(server: web.Server, *, keepalive_timeout_s: float) -> Callable[[], HttpProtocol]:
    """What makes the protocol object of each new connection; call it in the running loop."""

    def protocol() -> HttpProtocol:
        loop = asyncio.get_running_loop()
        access_log: Any = None  # requests are measured by the application
        return HttpProtocol(server, loop=loop, keepalive_timeout=keepalive_timeout_s, access_log=access_log)

    return protocol


def refused_head() -> tuple[str, bytes]:
    """Content type and body for a request whose head is larger than is read of any."""
    response = Problem(431, "The request's line and fields are too long").response(instance="/")
    body = response.body
    assert isinstance(body, bytes)
    return response.content_type, body
