"""What a model may call. It reads what the asker may see, and what would change something is proposed to the asker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from server.features.town.assistant.engines import Tool, ToolCall
from server.features.town.assistant.passages import Passage
from server.features.town.assistant.proposals import Proposal
from server.features.town.help.shapes import NewTicket
from server.live.viewings import Viewer

MAX_QUERY: Final = 200
OPEN_TICKET: Final = "open_ticket"
_QUERY: Final = {"type": "string", "maxLength": MAX_QUERY}
_OF_QUERY: Final = {"type": "object", "properties": {"query": _QUERY}, "required": ["query"]}
READING: Final = (
    Tool(name="search", summary="Posts, streams and videos that the person may see", parameters=_OF_QUERY),
    Tool(name="find_stream", summary="Streams that are on the air now", parameters=_OF_QUERY),
)
TICKET: Final = Tool(
    name=OPEN_TICKET,
    summary="Propose a ticket to the support, when the person asks for it; the person confirms it or not",
    parameters={
        "type": "object",
        "properties": {"subject": {"type": "string", "maxLength": 150}, "text": {"type": "string", "maxLength": 5_000}},
        "required": ["subject", "text"],
    },
)

Search = Callable[[str, Viewer, bool], Awaitable[Sequence[Passage]]]
"""What a viewer may see of what a query finds; only streams that are on the air where the last is true."""
Propose = Callable[[str, str, dict[str, Any]], Awaitable[Proposal]]


class Query(msgspec.Struct):
    query: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """``says``: to the model, when there are no passages."""

    says: str = ""
    passages: Sequence[Passage] = ()
    proposal: Proposal | None = None


class Tools:
    """``propose``: None where there is no support to write to."""

    def __init__(self, *, search: Search, propose: Propose | None) -> None:
        self._search = search
        self._propose = propose

    @property
    def declared(self) -> Sequence[Tool]:
        return (*READING, TICKET) if self._propose is not None else READING

    async def called(self, call: ToolCall, asker: Viewer, *, may_propose: bool) -> Result:
        """What is not declared, or has other arguments, does nothing."""
        if call.name == OPEN_TICKET and self._propose is not None and asker.id is not None:
            return await self._proposed(call, asker.id) if may_propose else Result(says="One proposal is enough.")
        if call.name in ("search", "find_stream"):
            return await self._found(call, asker)
        return Result(says="There is no such tool.")

    async def _found(self, call: ToolCall, asker: Viewer) -> Result:
        try:
            query = msgspec.json.decode(call.arguments, type=Query).query.replace("\x00", "")
        except (msgspec.DecodeError, RecursionError):
            return Result(says="It takes a query.")
        passages = await self._search(query[:MAX_QUERY], asker, call.name == "find_stream")
        return Result(passages=passages, says="" if passages else "Nothing was found.")

    async def _proposed(self, call: ToolCall, person_id: str) -> Result:
        assert self._propose is not None
        try:
            ticket = NewTicket.model_validate_json(call.arguments)
        except ValidationError:
            return Result(says="It takes a subject and a text.")
        given = {"subject": ticket.subject, "text": ticket.text}
        return Result(
            says="It was proposed; the person decides.", proposal=await self._propose(person_id, OPEN_TICKET, given)
        )
