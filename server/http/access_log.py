"""A line of the log for a share of the requests, and for each that failed on the server: fields, no prose.

It has the route, not the address that was asked for, and nothing of who asked: a line can be kept without a thought.
The trace id is that of ``X-Request-Id`` and of what else is logged of the request.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class AccessLog:
    """``share`` of 0 logs nothing at all; above it each answer from 500 on is logged besides."""

    def __init__(
        self,
        *,
        share: float,
        draw: Callable[[], float] = random.random,
        write: Callable[..., Any] | None = None,
    ) -> None:
        """``draw`` gives numbers from 0 up to, not including, 1."""
        self._share = share
        self._draw = draw
        self._write = write or log.info

    def note(self, *, method: str, route: str, status: int, seconds: float, sent: int | None, trace_id: str) -> None:
        """``sent``: bytes of the body, None for what was streamed or never sent."""
        if not self._share or (status < 500 and self._draw() >= self._share):
            return
        self._write(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            bytes=sent,
            trace_id=trace_id,
            share=1.0 if status >= 500 else self._share,
        )
