"""The plain connections of a port, by address: those that carry HTTP or polling, and those that have sent nothing yet.

A client may keep a connection open without a request at work on it, and a server may close one like that at any time
(RFC 9112 section 9.5). So a new connection of an address that has as many as it may takes the place of the one that
has been idle for the longest. When the whole port is full, the address that holds most makes room. A connection whose
request is being answered is never closed for another one.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import Any, Protocol


class Plain(Protocol):
    """A connection, as it is counted here."""

    peer: str
    active_at: float  # when a request of it, or a piece of a body, came last

    def is_idle(self) -> bool:
        """Whether nothing of it is being answered: it has sent nothing, a part of a request, or its last answer is
        out."""
        ...

    def abort(self) -> None:
        """Closes it at once."""
        ...


class Admission(enum.Enum):
    """What becomes of a new connection."""

    ADMITTED = enum.auto()
    PORT_FULL = enum.auto()
    ADDRESS_FULL = enum.auto()


class PlainConnections:
    """Counts connections, of all and of each address. Connections whose address has no key are in the whole alone."""

    __slots__ = ("_all", "_by_key", "_key", "_most", "_per_address", "evicted")

    def __init__(self, *, most: int, per_address: int, key: Callable[[str], str | None]) -> None:
        """`key` gives what a peer is counted under; None where no bound by address holds (a proxy, loopback)."""
        self._most = most
        self._per_address = per_address
        self._key = key
        self._all: set[Plain] = set()
        self._by_key: dict[str, set[Plain]] = {}
        self.evicted = 0  # idle connections that were closed for another one, since the start

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Any]:
        """Those that are counted now; they may leave meanwhile."""
        return iter(tuple(self._all))

    def enter(self, connection: Plain, *, others: int = 0) -> Admission:
        """Counts a connection in, if there is room or an idle one can be closed for it.

        `others` is how much of the port's room is taken by what is not counted here.
        """
        key = self._key(connection.peer)
        own = self._by_key.get(key, set()) if key is not None else set()
        if len(own) >= self._per_address and not self._evict(own):
            return Admission.ADDRESS_FULL
        if len(self._all) + others >= self._most and not self._evict(self._largest()):
            return Admission.PORT_FULL
        self._all.add(connection)
        if key is not None:
            self._by_key.setdefault(key, set()).add(connection)
        return Admission.ADMITTED

    def leave(self, connection: Plain) -> None:
        """Counts a connection out; no matter when it is not in."""
        if connection not in self._all:
            return
        self._all.discard(connection)
        key = self._key(connection.peer)
        own = self._by_key.get(key) if key is not None else None
        if own is None or key is None:
            return
        own.discard(connection)
        if not own:
            del self._by_key[key]

    def _largest(self) -> set[Plain]:
        """The connections of the address that holds most."""
        return max(self._by_key.values(), key=len, default=set())

    def _evict(self, connections: set[Plain]) -> bool:
        """Closes the one that has been idle for the longest; False when each has something at work."""
        idle = min((one for one in connections if one.is_idle()), key=lambda one: one.active_at, default=None)
        if idle is None:
            return False
        self.evicted += 1
        self.leave(idle)
        idle.abort()
        return True
