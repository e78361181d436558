"""Who may come in: origins, addresses as seen through trusted proxies, and how many from each."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from random import random
from typing import Final

from server.http.addresses import LOOPBACK, ClientAddresses, is_loopback, limiting_key
from server.http.origins import is_same_origin

_LEAST_RETRY_S = 1.0
_LEAST_RECONNECT_MS = 250


@dataclass(frozen=True, kw_only=True)
class Trusted:
    """``origins``: whose pages may open sessions besides this server's own. ``proxies``: addresses or networks whose
    forwarded addresses are believed.
    """

    origins: Collection[str] = ()
    proxies: Iterable[str] = ()


NOBODY_TRUSTED: Final = Trusted()


class AllowedOrigins:
    """The origins that may open sessions and read the answers. Requests without an Origin come from no page."""

    __slots__ = ("_allowed",)

    def __init__(self, allowed: Collection[str]) -> None:
        """`allowed` as `scheme://host[:port]`, besides the server's own; `*` is everyone, without credentials."""
        self._allowed = frozenset(origin.lower().rstrip("/") for origin in allowed)

    def admits(self, headers: dict[str, str]) -> bool:
        origin = headers.get("origin")
        if origin is None or "*" in self._allowed or origin.lower() in self._allowed:
            return True
        return is_same_origin(origin, headers.get("host", ""))

    def cors(self, headers: dict[str, str]) -> list[tuple[str, str]]:
        """The headers that let a page of an admitted foreign origin read the answer; none for other origins."""
        origin = headers.get("origin")
        if origin is None:
            return []
        if origin.lower() in self._allowed:
            return [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"), _VARY]
        return [("Access-Control-Allow-Origin", "*")] if "*" in self._allowed else [_VARY]


_VARY = ("Vary", "Origin")


class AddressQuota:
    """Turns a peer and its headers into the client's address, and counts sessions of each."""

    __slots__ = ("_clients", "_counts", "_limit", "_limit_loopback")

    def __init__(self, *, trusted_proxies: Iterable[str], limit: int, limit_loopback: bool) -> None:
        """`trusted_proxies` are networks in CIDR form; only what these say of clients is believed."""
        self._clients = ClientAddresses(trusted=trusted_proxies)
        self._limit = limit
        self._limit_loopback = limit_loopback
        self._counts: dict[str, int] = {}

    def client(self, peer: str, headers: dict[str, str]) -> str:
        """The nearest address that is no trusted proxy."""
        forwarded_for, forwarded = headers.get("x-forwarded-for"), headers.get("forwarded")
        return self._clients.of(
            peer,
            forwarded_for=() if forwarded_for is None else (forwarded_for,),
            forwarded=() if forwarded is None else (forwarded,),
        )

    def enter(self, address: str) -> bool:
        """Counts a session in; False when its address has as many as it may."""
        key = self._key(address)
        if key is None:
            return True
        count = self._counts.get(key, 0)
        if count >= self._limit:
            return False
        self._counts[key] = count + 1
        return True

    def leave(self, address: str) -> None:
        """Counts it out."""
        key = self._key(address)
        if key is None:
            return
        count = self._counts.get(key, 0) - 1
        if count > 0:
            self._counts[key] = count
        else:
            self._counts.pop(key, None)

    def of_peer(self, peer: str) -> str | None:
        """What a connection's other end is counted under; None for a trusted proxy, which has the connections of many
        clients, and wherever no limit by address holds."""
        return None if self._clients.is_proxy(peer) else self._key(peer or LOOPBACK)

    def _key(self, address: str) -> str | None:
        return None if is_loopback(address) and not self._limit_loopback else limiting_key(address)


class ConnectionRate:
    """Admits so many new sessions a second, and some at once. A client that comes too early waits, in the order of
    coming. When the wait would be too long, the client is refused with a time of its own to retry at.

    So clients that reconnect together after a cut come in one behind the other, and the others are served meanwhile.
    """

    __slots__ = ("_jitter", "_most_s", "_next", "_slack_s", "_step_s")

    def __init__(self, *, rate: float, burst: int, max_wait_s: float, jitter: Callable[[], float] = random) -> None:
        """`jitter` gives numbers from 0 to 1."""
        self._step_s = 1 / rate
        self._slack_s = burst / rate
        self._most_s = max_wait_s
        self._next = -math.inf
        self._jitter = jitter

    def enter(self, now: float) -> float | None:
        """The seconds until the client's turn, which is reserved for it from now on; None when it must retry later."""
        at = max(self._next, now - self._slack_s)
        if at - now > self._most_s:
            return None
        self._next = at + self._step_s
        return max(0.0, at - now)

    def retry_after_s(self) -> float:
        """When to retry: jittered over the time that the clients that wait now will need."""
        return _LEAST_RETRY_S + self._jitter() * max(_LEAST_RETRY_S, self._most_s)


def reconnect_delays_ms(count: int, *, per_s: float, jitter: Callable[[], float] = random) -> list[int]:
    """When each of `count` clients that are sent away is to come back, in the order of their going: as many a second as
    are let in elsewhere, each at a random moment of its own share, none at once. `jitter` gives numbers from 0 to 1."""
    return [_LEAST_RECONNECT_MS + int((number + jitter()) * 1_000 / per_s) for number in range(count)]
