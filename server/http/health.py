"""Whether the process runs, whether it should be given work, what it measures, and what it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict

from server.http.operation import Answer, Call, MediaType, Operation
from server.http.shapes import Shape


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """Something outside this process. ``probe`` returns when it answers and raises when it does not; without a critical
    one the node takes no traffic, without another one it is degraded.
    """

    probe: Callable[[], Awaitable[object]]
    is_critical: bool


def known(is_up: Callable[[], bool]) -> Callable[[], Awaitable[None]]:
    """A probe of what this process knows already, without a question to anybody."""

    async def probe() -> None:
        if not is_up():
            raise ConnectionError("known to be down")

    return probe


class DependencyShape(Shape):
    status: Literal["up", "down"]


class Readiness(Shape):
    status: Literal["ready", "degraded", "draining", "unavailable"]
    dependencies: dict[str, DependencyShape]


class Liveness(Shape):
    status: Literal["alive"] = "alive"


class Look:
    """Whether a dependency answers: one probe at a time finds it out for all who ask.

    An answer is good for ``fresh_s``. Nobody waits for longer than ``patience_s`` from the start of a probe: while one
    takes longer the dependency is down. A probe that takes ``probe_timeout_s`` is given up.
    """

    def __init__(
        self, *, name: str, dependency: Dependency, patience_s: float, probe_timeout_s: float, fresh_s: float
    ) -> None:
        self._name = name
        self._dependency = dependency
        self._patience_s = patience_s
        self._probe_timeout_s = probe_timeout_s
        self._fresh_s = fresh_s
        self._began_at = self._ended_at = float("-inf")
        self._was_up = False
        self._probing: asyncio.Task[None] | None = None

    async def is_up(self) -> bool:
        if self._probing is None and time.monotonic() - self._ended_at > self._fresh_s:
            self._began_at = time.monotonic()
            self._probing = asyncio.get_running_loop().create_task(self._probe(), name=f"look at {self._name}")
        if self._probing is not None:
            left_s = self._began_at + self._patience_s - time.monotonic()
            await asyncio.wait([self._probing], timeout=max(0.0, left_s))
        return self._probing is None and self._was_up

    async def _probe(self) -> None:
        try:
            self._was_up = await _is_up(self._dependency, self._probe_timeout_s)
        finally:
            self._ended_at = time.monotonic()
            self._probing = None

    async def close(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait([self._probing])


class Health:
    """``/livez``, ``/readyz`` and ``/metrics``. ``/readyz`` answers within ``patience_s`` whatever hangs."""

    name = "health"

    def __init__(
        self,
        *,
        dependencies: Mapping[str, Dependency],
        is_draining: Callable[[], bool],
        registry: CollectorRegistry,
        patience_s: float = 0.7,
        probe_timeout_s: float = 2.0,
        fresh_s: float = 0.2,
    ) -> None:
        self._dependencies = dependencies
        self._looks = {
            name: Look(
                name=name,
                dependency=dependency,
                patience_s=patience_s,
                probe_timeout_s=probe_timeout_s,
                fresh_s=fresh_s,
            )
            for name, dependency in dependencies.items()
        }
        self._is_draining = is_draining
        self._registry = registry

    async def close(self) -> None:
        """Ends the probes under way."""
        for look in self._looks.values():
            await look.close()

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/livez", handler=self._live, name="livez", tag="operations",
                summary="Whether the process runs", answers={200: Liveness},
            ),
            Operation(
                method="GET", path="/readyz", handler=self._ready, name="readyz", tag="operations",
                summary="Whether this node should be given work", answers={200: Readiness, 503: Readiness},
            ),
            Operation(
                method="GET", path="/metrics", handler=self._metrics, name="metrics", tag="operations",
                summary="Measurements, for Prometheus",
                answers={200: MediaType(media_type="text/plain", description="The Prometheus text format")},
            ),
        ]  # fmt: skip

    async def _live(self, call: Call[None, None]) -> Answer:
        return Answer(body=Liveness())

    async def _ready(self, call: Call[None, None]) -> Answer:
        ups = dict(
            zip(self._looks, await asyncio.gather(*(look.is_up() for look in self._looks.values())), strict=True)
        )
        shapes = {name: DependencyShape(status="up" if up else "down") for name, up in ups.items()}
        status = self._status({name for name, up in ups.items() if not up})
        is_ready = status in {"ready", "degraded"}
        headers = {} if is_ready else {"Retry-After": "1"}
        return Answer(200 if is_ready else 503, Readiness(status=status, dependencies=shapes), headers)

    def _status(self, down: set[str]) -> Literal["ready", "degraded", "draining", "unavailable"]:
        if self._is_draining():
            return "draining"
        if any(self._dependencies[name].is_critical for name in down):
            return "unavailable"
        return "degraded" if down else "ready"

    async def _metrics(self, call: Call[None, None]) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _is_up(dependency: Dependency, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await dependency.probe()
    # The named edge of a probe: whatever it raises, the dependency is down.
    except Exception:
        return False
    return True


class ServerShape(BaseModel):
    """What this server is and what it bounds. More members may come."""

    model_config = ConfigDict(extra="allow")

    name: str
    version: str
    limits: dict[str, Any]


class ServerInfo:
    """``GET /api/v1/server``. ``describe`` gives what depends on the moment, beside the fixed members."""

    name = "server"

    def __init__(
        self,
        *,
        server_name: str,
        version: str,
        limits: Mapping[str, Any],
        describe: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._fixed = {"name": server_name, "version": version, "limits": dict(limits)}
        self._describe = describe

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/server", handler=self._server, name="getServer", tag="operations",
                summary="What this server is, and its limits", answers={200: ServerShape},
            )
        ]  # fmt: skip

    async def _server(self, call: Call[None, None]) -> Answer:
        return Answer(body={**self._fixed, **self._describe()}, headers={"Cache-Control": "no-cache"})
