"""All Engine.IO sessions of one server: by id, their deadlines, and those that are slow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from server.live.edge import websocket
from server.live.edge.limits import EdgeLimits
from server.live.edge.session import EngineSession
from server.live.edge.wheel import HasDeadline, Wheel

_log: Final = logging.getLogger(__name__)

_STOOD_STILL_S: Final = 1.0


class EngineSessions:
    """All sessions of one port, and what they share."""

    __slots__ = ("_is_put_off", "_swept_at", "by_sid", "clock", "forget", "limits", "node_tag", "slow", "wheel")

    def __init__(
        self, *, limits: EdgeLimits, clock: Callable[[], float], forget: Callable[[str], None], node_tag: str = ""
    ) -> None:
        """`forget` is called with the address of each session that is over."""
        self.limits = limits
        self.forget = forget
        self.node_tag = node_tag
        self.clock = clock
        tick_s = min(0.1, limits.ping_interval_s / 20, limits.ping_timeout_s / 20)
        self.wheel: Wheel[HasDeadline] = Wheel(tick_s=tick_s, now=clock())
        self.by_sid: dict[str, EngineSession] = {}
        self.slow: dict[EngineSession, float] = {}  # since when
        self._swept_at = clock()
        self._is_put_off = False

    def is_behind(self, now: float) -> bool:
        """Whether we stood still ourselves, and what has arrived meanwhile may not have been read."""
        return self._is_put_off or now - self._swept_at >= self.wheel.tick_s + _STOOD_STILL_S

    def opened(self, session: EngineSession) -> None:
        self.by_sid[session.sid] = session

    def slowed(self, session: EngineSession) -> None:
        self.slow[session] = self.clock()

    def caught_up(self, session: EngineSession) -> None:
        self.slow.pop(session, None)

    def ended(self, session: EngineSession) -> None:
        """Its address may have one more. Idempotent."""
        if self.by_sid.pop(session.sid, None) is not None:
            self.forget(session.remote)

    def sweep(self, now: float) -> None:
        """Carries out every deadline that has passed, once each tick.

        A sweep that comes late finds that this process stood still (stopped, or paused with the machine). Then what
        has arrived is to be read before a client is taken for gone: the deadlines wait for the next sweep, but never
        twice in a row."""
        self._is_put_off = not self._is_put_off and self.is_behind(now)
        self._swept_at = now
        if not self._is_put_off:
            self._keep_deadlines(now)

    def _keep_deadlines(self, now: float) -> None:
        for item in self.wheel.expired(now):
            try:
                due = item.check(now)
            except Exception:
                _log.exception("a deadline could not be kept")
                continue
            if due is not None:
                self.wheel.add(item, due)
        if self.slow:
            self._sweep_slow(now)

    def _sweep_slow(self, now: float) -> None:
        for session, since in list(self.slow.items()):
            if now - since >= self.limits.slow_timeout_s:
                session.close("slow consumer", code=websocket.POLICY_VIOLATION)
