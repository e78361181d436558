"""What the assistant asks of an engine: messages in, parts of an answer out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

Role = Literal["system", "user", "assistant", "tool"]
Failure = Literal["unreachable", "refused", "busy", "broken", "late", "cut"]
FAILURES: Final[tuple[Failure, ...]] = ("unreachable", "refused", "busy", "broken", "late", "cut")


class ToolCall(msgspec.Struct, frozen=True):
    """What the engine would have done. ``arguments``: JSON, as it wrote it."""

    id: str
    name: str
    arguments: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """``calls``: of an assistant; ``answers``: of a tool, the id of the call."""

    role: Role
    text: str
    calls: Sequence[ToolCall] = ()
    answers: str = ""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """``parameters``: JSON Schema of its arguments."""

    name: str
    summary: str
    parameters: Mapping[str, Any]


class Delta(msgspec.Struct, frozen=True):
    """The next characters of the answer."""

    text: str


class Usage(msgspec.Struct, frozen=True):
    """Tokens of the question and the answer, as the engine counts them."""

    tokens: int


Part = Delta | ToolCall | Usage


class EngineFailed(Exception):
    """``says`` is for the operator, and repeats neither key nor content."""

    def __init__(self, failure: Failure, says: str) -> None:
        super().__init__(says)
        self.failure = failure


class Engine(Protocol):
    def parts(self, messages: Sequence[Message], tools: Sequence[Tool]) -> AsyncGenerator[Part, None]:
        """An answer as it is made; tool calls come when they are whole. Raises ``EngineFailed``: ``cut`` where the
        answer broke off, anything else before its first part or after. A reader that stops closes it.
        """
        ...

    async def close(self) -> None: ...
