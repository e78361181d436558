"""A model of what people like together, as bytes and as it is asked."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID
from zipfile import BadZipFile

import numpy as np

from server.features.discovery.recommendations.als import Floats, base_of, fold_in
from server.features.discovery.recommendations.ports import KnownModel
from storage.errors import Unavailable

FORMAT: Final = 1
FRESH_S: Final = 10.0
"""How old may be what a node knows of which version is in use."""
MAX_ITEMS: Final = 1_000_000


class Taste:
    """Items and their factors. Immutable."""

    def __init__(self, ids: Sequence[str], factors: Floats) -> None:
        self.ids = list(ids)
        self.factors = factors
        self._base = base_of(factors)
        self._place = {one: at for at, one in enumerate(self.ids)}

    def person(self, acts: Mapping[str, float]) -> Floats | None:
        """Their factors, of what they have done: id → weight; None where the model knows nothing of it."""
        known = [(self._place[one], weight) for one, weight in acts.items() if one in self._place]
        if not known:
            return None
        return fold_in(self.factors, self._base, [at for at, _ in known], [weight for _, weight in known])

    def score(self, person: Floats, ids: Sequence[str]) -> dict[str, float]:
        """About 0 to 1: how much a person likes each of those of the ids that the model knows."""
        known = [one for one in ids if one in self._place]
        scores = self.factors[[self._place[one] for one in known]] @ person if known else np.zeros(0)
        return {one: float(score) for one, score in zip(known, scores, strict=True)}

    def best(self, person: Floats, count: int) -> list[str]:
        scores = self.factors @ person
        count = min(count, len(scores))
        best = [int(at) for at in np.argpartition(-scores, count - 1)[:count]] if count else []
        return [self.ids[at] for at in sorted(best, key=lambda at: -scores[at])]

    def encode(self) -> bytes:
        out = io.BytesIO()
        ids = np.frombuffer(b"".join(UUID(one).bytes for one in self.ids), dtype=np.uint8).reshape(-1, 16)
        np.savez(out, format=np.array(FORMAT), ids=ids, factors=self.factors)
        return out.getvalue()

    @classmethod
    def decode(cls, content: bytes) -> Taste:
        """Raises ``ValueError`` for what is no model of this format."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as held:
                version, ids, factors = int(held["format"]), held["ids"], held["factors"]
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
            raise ValueError(f"not a model of this kind: {error}") from error
        if version != FORMAT:
            raise ValueError(f"format {version}, where {FORMAT} is read")
        if ids.ndim != 2 or ids.shape[1] != 16 or factors.ndim != 2 or len(ids) != len(factors):
            raise ValueError("its parts do not fit one another")
        if len(ids) > MAX_ITEMS or not np.isfinite(factors).all():
            raise ValueError("too many items, or factors that are no numbers")
        return cls([str(UUID(bytes=bytes(one))) for one in ids], factors.astype(np.float32))


class CurrentTaste:
    """The version in use, loaded when another is. ``None`` without one that can be had."""

    def __init__(self, *, model: KnownModel, monotonic: Callable[[], float]) -> None:
        self._model = model
        self._monotonic = monotonic
        self._asked_at = float("-inf")
        self._version: str | None = None
        self._held: Taste | None = None

    async def get(self) -> Taste | None:
        if self._monotonic() - self._asked_at > FRESH_S:
            self._asked_at = self._monotonic()
            try:
                await self._follow(await self._model.active())
            except Unavailable:  # the version that is held goes on
                return self._held
        return self._held

    async def _follow(self, version: str | None) -> None:
        if version != self._version or self._held is None:
            self._version, self._held = version, None if version is None else await self._loaded(version)

    async def _loaded(self, version: str) -> Taste | None:
        content = await self._model.content(version)
        try:
            return None if content is None else await asyncio.to_thread(Taste.decode, content)
        except ValueError as error:
            self._model.unusable(str(error))
            return None
