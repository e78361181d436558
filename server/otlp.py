"""Spans of followed messages, sent to a collector: OTLP over HTTP in its JSON encoding (OTLP 1.x, "OTLP/HTTP")."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import aiohttp
import msgspec

from actors.tracing import Span
from server.tracing import SEND

MOST_WAITING: Final = 2_048
EVERY_S: Final = 2.0
ANSWER_S: Final = 5.0
PATH: Final = "/v1/traces"

log = logging.getLogger("server.otlp")


class OtlpExporter:
    """``put`` never waits; beyond ``MOST_WAITING`` the oldest are left out, and so is what the collector refuses."""

    def __init__(self, *, endpoint: str, service: str, node: str, every_s: float = EVERY_S) -> None:
        """``endpoint``: the collector's address, with or without the path of traces."""
        address = endpoint.rstrip("/")
        self._url = address if address.endswith(PATH) else address + PATH
        self._resource = {"service.name": service, "service.instance.id": node}
        self._every_s = every_s
        self._waiting: deque[Span] = deque(maxlen=MOST_WAITING)
        self._task: asyncio.Task[None] | None = None
        self._http: aiohttp.ClientSession | None = None
        self.left_out = 0

    def start(self) -> None:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S))
        self._task = asyncio.get_running_loop().create_task(self._run(), name="export traces")

    async def close(self) -> None:
        """What waits is tried once more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._http is not None:
            await self._flush(self._http)
            await self._http.close()

    def put(self, span: Span) -> None:
        self.left_out += len(self._waiting) == MOST_WAITING
        self._waiting.append(span)

    async def _run(self) -> None:
        assert self._http is not None
        while True:
            await asyncio.sleep(self._every_s)
            await self._flush(self._http)

    async def _flush(self, http: aiohttp.ClientSession) -> None:
        spans = list(self._waiting)
        self._waiting.clear()
        if not spans:
            return
        body = msgspec.json.encode(_request(self._resource, spans))
        try:
            async with http.post(self._url, data=body, headers={"Content-Type": "application/json"}) as response:
                if response.status >= 300:
                    self._lost(len(spans), f"it answered {response.status}")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            self._lost(len(spans), str(error) or type(error).__name__)

    def _lost(self, number: int, reason: str) -> None:
        self.left_out += number
        log.warning("%d spans did not reach the collector: %s", number, reason)


def _request(resource: dict[str, str], spans: Sequence[Span]) -> dict[str, Any]:
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in resource.items()]
    scope = {"scope": {"name": "socialflow"}, "spans": [_span(span) for span in spans]}
    return {"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [scope]}]}


def _span(span: Span) -> dict[str, Any]:
    """The socket's step is the root, whose id follows from the trace's, so that other nodes know their parent."""
    root = span.trace[:16]
    started_ns = int(span.at * 1e9)
    is_root = span.name == SEND
    return {
        "traceId": span.trace,
        "spanId": root if is_root else secrets.token_hex(8),
        **({} if is_root else {"parentSpanId": root}),
        "name": span.name,
        "kind": 2 if is_root else 1,
        "startTimeUnixNano": str(started_ns),
        "endTimeUnixNano": str(started_ns + int(span.duration_ms * 1e6)),
    }
