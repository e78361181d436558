"""What a cell needs of its kind and of its node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from actors.runtime.actor import Actor
from actors.runtime.clock import Clock
from actors.runtime.directory import Directory
from actors.runtime.envelope import Mail
from actors.runtime.ids import ActorId
from actors.runtime.mailbox import Bounds, LastResort
from actors.runtime.observer import Observer
from actors.runtime.ref import Ref
from actors.runtime.supervisor import RestartPolicy


class Outgoing(Protocol):
    """The way to other nodes."""

    def post(self, to: str, actor_id: ActorId, mail: Mail) -> None: ...


class CellNode(LastResort, Protocol):
    """The node, as far as its cells need it. `check_open` raises Unavailable."""

    @property
    def name(self) -> str: ...
    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def remote(self) -> Outgoing: ...
    @property
    def observer(self) -> Observer | None: ...
    def check_open(self, actor_id: ActorId) -> None: ...
    def ref(self, kind: str, key: str) -> Ref: ...


class CellKind(Bounds, Protocol):
    """The kind, as far as its cells need it."""

    @property
    def node(self) -> CellNode: ...
    @property
    def factory(self) -> Callable[[ActorId], Actor]: ...
    @property
    def idle_after_s(self) -> float | None: ...
    @property
    def patience_s(self) -> float: ...
    @property
    def restarts(self) -> RestartPolicy: ...
    def remove(self, cell: Any) -> None:
        """The cell is gone."""
