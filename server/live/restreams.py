"""Restreams of the streams that are published on this node: their targets go to its media process, and come back as
states.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from actors.runtime import Ask, Message
from media.control import RestreamsReported, SetRestreams
from media.restream.states import RestreamState, RestreamTarget
from server.http.errors import Problem
from storage.errors import Unavailable

RESYNC_S: Final = 30.0
"""A change is told once; what was missed is found within this time."""
AGAIN_S: Final = 1.0
MAX_AT_ONCE: Final = 500

TargetsOf = Callable[[Sequence[str]], Awaitable[Mapping[str, Sequence[RestreamTarget]]]]
"""The targets of these streams, by id; those without any may be left out. Raises ``Unavailable`` or ``Problem``."""

log = logging.getLogger("server.restreams")


class RestreamsChanged(Message, frozen=True, kw_only=True):
    """To the node that a stream is published on: it has other targets from now on."""

    stream_id: str


class RestreamsRead(msgspec.Struct, frozen=True, kw_only=True):
    states: tuple[RestreamState, ...]


class ReadRestreams(Ask[RestreamsRead], frozen=True, kw_only=True):
    """To the node that a stream is published on: how its restreams fare."""

    stream_id: str


class Restreaming:
    """``began``, ``ended`` and ``changed`` return at once: the targets are read in a task, all that wait together."""

    def __init__(self, *, targets: TargetsOf, set_restreams: Callable[[SetRestreams], None]) -> None:
        self._targets = targets
        self._set_restreams = set_restreams
        self._published: set[str] = set()
        self._unread: set[str] = set()
        self._states: dict[str, tuple[RestreamState, ...]] = {}
        self._is_due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="restream targets")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def began(self, stream_id: str) -> None:
        self._published.add(stream_id)
        self.changed(stream_id)

    def ended(self, stream_id: str) -> None:
        self._published.discard(stream_id)
        self._unread.discard(stream_id)
        self._states.pop(stream_id, None)

    def changed(self, stream_id: str) -> None:
        """Nothing comes of it where the stream is not published here."""
        if stream_id in self._published:
            self._unread.add(stream_id)
            self._is_due.set()

    def note(self, report: RestreamsReported) -> None:
        if report.states and report.stream_id in self._published:
            self._states[report.stream_id] = report.states
        else:
            self._states.pop(report.stream_id, None)

    def states(self, stream_id: str) -> tuple[RestreamState, ...]:
        return self._states.get(stream_id, ())

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(RESYNC_S):
                    await self._is_due.wait()
            except TimeoutError:
                self._unread |= self._published
            self._is_due.clear()
            while self._unread:
                if not await self._read():
                    await asyncio.sleep(AGAIN_S)

    async def _read(self) -> bool:
        """Give the media process the targets of some streams that wait for it. False: Postgres is away."""
        reading = sorted(self._unread)[:MAX_AT_ONCE]
        self._unread.difference_update(reading)
        try:
            found = await self._targets(reading)
        except (Unavailable, Problem) as error:
            log.warning("the restreams of %d streams could not be read: %s", len(reading), error)
            self._unread.update(self._published.intersection(reading))
            return False
        for stream_id in self._published.intersection(reading):
            self._set_restreams(SetRestreams(stream_id=stream_id, targets=tuple(found.get(stream_id, ()))))
        return True
