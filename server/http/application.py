"""The web application: operations become routes, and everything that surrounds them is put around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry

from server.http import asyncapi, openapi
from server.http.access_log import AccessLog
from server.http.addresses import ClientAddresses
from server.http.dispatch import Dispatch, Intake, OnForged
from server.http.documentation import Documentation
from server.http.errors import ProblemTable
from server.http.idempotency import IdempotencyKeys
from server.http.identity import Identity
from server.http.intake import path_formats
from server.http.limits import RateLimiter
from server.http.middleware import HttpMetrics, HttpMiddleware
from server.http.operation import UUID, UUID_PATTERN, Operation
from server.http.outgoing import OutgoingCall
from server.socket_events import ClientEvent, ServerEvent

DESCRIPTION: Final = (
    "Live streams, the chat beside them and the people around them. Errors are RFC 9457 problem details. Lists take "
    "`limit` and `cursor` and answer `items` and `next`. Times are RFC 3339 in UTC, ids are UUIDs. Who has a "
    "one-time password changes it first: until then all calls but `GET /me`, `POST /auth/password/change` and "
    "`POST /auth/logout` are answered 403 with the type `…/password-change-required`, and sockets are refused with the "
    "code `password_change_required`."
)


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """Bounds and switches of the HTTP side; times in seconds."""

    title: str = "Social Flow"
    version: str = "0"
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    limit_loopback: bool = False
    body_timeout_s: float = 15.0
    cdn: str = ""
    access_log_share: float = 0.0


def build_app(
    *,
    operations: Sequence[Operation],
    identity: Identity,
    idempotency: IdempotencyKeys,
    limiter: RateLimiter,
    problems: ProblemTable,
    registry: CollectorRegistry,
    settings: HttpSettings,
    outgoing: Sequence[OutgoingCall] = (),
    client_events: Sequence[ClientEvent] = (),
    server_events: Sequence[ServerEvent] = (),
    on_forged: OnForged | None = None,
) -> web.Application:
    """An application that serves the operations, ``/openapi.json``, ``/asyncapi.json`` and ``/docs``.

    The events are served by others, and documented here.

    The caller may add routes of its own (Socket.IO, the browser client) before it runs the application. Order matters:
    aiohttp takes the first resource that matches.
    """
    middleware = HttpMiddleware(
        problems=problems,
        metrics=HttpMetrics(registry=registry),
        allowed_origins=settings.allowed_origins,
        cdn=settings.cdn,
        access_log=AccessLog(share=settings.access_log_share),
    )
    # Bodies are read and bounded by each operation itself.
    app = web.Application(middlewares=[middleware.middleware()], client_max_size=0)
    app.on_response_prepare.append(middleware.on_prepare)
    intake = Intake(
        identity=identity,
        limiter=limiter,
        addresses=ClientAddresses(trusted=settings.trusted_proxies),
        idempotency=idempotency,
        body_timeout_s=settings.body_timeout_s,
        limit_loopback=settings.limit_loopback,
        on_forged=on_forged,
    )
    add_operations(app, operations, intake)
    title, version = settings.title, settings.version
    Documentation(
        document=lambda: msgspec.json.encode(
            openapi.document(
                operations=operations, outgoing=outgoing, title=title, version=version, description=DESCRIPTION
            )
        ),
        events=lambda: msgspec.json.encode(
            asyncapi.document(client_events=client_events, server_events=server_events, title=title, version=version)
        ),
    ).add_to(app)
    return app


def add_operations(app: web.Application, operations: Sequence[Operation], intake: Intake) -> None:
    """One resource a path, so that a wrong method is a 405 that names the right ones."""
    resources: dict[str, web.Resource] = {}
    for operation in operations:
        path = _routed(operation)
        resource = resources[path] = resources.get(path) or app.router.add_resource(path)
        handler = Dispatch(operation=operation, intake=intake).answer
        resource.add_route(operation.method, handler)
        if operation.method == "GET":
            resource.add_route("HEAD", handler)


def _routed(operation: Operation) -> str:
    """The path for the router: an id takes a UUID alone, so that it does not stand for a word beside it."""
    path = operation.path
    for name, kind in path_formats(operation).items():
        if kind is UUID:
            path = path.replace(f"{{{name}}}", f"{{{name}:{UUID_PATTERN.strip('^$')}}}")
    return path
