"""One registered kind of actor on one node, and its cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from actors.runtime.actor import Actor, Handlers
from actors.runtime.cell import Cell
from actors.runtime.cell_ports import CellNode
from actors.runtime.cell_state import State
from actors.runtime.deadlines import Deadlines
from actors.runtime.envelope import Mail
from actors.runtime.errors import Unavailable
from actors.runtime.ids import ActorId
from actors.runtime.mailbox import Policy
from actors.runtime.supervisor import RestartPolicy
from actors.runtime.turns import Turns


class KindNode(CellNode, Protocol):
    """The node that a kind is registered on."""

    cell_count: int

    @property
    def most_actors(self) -> int: ...
    @property
    def deadlines(self) -> Deadlines: ...
    def cell_gone(self, cell: Cell) -> None: ...


class Kind:
    """How actors of a kind are made and kept, and those that are here now."""

    __slots__ = (
        "_handlers",
        "capacity",
        "cells",
        "factory",
        "idle_after_s",
        "name",
        "node",
        "patience_s",
        "policy",
        "restarts",
        "turns",
        "vacant",
    )  # fmt: skip

    def __init__(
        self,
        *,
        node: KindNode,
        turns: Turns,
        name: str,
        factory: Callable[[ActorId], Actor],
        capacity: int,
        policy: Policy,
        idle_after_s: float | None,
        patience_s: float,
        restarts: RestartPolicy,
    ) -> None:
        self.node = node
        self.turns = turns
        self.name = name
        self.factory = factory
        self.capacity = capacity
        self.policy: Policy = policy
        self.idle_after_s = idle_after_s
        self.patience_s = patience_s
        self.restarts = restarts
        self.cells: dict[str, Cell] = {}
        self.vacant = Cell(self, "", State.GONE)
        self._handlers: Handlers | None = None

    def handlers(self, actor_id: ActorId) -> Handlers:
        """The handlers of this kind's class. Before the first activation an actor is made just to be looked at."""
        if self._handlers is None:
            self._handlers = type(self.factory(actor_id)).handlers
        return self._handlers

    def admit(self, key: str, mail: Mail) -> Cell:
        """The long way into a mailbox: finds, makes or forwards. The cell to try first next time.

        Raises MailboxFull or Unavailable, and then the message went nowhere.
        """
        cell = self.cells.get(key)
        if cell is not None:
            cell.accept(mail)
            return cell
        node = self.node
        node.check_open(ActorId(self.name, key))
        actor_id = ActorId(self.name, key)
        placement = node.directory.cached(actor_id)
        if placement is not None and placement.node != node.name:
            node.remote.post(placement.node, actor_id, mail)
            return self.vacant
        if node.cell_count >= node.most_actors:
            raise Unavailable(actor_id, "the node is full", retry_after_s=1.0)
        cell = self.cells[key] = Cell(self, key, State.RESOLVING)
        node.cell_count += 1
        cell.accept(mail)
        cell.begin(placement)
        return cell

    def remove(self, cell: Cell) -> None:
        del self.cells[cell.key]
        self.node.cell_gone(cell)
