"""A node: the kinds it runs, their cells, and the way in and out of life for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from actors.runtime.actor import Actor
from actors.runtime.actor_info import ActorInfo, info_of
from actors.runtime.cell import Cell
from actors.runtime.cell_state import State
from actors.runtime.clock import Clock, Handle
from actors.runtime.dead_letters import DeadLetters
from actors.runtime.deadlines import Deadlines
from actors.runtime.directory import Directory
from actors.runtime.errors import ActorStopped, Unavailable, UnknownKind
from actors.runtime.ids import ActorId, shard_of
from actors.runtime.kind import Kind
from actors.runtime.mailbox import Policy
from actors.runtime.observer import Observer
from actors.runtime.ref import Ref
from actors.runtime.remote import Remote
from actors.runtime.supervisor import RestartPolicy
from actors.runtime.transport import Transport
from actors.runtime.turns import Turns

SWEEP_S: Final = 0.5
LEAST_SWEPT: Final = 1_000
SWEEPS_A_ROUND: Final = 8


class Node:
    """Registers first, then `start`, then refs work; `stop` drains. One event loop, one thread."""

    loop: asyncio.AbstractEventLoop
    deadlines: Deadlines

    def __init__(
        self,
        *,
        name: str,
        clock: Clock,
        directory: Directory,
        transport: Transport,
        observer: Observer | None = None,
        most_actors: int = 1_000_000,
        dead_letters_kept: int = 256,
    ) -> None:
        self.name = name
        self.clock = clock
        self.monotonic = clock.monotonic
        self.directory = directory
        self.remote = Remote(node=self, transport=transport)
        self.observer = observer
        self.most_actors = most_actors
        self.dead_letters = DeadLetters(keep=dead_letters_kept)
        self.cell_count = 0
        self._kinds: dict[str, Kind] = {}
        self._turns = Turns(monotonic=clock.monotonic)
        self._is_open = False
        self._sweep: Handle | None = None
        self._unswept: Iterator[Cell] = iter(())
        self._leavings: list[_Leaving] = []

    # Wiring.

    def register(
        self,
        kind: str,
        factory: Callable[[ActorId], Actor],
        *,
        mailbox: int = 1024,
        policy: Policy = "refuse",
        idle_after_s: float | None = 60.0,
        patience_s: float = 30.0,
        restarts: RestartPolicy | None = None,
    ) -> None:
        """Every node registers every kind, whichever node owns its actors.

        `mailbox` bounds unread messages; `idle_after_s` None keeps actors for ever; an `activate`, `passivate` or
        async handler that runs for longer than `patience_s` is cancelled, which counts as a crash.
        """
        if kind in self._kinds or not kind or "/" in kind:
            raise ValueError(f"{kind!r} is taken, empty or has a slash")
        self._kinds[kind] = Kind(
            node=self,
            turns=self._turns,
            name=kind,
            factory=factory,
            capacity=max(1, mailbox),
            policy=policy,
            idle_after_s=idle_after_s,
            patience_s=patience_s,
            restarts=restarts or RestartPolicy(),
        )

    def ref(self, kind: str, key: str) -> Ref:
        """An address, whether or not the actor is active or here. Raises UnknownKind."""
        return Ref(self.kind(kind), key)

    def kind(self, name: str) -> Kind:
        kind = self._kinds.get(name)
        if kind is None:
            raise UnknownKind(name)
        return kind

    # Life.

    async def start(self) -> None:
        """From here on messages are taken. Once in a node's life."""
        self.loop = asyncio.get_running_loop()
        self.deadlines = Deadlines(clock=self.clock, loop=self.loop)
        self._turns.start(self.loop)
        self.remote.start()
        self._is_open = True
        self._sweep = self.clock.call_later(SWEEP_S, self._swept)

    async def stop(self, *, budget_s: float) -> None:
        """No new messages; unread ones are handled; all actors passivate side by side; past `budget_s` they are cut.

        Every ask still open then is answered with ActorStopped. May be called again.
        """
        if not self._is_open:
            return
        self._is_open = False
        if self._sweep is not None:
            self._sweep.cancel()
        await self._retire(list(self._cells()), budget_s)
        for cell in list(self._cells()):
            cell.end(ActorStopped(cell.id, "the node stopped"))
        await asyncio.sleep(0)  # the last answers to other nodes leave in callbacks of their futures
        self.remote.stop()

    async def release(self, shard: int, *, budget_s: float) -> None:
        """Hands a shard back: its actors take no more mail, handle what they have, passivate and go."""
        cells = [cell for cell in self._cells() if shard_of(cell.id) == shard]
        await self._retire(cells, budget_s)
        for cell in cells:
            cell.end(ActorStopped(cell.id, "moved"))

    def cut_off(self) -> None:
        """No other node can be reached: whatever they are being asked is refused now."""
        self.remote.cut_off()

    def unpark(self, actor_id: ActorId) -> bool:
        """Ends a parked actor's cool-down. False if it was not parked."""
        cell = self.kind(actor_id.kind).cells.get(actor_id.key)
        if cell is None or cell.state is not State.PARKED:
            return False
        cell.unpark()
        return True

    async def _retire(self, cells: list[Cell], budget_s: float) -> None:
        for cell in cells:
            if cell.state is not State.GONE:
                cell.retire()
        over: asyncio.Future[None] = self.loop.create_future()
        leaving = _Leaving({cell for cell in cells if cell.state is not State.GONE}, over)
        alarm = self.clock.call_later(budget_s, leaving.give_up)
        self._leavings.append(leaving)
        try:
            if leaving.cells:
                await over
        finally:
            self._leavings.remove(leaving)
            alarm.cancel()

    # What is seen from outside.

    def actors(self, *, most: int = 10_000, kind: str | None = None) -> list[ActorInfo]:
        """The cells that are here now, of one kind or of all, for an inspector."""
        now = self.clock.monotonic()
        cells = (cell for cell in self._cells() if kind in (None, cell.kind.name))
        return [info_of(cell, now) for cell in islice(cells, most)]

    def population(self) -> dict[str, int]:
        """How many cells of each registered kind are here."""
        return {name: len(kind.cells) for name, kind in self._kinds.items()}

    # What cells, kinds and refs call.

    def check_open(self, actor_id: ActorId) -> None:
        if not self._is_open:
            raise Unavailable(actor_id, f"node {self.name} is not running", retry_after_s=1.0)

    def cell_gone(self, cell: Cell) -> None:
        self.cell_count -= 1
        for leaving in self._leavings:
            leaving.gone(cell)

    def bury(self, actor_id: ActorId, message: str, reason: str) -> None:
        """Notes a message that nobody will handle."""
        self.dead_letters.add(self.clock.time(), actor_id, message, reason)
        if self.observer is not None:
            self.observer.dead_letter(actor_id, message, reason)

    def _cells(self) -> Iterator[Cell]:
        return (cell for kind in list(self._kinds.values()) for cell in list(kind.cells.values()))

    def _swept(self) -> None:
        """One sweep for all cells, a slice at a time, so that no pause grows with their number."""
        if not self._is_open:
            return
        self._sweep = self.clock.call_later(SWEEP_S, self._swept)
        now = self.clock.monotonic()
        for _ in range(max(LEAST_SWEPT, self.cell_count // SWEEPS_A_ROUND)):
            cell = next(self._unswept, None)
            if cell is None:
                self._unswept = self._cells()
                break
            cell.sweep(now)


class _Leaving:
    """Cells that are to be gone before a stop or a release ends."""

    def __init__(self, cells: set[Cell], over: asyncio.Future[None]) -> None:
        self.cells = cells
        self._over = over

    def gone(self, cell: Cell) -> None:
        self.cells.discard(cell)
        if not self.cells:
            self.give_up()

    def give_up(self) -> None:
        if not self._over.done():
            self._over.set_result(None)
