"""One message followed from socket to socket: its steps, kept on the node where each was made."""

from __future__ import annotations

import logging
import random
import secrets
from collections import deque
from collections.abc import Callable
from typing import Final

from actors.runtime import Clock
from actors.tracing import Span

KEPT: Final = 4_096
SEND: Final = "chat:send"
"""The step that all others are part of."""

log = logging.getLogger("server.trace")


class Traces:
    """The last ``keep`` spans of this node; the oldest make room. ``actors.tracing.Trace`` is its ``note``."""

    def __init__(
        self,
        *,
        node: str,
        clock: Clock,
        share: float = 0.0,
        keep: int = KEPT,
        export: Callable[[Span], None] | None = None,
    ) -> None:
        """``share`` of the messages, 0 to 1, are followed without being asked for."""
        self._node = node
        self._clock = clock
        self._share = share
        self._export = export
        self._spans: deque[Span] = deque(maxlen=keep)

    def begin(self, *, is_wanted: bool) -> str | None:
        """A new trace, if this message is one to follow."""
        if is_wanted or (self._share and random.random() < self._share):  # noqa: S311 - a sample, not a secret
            return secrets.token_hex(16)
        return None

    def note(self, trace: str, name: str, *, since: float) -> None:
        took_s = max(0.0, self._clock.monotonic() - since)
        at = self._clock.time() - took_s
        span = Span(trace=trace, name=name, node=self._node, at=at, duration_ms=took_s * 1000)
        self._spans.append(span)
        log.debug("trace=%s %s took %.2f ms", trace, name, span.duration_ms)
        if self._export is not None:
            self._export(span)

    def of(self, trace: str) -> tuple[Span, ...]:
        return tuple(span for span in self._spans if span.trace == trace)
