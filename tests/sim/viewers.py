"""Those who look: the edge of a process, which shows a room in order and without holes, and viewers who hop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.errors import StorageError
from tests.sim.engines import PostgresModel
from tests.sim.simulation import Simulation

if TYPE_CHECKING:
    from tests.sim.process import Process

SOCKET_S = 0.005
HOP_S = (0.2, 1.0)


class Watch:
    """One viewer's place in a room, as the edge keeps it."""

    def __init__(self, viewer: Viewer, visit: int, last: int) -> None:
        self.viewer = viewer
        self.visit = visit
        self.last = last
        self.newest = last
        self.is_filling = False


class Edge:
    """Shows what follows; what leaves a hole is read from the log, and what was shown is not shown again."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._watches: dict[str, list[Watch]] = {}
        self.filled = 0

    def subscribe(self, viewer: Viewer, visit: int, last: int) -> None:
        watch = Watch(viewer, visit, last)
        self._watches.setdefault(viewer.room, []).append(watch)
        self._fill(watch)

    def leave(self, viewer: Viewer) -> None:
        self._watches[viewer.room] = [watch for watch in self._watches.get(viewer.room, ()) if watch.viewer != viewer]

    def positions(self) -> dict[str, int]:
        """How far each room that somebody watches here has come."""
        return {room: min(watch.newest for watch in watches) for room, watches in self._watches.items() if watches}

    def posted(self, room: str, offset: int, client_id: str) -> None:
        for watch in self._watches.get(room, ()):
            watch.newest = max(watch.newest, offset)
            if watch.is_filling or offset <= watch.last:
                continue
            if offset == watch.last + 1:
                self._show(watch, offset, client_id)
            else:
                self.filled += 1
                self._fill(watch)

    def _fill(self, watch: Watch) -> None:
        watch.is_filling = True
        self._process.loop.create_task(self._read(watch))

    async def _read(self, watch: Watch) -> None:
        is_first = True
        while is_first or watch.last < watch.newest:
            is_first = False
            try:
                rows = await self._process.log.since(watch.viewer.room, watch.last)
            except StorageError:
                await self._process.clock.sleep(0.2)
                is_first = True
                continue
            for row in rows:
                self._show(watch, row.offset, row.client_id)
        watch.is_filling = False

    def _show(self, watch: Watch, offset: int, client_id: str) -> None:
        watch.last = offset
        self._process.simulation.after(SOCKET_S, watch.viewer.shown, self._process, watch.visit, offset, client_id)


class Viewer:
    """Watches one room, from wherever it can, and says where it has got to when it comes back."""

    def __init__(self, simulation: Simulation, room: str, postgres: PostgresModel, pick: Picker) -> None:
        self.room = room
        self.last = 0
        self._simulation = simulation
        self._rng = simulation.rng(f"viewer of {room}")
        self._postgres = postgres
        self._pick = pick
        self._process: Process | None = None
        self._visit = 0
        self._simulation.after(self._rng.uniform(0, 1), self._look)

    def _look(self) -> None:
        """Once in a while: is the process still there?"""
        if self._process is None or not self._process.is_alive or self._process.is_draining:
            self.hop()
        self._simulation.after(self._rng.uniform(*HOP_S), self._look)

    def hop(self) -> None:
        if self._process is not None and self._process.is_alive:
            self._process.loop.call_soon(self._process.edge.leave, self)
        self._process = self._pick(self._rng)
        self._visit += 1
        if self._process is not None:
            self._process.loop.call_soon(self._process.edge.subscribe, self, self._visit, self.last)

    def shown(self, process: Process, visit: int, offset: int, client_id: str) -> None:
        if visit != self._visit:
            return
        if offset != self.last + 1:
            self._simulation.violate(f"{process.title} shows {offset} of {self.room} after {self.last}")
        row = self._postgres.rooms[self.room][offset - 1]
        if row.client_id != client_id:
            self._simulation.violate(
                f"{process.title} shows {client_id} as {offset} of {self.room}, not {row.client_id}"
            )
        self.last = offset


class Picker:
    """Finds a process that takes sockets."""

    def __init__(self, processes: list[Process]) -> None:
        self._processes = processes

    def __call__(self, rng: object) -> Process | None:
        able = [process for process in self._processes if process.is_alive and process.is_ready]
        able = [process for process in able if not process.is_draining] or able
        return able[int(rng.random() * len(able))] if able else None  # type: ignore[attr-defined]
