"""How near texts are in meaning, by the sentence encoder, as far as it answers in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import numpy as np

from server.sentences.encoder import Vectors
from server.sentences.process import MAX_TEXTS, ModelAway

WAIT_S: Final = 0.025
MAX_WAITING: Final = 4
"""Orders that are late, beyond which none is added."""
MAX_TEXT: Final = 300

Encode = Callable[[Sequence[str]], Awaitable[Vectors]]


class Meaning:
    """``known``: texts that are compared with every question, by their keys; they are encoded once, with the first."""

    def __init__(self, *, encode: Encode, known: Mapping[str, str]) -> None:
        self._encode = encode
        self._keys = list(known)
        self._texts = [text[:MAX_TEXT] for text in known.values()]
        self._vectors: Vectors | None = None
        self._orders: set[asyncio.Task[Vectors | None]] = set()
        self._learning: asyncio.Task[None] | None = None

    async def near(self, text: str, others: Sequence[str]) -> tuple[Mapping[str, float], Sequence[float]] | None:
        """Cosines of the text with all that is known, as far as it was encoded, and with the others; None: too late."""
        if self._learning is None:
            self._learning = asyncio.create_task(self._learn(), name="assistant: encode the articles")
        if len(self._orders) >= MAX_WAITING:
            return None
        order = asyncio.create_task(self._encoded([text, *others]), name="assistant: encode a question")
        self._orders.add(order)
        order.add_done_callback(self._orders.discard)
        done, _ = await asyncio.wait({order}, timeout=WAIT_S)
        vectors = order.result() if done else None  # one that is late goes on: to cut it off would end the encoder
        if vectors is None:
            return None
        known = self._vectors @ vectors[0] if self._vectors is not None else ()
        return dict(zip(self._keys, map(float, known), strict=False)), [float(one) for one in vectors[1:] @ vectors[0]]

    async def close(self) -> None:
        for task in [*self._orders, *([self._learning] if self._learning is not None else [])]:
            task.cancel()
        await asyncio.gather(*self._orders, return_exceptions=True)

    async def _learn(self) -> None:
        parts: list[Vectors] = []
        for at in range(0, len(self._texts), MAX_TEXTS):
            vectors = await self._encoded(self._texts[at : at + MAX_TEXTS])
            if vectors is None:
                return
            parts.append(vectors)
        self._vectors = np.concatenate(parts) if parts else None

    async def _encoded(self, texts: Sequence[str]) -> Vectors | None:
        try:
            return await self._encode([text[:MAX_TEXT] for text in texts])
        except ModelAway:
            return None
