"""``/api/v1/assistant``: the state, conversations, and what waits for a person's word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from server.features.town.assistant.answering import Answering
from server.features.town.assistant.asking import Asking
from server.features.town.assistant.budget import Budget
from server.features.town.assistant.conversations import Conversations
from server.features.town.assistant.proposals import Proposals
from server.features.town.assistant.shapes import (
    AskBody,
    AssistantShape,
    ConversationShape,
    ConversationsShape,
    DoneShape,
    SaidShape,
    SaidsShape,
)
from server.http.cursors import after_id, page_of
from server.http.errors import Problem
from server.http.limits import CallRate, hourly
from server.http.operation import Answer, Call, MediaType, Operation
from server.http.shapes import PageQuery

TAG: Final = "assistant"
ONE: Final = "/api/v1/assistant/conversations/{conversation_id}"
CONFIRMATION: Final = "/api/v1/assistant/confirmations/{proposal_id}"
ASKING: Final = CallRate("assistant", per_s=0.2, burst=10)
DECIDING: Final = hourly("assistant_decisions", 120)
EVENTS: Final = (
    "Server-sent events, each a JSON object: `{delta}`, the next characters; `{proposal: {id, tool, arguments, "
    "expires_at}}`, which waits for `POST /assistant/confirmations/{id}`; and last `{sources, complete, "
    "conversation_id}`, where `complete` is false if the model failed or broke off"
)


class AssistantRoutes:
    """``answering``: None where the operator wants no assistant."""

    def __init__(
        self,
        *,
        answering: Answering | None,
        asking: Callable[[Answering], Asking],
        budget: Budget,
        conversations: Conversations,
        proposals: Proposals,
    ) -> None:
        self._answering = answering
        self._asking = asking(answering) if answering is not None else None
        self._budget = budget
        self._conversations = conversations
        self._proposals = proposals

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "problems": frozenset({404})}
        decided = mine | {"problems": frozenset({404, 409, 410}), "account_rate": DECIDING}
        return [
            Operation(
                method="GET", path="/api/v1/assistant", handler=self._state, name="getAssistant",
                answers={200: AssistantShape}, summary="Whether there is an assistant, and what you may ask it today",
                **mine,
            ),
            Operation(
                method="POST", path="/api/v1/assistant/messages", handler=self._ask, name="askAssistant",
                body=AskBody, answers={200: MediaType(media_type="text/event-stream", description=EVENTS)},
                headers={"Conversation-Id": "Of the conversation, before the answer is whole"},
                account_rate=ASKING, summary="Ask the assistant; it answers from what you may see, in your language",
                **(mine | {"problems": frozenset({404, 409, 429, 503})}),
            ),
            Operation(
                method="GET", path="/api/v1/assistant/conversations", handler=self._list, query=PageQuery,
                name="listAssistantConversations", answers={200: ConversationsShape},
                summary="Your conversations with the assistant", **mine,
            ),
            Operation(
                method="GET", path=f"{ONE}/messages", handler=self._messages, query=PageQuery,
                name="listAssistantMessages", answers={200: SaidsShape}, summary="What was asked and answered", **mine,
            ),
            Operation(
                method="DELETE", path=ONE, handler=self._remove, name="deleteAssistantConversation",
                answers={204: None}, summary="Remove a conversation", **(mine | {"account_rate": DECIDING}),
            ),
            Operation(
                method="POST", path=CONFIRMATION, handler=self._confirm, name="confirmProposal",
                answers={200: DoneShape}, summary="Have it done what the assistant has proposed, once", **decided,
            ),
            Operation(
                method="DELETE", path=CONFIRMATION, handler=self._decline, name="declineProposal",
                answers={204: None}, summary="Have it not done", **decided,
            ),
        ]  # fmt: skip

    async def _state(self, call: Call[None, None]) -> Answer:
        if self._answering is None:
            raise is_off()
        left = await self._budget.left(call.me.id)
        return Answer(
            body=AssistantShape(
                engine="model" if self._answering.has_model else "articles",
                questions_left=left.questions,
                tokens_left=left.tokens,
                resets_at=left.until,
            )
        )

    async def _ask(self, call: Call[AskBody, None]) -> Any:
        if self._asking is None:
            raise is_off()
        return await self._asking.ask(call)

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        rows = await self._conversations.page(call.me.id, after_id(call.query.cursor), call.query.limit + 1)
        shown, following = page_of(rows, call.query.limit, lambda row: (0, row["id"]))
        items = [ConversationShape.model_validate(dict(row)) for row in shown]
        return Answer(body=ConversationsShape(items=items, next=following))

    async def _messages(self, call: Call[None, PageQuery]) -> Answer:
        rows = await self._conversations.messages(
            call.me.id, call.path["conversation_id"], after_id(call.query.cursor), call.query.limit + 1
        )
        shown, following = page_of(rows, call.query.limit, lambda row: (0, row["id"]))
        return Answer(body=SaidsShape(items=[SaidShape.model_validate(dict(row)) for row in shown], next=following))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._conversations.remove(call.me.id, call.path["conversation_id"])
        return Answer(204)

    async def _confirm(self, call: Call[None, None]) -> Answer:
        done = await self._proposals.confirm(call.me.id, call.path["proposal_id"])
        return Answer(body=DoneShape(tool=done.tool, title=done.title, url=done.url))

    async def _decline(self, call: Call[None, None]) -> Answer:
        await self._proposals.decline(call.me.id, call.path["proposal_id"])
        return Answer(204)


def is_off() -> Problem:
    return Problem(404, "This server has no assistant", slug="assistant-off")
