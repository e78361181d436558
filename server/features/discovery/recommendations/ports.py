"""What recommendations need of other rooms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol, get_args

from server.live.viewings import Viewer

Kind = Literal["streams", "videos", "people", "posts"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

Shows = Callable[[Sequence[str], Viewer], Awaitable[Mapping[str, dict[str, Any]]]]
"""Id → item, of those of at most 100 ids that the viewer may see."""


class KnownModel(Protocol):
    """A model of the registry."""

    async def active(self) -> str | None: ...

    async def content(self, version: str) -> bytes | None:
        """None: it can't be had."""
        ...

    def unusable(self, why: str) -> None:
        """Note for operators why the content can't be used."""
        ...

    async def add(self, version: str, content: bytes, measures: Mapping[str, float], *, activate: bool) -> bool: ...


class Assigns(Protocol):
    """Experiments: the arm of one that a person is in, None while it is not on."""

    async def arm(self, name: str, person_id: str) -> str | None: ...
