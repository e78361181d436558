"""How near texts are in meaning, by the sentence encoder, as far as it answers in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec
import numpy as np

from server.sentences.encoder import Vectors
from server.sentences.process import MAX_TEXTS, ModelAway

WAIT_S: Final = 0.025
MAX_WAITING: Final = 4
"""Orders that are late, beyond which none is added."""
MAX_TEXT: Final = 300

MAX_OTHER: Final = 160
"""Of what was found: how a text begins says what it is about, and twice as long a text takes twice as long."""
MAX_KEPT: Final = 2_000

Encode = Callable[[Sequence[str]], Awaitable[Vectors]]
Order = asyncio.Task[Vectors | None]


class Near(msgspec.Struct, frozen=True):
    """Cosines with a question: of what is always compared, by its key, as far as it was encoded; and of the others in
    their order, None where one of them was late.
    """

    known: Mapping[str, float]
    others: Sequence[float] | None


class Meaning:
    """``known``: texts that are compared with every question, by their keys; they are encoded once, with the first."""

    def __init__(self, *, encode: Encode, known: Mapping[str, str]) -> None:
        self._encode = encode
        self._keys = list(known)
        self._texts = [text[:MAX_TEXT] for text in known.values()]
        self._vectors: Vectors | None = None
        self._kept: dict[str, Vectors] = {}
        self._orders: set[Order] = set()
        self._learning: asyncio.Task[None] | None = None

    def order(self, text: str) -> Order | None:
        """Have a question encoded while it is searched for. None: too many are late."""
        if self._learning is None:
            self._learning = asyncio.create_task(self._learn(), name="assistant: encode the articles")
        return self._ordered([text[:MAX_TEXT]])

    async def near(self, order: Order | None, others: Sequence[str]) -> Near | None:
        """What is near to a question, as far as it is known in time. None: the question itself is late."""
        if order is None:
            return None
        texts = [text[:MAX_OTHER] for text in others]
        orders = [order, *self._orders_of([text for text in dict.fromkeys(texts) if text not in self._kept])]
        await asyncio.wait(orders, timeout=WAIT_S)  # one that is late goes on: to cut it off would end the encoder
        vectors = order.result() if order.done() else None
        if vectors is None:
            return None
        known = self._vectors @ vectors[0] if self._vectors is not None else ()
        return Near(dict(zip(self._keys, map(float, known), strict=False)), self._cosines(texts, vectors[0]))

    def _cosines(self, texts: Sequence[str], question: Vectors) -> Sequence[float] | None:
        found = [self._kept.get(text) for text in texts]
        vectors = [one for one in found if one is not None]
        return [float(one @ question) for one in vectors] if len(vectors) == len(texts) else None

    def _orders_of(self, texts: Sequence[str]) -> Sequence[Order]:
        order = self._ordered(texts) if texts else None
        if order is None:
            return ()
        order.add_done_callback(partial(self._keep, texts))
        return (order,)

    def _ordered(self, texts: Sequence[str]) -> Order | None:
        if len(self._orders) >= MAX_WAITING:
            return None
        order = asyncio.create_task(self._encoded(texts), name="assistant: encode a question")
        self._orders.add(order)
        order.add_done_callback(self._orders.discard)
        return order

    def _keep(self, texts: Sequence[str], order: Order) -> None:
        """What one question finds, others find too."""
        vectors = None if order.cancelled() else order.result()
        if vectors is not None:
            self._kept |= zip(texts, vectors, strict=True)
        while len(self._kept) > MAX_KEPT:
            self._kept.pop(next(iter(self._kept)))

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
            return await self._encode(texts)
        except ModelAway:
            return None
