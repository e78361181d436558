"""The actors of a node, as an inspector shows them."""

from __future__ import annotations

import msgspec

from actors.runtime.cell import Cell
from actors.runtime.cell_state import State
from actors.runtime.ids import ActorId


class ActorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One cell, as an inspector shows it. `idle_s` is None unless the actor rests."""

    id: ActorId
    state: str
    unread: int
    capacity: int
    handled: int
    restarts: int
    epoch: int | None
    slowest_s: float
    slowest_message: str
    timers: int
    tasks: int
    promised: int
    idle_s: float | None
    parked_reason: str | None
    retry_after_s: float | None


def info_of(cell: Cell, now: float) -> ActorInfo:
    context = cell.context
    timers, tasks, promised = context.owned if context is not None else (0, 0, 0)
    is_parked = cell.state is State.PARKED
    return ActorInfo(
        id=cell.id,
        state=cell.state.value,
        unread=len(cell.mail),
        capacity=cell.kind.capacity,
        handled=cell.handled,
        restarts=cell.restarts,
        epoch=context.epoch if context is not None else None,
        slowest_s=cell.slowest_s,
        slowest_message=cell.slowest_name,
        timers=timers,
        tasks=tasks,
        promised=promised,
        idle_s=now - cell.since if cell.state is State.ACTIVE else None,
        parked_reason=cell.parked_reason if is_parked else None,
        retry_after_s=max(0.0, cell.since - now) if is_parked else None,
    )
