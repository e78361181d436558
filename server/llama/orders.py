"""What the process that runs a model is told, and what it says when it is ready."""

from __future__ import annotations

import msgspec


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """``model``: path of a GGUF file. ``socket``: path of the Unix socket to listen on. ``context``: in tokens."""

    model: str
    context: int
    threads: int
    memory_bytes: int
    socket: str = ""


class Started(msgspec.Struct, frozen=True):
    """``error``: why there will be no answers, empty where there will."""

    error: str = ""
