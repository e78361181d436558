"""Following one message: each step that it took is a span, kept by the node where it happened."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One step. ``at``: when it began, wall clock in seconds. ``trace``: 32 hexadecimal digits, the same for all."""

    trace: str
    name: str
    node: str
    at: float
    duration_ms: float


class Trace(Protocol):
    """Notes a step that ends now and began at ``since`` (monotonic). Called for followed messages only."""

    def __call__(self, trace: str, name: str, *, since: float) -> None: ...
