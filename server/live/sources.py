"""Streams that this node fetches from other servers: which they are is a lease in Postgres, fetching is its media
process's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec

from actors.runtime import Ask
from media.control import ItemListed, ListItem, Refused, SetSources, SourcesReported
from media.pull.states import PullSource, PullState
from server.http.errors import Problem
from storage.errors import Unavailable

CLAIM_S: Final = 3.0
"""A source that is set, changed or taken away is noticed within this time."""
LEASE_S: Final = 12.0
"""The sources of a node that has gone are free after this time."""

log = logging.getLogger("server.sources")


class SourceRead(msgspec.Struct, frozen=True, kw_only=True):
    state: PullState | None


class ReadSource(Ask[SourceRead], frozen=True, kw_only=True):
    """To the node that fetches a stream: how that fares."""

    stream_id: str


class SourceLeases(Protocol):
    """All raise ``Unavailable`` or ``Problem``."""

    async def claim(self, *, lease_s: float) -> Sequence[PullSource]:
        """What this node is to fetch: what it has already, and what is free."""

    async def release(self) -> None:
        """This node fetches nothing more."""

    async def list_item(self, asked: ListItem) -> ItemListed:
        """Where an item of a playout is."""


class Sources:
    """Claims again and again, and gives the media process what it is to fetch, while that process is there."""

    def __init__(
        self, *, leases: SourceLeases, set_sources: Callable[[SetSources], None], is_ready: Callable[[], bool]
    ) -> None:
        self._leases = leases
        self._set_sources = set_sources
        self._is_ready = is_ready
        self._states: dict[str, PullState] = {}
        self._has_any = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="sources")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._has_any:
            await _or_away(self._leases.release())

    def note(self, report: SourcesReported) -> None:
        self._states = {state.stream_id: state for state in report.states}

    def state(self, stream_id: str) -> PullState | None:
        return self._states.get(stream_id)

    async def list_item(self, asked: ListItem) -> ItemListed | Refused:
        try:
            return await self._leases.list_item(asked)
        except (Unavailable, Problem) as error:
            return Refused(code="unavailable", message=str(error), status=503)

    async def claim(self) -> None:
        """Once; where Postgres is away what is fetched already goes on."""
        sources = await _or_away(self._leases.claim(lease_s=LEASE_S)) if self._is_ready() else None
        if sources is None or not (sources or self._has_any):
            return
        self._has_any = bool(sources)
        if not sources:
            self._states = {}
        self._set_sources(SetSources(sources=tuple(sources)))

    async def _run(self) -> None:
        while True:
            await self.claim()
            await asyncio.sleep(CLAIM_S)


async def _or_away(asking: Awaitable[Sequence[PullSource] | None]) -> Sequence[PullSource] | None:
    try:
        return await asking
    except (Unavailable, Problem) as error:
        log.warning("the sources of streams could not be read: %s", error)
        return None
