"""What surrounds every request: problems instead of exceptions, security headers, CORS, metrics, a trace id."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import HttpVersion10, web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, Counter, Histogram

from server.http.access_log import AccessLog
from server.http.errors import Problem, ProblemTable
from server.http.limits import CallRate, Taken, limit_header, policy_header

log = structlog.get_logger(__name__)

CSP: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:{cdn}; "
    "media-src 'self' blob:{cdn}; connect-src 'self'{sockets}{cdn}; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
)
HSTS: Final = "max-age=31536000"
"""A year, of this host alone (RFC 6797): an operator who wants subdomains in it says so at a proxy."""
PERMISSIONS: Final = "camera=(self), microphone=(self), display-capture=(self), geolocation=(self), payment=(), usb=()"
EXPOSED: Final = (
    "Accept-Ranges, Age, Content-Range, Date, ETag, Link, Location, RateLimit, RateLimit-Policy, "
    "Retry-After, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Concat, Upload-Defer-Length, "
    "Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset, X-Request-Id"
)
ALLOWED_HEADERS: Final = (
    "Authorization, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status, Content-Type, Idempotency-Key, If-Match, "
    "If-None-Match, If-Range, Range, Tus-Resumable, Upload-Checksum, Upload-Concat, Upload-Defer-Length, "
    "Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override"
)
"""With what players say of themselves (CTA-5004), and uploads (tus 1.0.0)."""

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

_SESSION = re.compile(r"/wh[ie]p/sessions/.{0,13}")

_SEALED = re.compile(r"~[A-Za-z0-9_-]{16,}")

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|[A-Za-z0-9._~%-]{0,255})(?::[0-9]{0,5})?")

TRACE_ID: web.RequestKey[str] = web.RequestKey("trace_id", str)
STARTED: web.RequestKey[bool] = web.RequestKey("started", bool)
ALWAYS: web.RequestKey[Mapping[str, str]] = web.RequestKey("always", Mapping)
"""Headers that the answer has in any case."""
LIMITS: web.RequestKey[list[tuple[CallRate, Taken]]] = web.RequestKey("limits", list)


CLIENT_LEFT: Final = 499
"""In the metrics, as nginx has it; nobody is sent it."""
OPEN_PATHS: Final = ("/whip", "/whep")
MEDIA_PATHS: Final = ("/hls/", "/vod/", "/clips/")
UNFORESEEN_ERRORS: Final = "socialflow_http_unforeseen_errors_total"
NOT_FOUND_PAGE: web.AppKey[Callable[[web.Request], web.StreamResponse]] = web.AppKey("not_found_page")
"""What a browser is shown where there is nothing, if the application has such a page."""


def note_limit(request: web.Request, rate: CallRate, taken: Taken) -> None:
    """Have the answer tell what is left of a budget that the request was counted in."""
    request.setdefault(LIMITS, []).append((rate, taken))


class HttpMetrics:
    """Durations by route template, so that the number of series is that of the routes."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._durations = Histogram(
            "socialflow_http_request_duration_seconds",
            "From the request's head to the end of its answer",
            ("method", "route", "status"),
            registry=registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self._unforeseen = Counter(UNFORESEEN_ERRORS, "Requests answered with 500", registry=registry)

    def observe(self, request: web.Request, status: int, seconds: float) -> None:
        self._durations.labels(_method(request), route_template(request), str(status)).observe(seconds)

    def unforeseen(self) -> None:
        self._unforeseen.inc()


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _method(request: web.Request) -> str:
    return request.method if request.method in _METHODS else "other"


def route_template(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"


class HttpMiddleware:
    """The application's one middleware, and its hook on every answer's head."""

    def __init__(
        self,
        *,
        problems: ProblemTable,
        metrics: HttpMetrics,
        allowed_origins: Sequence[str] = (),
        cdn: str = "",
        access_log: AccessLog | None = None,
    ) -> None:
        """``cdn``: where pages may take media from, beside this server."""
        self._cdn = cdn
        self._access_log = access_log or AccessLog(share=0)
        self._problems = problems
        self._metrics = metrics
        self._origins = frozenset(allowed_origins)

    def middleware(self) -> Middleware:
        @web.middleware
        async def wrapped(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._answer(request, handler)

        return wrapped

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        request[TRACE_ID] = _trace_id(request)
        response: web.StreamResponse | None = None
        try:
            response = await self._guarded(request, handler)
            return response
        finally:
            self._note(request, response, time.perf_counter() - began)

    def _note(self, request: web.Request, response: web.StreamResponse | None, seconds: float) -> None:
        status = CLIENT_LEFT if response is None else response.status
        self._metrics.observe(request, status, seconds)
        self._access_log.note(
            method=_method(request),
            route=route_template(request),
            status=status,
            seconds=seconds,
            sent=None if response is None else response.content_length,
            trace_id=request[TRACE_ID],
        )

    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _require_readable(request)
            return await handler(request)
        except asyncio.CancelledError:
            raise
        except web.HTTPMethodNotAllowed as error:
            if request.method == "OPTIONS":
                return _options(sorted(error.allowed_methods))
            return self._problem(request, error)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            if error.status == 404 and _is_visitor(request) and NOT_FOUND_PAGE in request.app:
                return request.app[NOT_FOUND_PAGE](request)
            return self._problem(request, error)
        # The named edge of HTTP: whatever a handler raises becomes an answer.
        except Exception as error:
            if isinstance(error, ConnectionError) and _has_left(request):
                return web.Response(status=CLIENT_LEFT)
            return self._problem(request, error)

    def _problem(self, request: web.Request, error: Exception) -> web.StreamResponse:
        problem = self._problems.problem_of(error)
        if request.get(STARTED):
            self._cut(request, error)
        if problem is None:
            problem = self._unforeseen(request, error)
        response = problem.response(instance=request.rel_url.raw_path)
        if problem.headers.get("Connection") == "close":
            response.force_close()
        return response

    def _cut(self, request: web.Request, error: Exception) -> None:
        """An answer that has begun can only be broken off, so that the reader sees that it is not whole."""
        log.warning("answer broken off", path=_shown_path(request), trace_id=request[TRACE_ID], error=repr(error))
        if request.transport is not None:
            request.transport.abort()

    def _unforeseen(self, request: web.Request, error: Exception) -> Problem:
        trace_id = request[TRACE_ID]
        log.error(
            "unforeseen error", method=request.method, path=_shown_path(request), trace_id=trace_id, exc_info=error
        )
        self._metrics.unforeseen()
        return Problem(500, "The error was logged under this trace id", extra={"trace_id": trace_id})

    async def on_prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Runs before the head of any answer is sent, streams and upgrades included."""
        request[STARTED] = True
        headers = response.headers
        headers["Server"] = "socialflow"
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        headers.setdefault("X-Request-Id", request.get(TRACE_ID) or _trace_id(request))
        for name, value in request.get(ALWAYS, {}).items():
            headers.setdefault(name, value)
        if limits := request.get(LIMITS):
            headers["RateLimit-Policy"] = policy_header([rate for rate, _ in limits])
            headers["RateLimit"] = limit_header(limits)
        is_page = response.content_type == "text/html"
        said = security_headers(host=request.host, is_page=is_page, is_secure=request.secure, cdn=self._cdn)
        for name, value in said.items():
            headers.setdefault(name, value)
        self._cors(request, response)

    def _cors(self, request: web.Request, response: web.StreamResponse) -> None:
        """Reads, and WHIP and WHEP as RFC 9725 wants it, are open to every origin, without credentials; other writes to
        the configured ones."""
        origin = request.headers.get("Origin")
        if request.path.startswith(MEDIA_PATHS):
            # Also for those who do not ask: a cache gives the same copy to pages of other origins.
            origin = origin or "*"
        if origin is None or "Access-Control-Allow-Origin" in response.headers:
            return
        asked = request.headers.get("Access-Control-Request-Method") if request.method == "OPTIONS" else None
        method = asked or request.method
        is_known = origin in self._origins or "*" in self._origins or request.path.startswith(OPEN_PATHS)
        if not is_known and method not in {"GET", "HEAD"}:
            return
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
        if asked:
            response.headers["Access-Control-Allow-Methods"] = (
                "GET, HEAD, POST, PUT, PATCH, DELETE" if is_known else "GET, HEAD"
            )
            response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = "600"


def _require_readable(request: web.Request) -> None:
    """Raises a 400 for a version before 1.0, and for a Host that is none (RFC 9112 section 3.2): addresses are made
    of it.
    """
    if request.version < HttpVersion10:
        raise Problem(400, "HTTP/1.1 is spoken here", headers={"Connection": "close"})
    if not _is_host(request.host):
        raise Problem(400, "The Host header names no host", headers={"Connection": "close"})


def security_headers(*, host: str, is_page: bool, is_secure: bool, cdn: str = "") -> dict[str, str]:
    """What a browser is to keep to. HSTS goes out over TLS alone (RFC 6797, 7.2)."""
    found = {"Strict-Transport-Security": HSTS} if is_secure else {}
    if is_page:
        found |= {"Content-Security-Policy": content_policy(host, cdn=cdn), "Permissions-Policy": PERMISSIONS}
        if is_secure:
            found["Cross-Origin-Opener-Policy"] = "same-origin"
    return found


def content_policy(host: str, *, ancestors: str = "'self'", cdn: str = "") -> str:
    """The policy of a page of this host; ``ancestors``: whose pages may frame it; ``cdn``: an address that media come
    from as well. Its sockets are named, since older browsers take 'self' for HTTP alone; both ways, since a proxy may
    end TLS.
    """
    address = urlsplit(cdn)
    source = f" {address.scheme}://{address.netloc}" if cdn else ""
    sockets = f" ws://{host} wss://{host}" if host and _is_host(host) else ""
    return CSP.format(sockets=sockets, ancestors=ancestors, cdn=source)


def _is_host(text: str) -> bool:
    found = _HOST.fullmatch(text)
    if found is None or found[1] is None:
        return found is not None
    try:
        IPv6Address(found[1])
    except ValueError:
        return False
    return True


def _has_left(request: web.Request) -> bool:
    """The client closed the connection before its answer was sent: players do when they no longer need it."""
    return request.transport is None or request.transport.is_closing()


def _is_visitor(request: web.Request) -> bool:
    """A browser that a person looks at, not a program."""
    return request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("Accept", "")


def _shown_path(request: web.Request) -> str:
    """The path as logs have it, without what is a secret: the ends of sessions' addresses, the seals of streams'."""
    found = _SESSION.match(request.path)
    return found[0] + "…" if found else _SEALED.sub("~…", request.path)


def _options(allowed: Sequence[str]) -> web.Response:
    return web.Response(status=204, headers={"Allow": ", ".join(sorted({*allowed, "OPTIONS"}))})


def _trace_id(request: web.Request) -> str:
    """The caller's W3C trace, so that one request can be followed through proxies, else a new one."""
    given = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    return given[1] if given else secrets.token_hex(16)
