"""The text model: the encoder with the heads of the version that is in use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import msgspec

from server.features.safety.screening.heads import BadHeads, Heads, Scores, read
from server.features.safety.screening.verdicts import pieces_of
from server.sentences.encoder import Vectors
from server.sentences.process import ModelAway

NAME: Final = "text"
SUMMARY: Final = "Toxicity, spam and sentiment of texts in English and Arabic"
FALLBACK: Final = "Texts are judged by the words and rules alone, shown, and judged again later"
FOLDER: Final = Path(__file__).with_name("versions")
MAX_MOOD: Final = 200

Encode = Callable[[Sequence[str]], Awaitable[Vectors]]


class ShippedHeads(msgspec.Struct, frozen=True, kw_only=True):
    """A version that comes with the server. ``load`` answers its file, or raises an ``OSError``."""

    version: str
    measures: Mapping[str, float]
    load: Callable[[], Awaitable[bytes]]


class Versions(Protocol):
    """The versions of the model, of which operators choose one: a model of the registry."""

    why: str

    async def active(self) -> str | None:
        """The version in use; None: there is none."""
        ...

    async def content(self, version: str) -> bytes | None:
        """None: it can't be had, ``why``."""
        ...

    def unusable(self, why: str) -> None:
        """Operators see why."""
        ...


class TextModel:
    def __init__(self, *, versions: Versions, encode: Encode) -> None:
        self._versions = versions
        self._encode = encode
        self._heads: tuple[str, Heads] | None = None

    async def scores(self, texts: Sequence[str]) -> tuple[str, list[Scores]]:
        """The version, and the scores of each text. Raises ``ModelAway``."""
        heads = await self._in_use()
        return heads.version, heads.scores(await self._encode(texts))

    async def mood(self, texts: Sequence[str]) -> float:
        """Of messages, the newest ``MAX_MOOD`` at most: from -1 (bad) to 1 (good), 0 where there are none.

        Raises ``ModelAway``.
        """
        pieces = [piece for text in texts[-MAX_MOOD:] for piece in pieces_of(text)[:1]]
        if not pieces:
            return 0.0
        _, scores = await self.scores(pieces)
        return sum(one.sentiment for one in scores) / len(scores)

    async def _in_use(self) -> Heads:
        version = await self._versions.active()
        if version is None:
            raise ModelAway("there is no version of the text model")
        if self._heads is None or self._heads[0] != version:
            self._heads = (version, await self._read(version))
        return self._heads[1]

    async def _read(self, version: str) -> Heads:
        try:
            content = await self._versions.content(version)
            if content is None:
                raise ModelAway(self._versions.why)
            return read(content)
        except (BadHeads, OSError) as error:
            self._versions.unusable(str(error))
            raise ModelAway(str(error)) from None


def shipped() -> list[ShippedHeads]:
    """Of the files beside this one, the oldest first; what cannot be read is left out."""
    return [
        ShippedHeads(version=path.stem, measures=_measures(path), load=partial(asyncio.to_thread, path.read_bytes))
        for path in sorted(FOLDER.glob("*.json"), key=lambda path: int(path.stem))
    ]


def _measures(path: Path) -> Mapping[str, float]:
    try:
        return read(path.read_bytes()).measures
    except (OSError, BadHeads):
        return {}
