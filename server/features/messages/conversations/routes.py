"""``/api/v1/conversations`` and who may ask a person into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.messages.conversations import queries
from server.features.messages.conversations.conversations import Conversations
from server.features.messages.conversations.membership import Membership
from server.features.messages.conversations.shapes import (
    ConversationAnswer,
    ConversationChange,
    ConversationsQuery,
    ConversationsShape,
    NewConversation,
    SettingsShape,
)
from server.http.cursors import after_time
from server.http.limits import CallRate
from server.http.operation import USERNAME, UUID, Answer, Call, Operation
from storage.postgres import Database

TAG: Final = "conversations"
ONE: Final = "/api/v1/conversations/{conversation_id}"


class ConversationRoutes:
    def __init__(
        self,
        *,
        conversations: Conversations,
        membership: Membership,
        db: Database,
        new_rate: CallRate,
        rate: CallRate,
    ) -> None:
        self._conversations = conversations
        self._membership = membership
        self._db = db
        self._new_rate = new_rate
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required"}
        done: dict[str, Any] = {"answers": {204: None}, "account_rate": self._rate, **mine}
        of_one: dict[str, Any] = {"paths": {"conversation_id": UUID}, "problems": frozenset({404})}
        of_member: dict[str, Any] = {
            "paths": {"conversation_id": UUID, "username": USERNAME}, "problems": frozenset({403, 404, 409, 422}),
        }  # fmt: skip
        return [
            Operation(
                method="POST", path="/api/v1/conversations", handler=self._begin, name="beginConversation",
                summary="Begin a conversation, or have the direct one that there is (200)", body=NewConversation,
                answers={201: ConversationAnswer, 200: ConversationAnswer}, problems=frozenset({403, 404, 409, 422}),
                idempotent_key=True, account_rate=self._new_rate, **mine,
            ),
            Operation(
                method="GET", path="/api/v1/conversations", handler=self._list, name="listConversations",
                summary="Your conversations, those with the newest activity first", query=ConversationsQuery,
                answers={200: ConversationsShape}, **mine,
            ),
            Operation(
                method="GET", path=ONE, handler=self._one, name="getConversation", summary="One of your conversations",
                answers={200: ConversationAnswer}, **of_one, **mine,
            ),
            Operation(
                method="PATCH", path=ONE, handler=self._rename, name="renameConversation", summary="Title your group",
                body=ConversationChange, answers={200: ConversationAnswer}, account_rate=self._rate,
                paths={"conversation_id": UUID}, problems=frozenset({403, 404, 409}), **mine,
            ),
            Operation(
                method="PUT", path=f"{ONE}/membership", handler=self._accept, name="acceptConversation",
                summary="Be in a conversation that asks you", **of_one, **done,
            ),
            Operation(
                method="DELETE", path=f"{ONE}/membership", handler=self._leave, name="leaveConversation",
                summary="Leave a conversation, or decline it", **of_one, **done,
            ),
            Operation(
                method="PUT", path=f"{ONE}/mute", handler=self._mute, name="muteConversation",
                summary="Be notified of nothing in a conversation", **of_one, **done,
            ),
            Operation(
                method="DELETE", path=f"{ONE}/mute", handler=self._unmute, name="unmuteConversation",
                summary="Be notified of a conversation again", **of_one, **done,
            ),
            Operation(
                method="PUT", path=f"{ONE}/members/{{username}}", handler=self._add, name="addToConversation",
                summary="Ask a person into your group", **of_member, **done,
            ),
            Operation(
                method="DELETE", path=f"{ONE}/members/{{username}}", handler=self._remove,
                name="removeFromConversation", summary="Take a person out of your group", **of_member, **done,
            ),
            Operation(
                method="GET", path="/api/v1/me/conversation-settings", handler=self._settings,
                name="getConversationSettings", summary="Who may ask you into a conversation",
                answers={200: SettingsShape}, **mine,
            ),
            Operation(
                method="PUT", path="/api/v1/me/conversation-settings", handler=self._set,
                name="setConversationSettings", summary="Say who may ask you into a conversation", body=SettingsShape,
                answers={200: SettingsShape}, account_rate=self._rate, **mine,
            ),
        ]  # fmt: skip

    async def _begin(self, call: Call[NewConversation, None]) -> Answer:
        body, me = call.body, call.me.id
        room_id, is_new = await self._membership.begin(me, body.people, body.title)
        shape = ConversationAnswer(conversation=await self._conversations.one(me, room_id))
        return Answer(201 if is_new else 200, shape)

    async def _list(self, call: Call[None, ConversationsQuery]) -> Answer:
        query, me = call.query, call.me.id
        items, following = await self._conversations.page(
            me, state=query.state, before=after_time(query.cursor), limit=query.limit
        )
        unread, requests = await self._conversations.counts(me)
        return Answer(body=ConversationsShape(items=items, next=following, unread=unread, requests=requests))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(body=ConversationAnswer(conversation=await self._conversations.one(call.me.id, _id(call))))

    async def _rename(self, call: Call[ConversationChange, None]) -> Answer:
        await self._membership.rename(call.me.id, _id(call), call.body.title)
        return Answer(body=ConversationAnswer(conversation=await self._conversations.one(call.me.id, _id(call))))

    async def _accept(self, call: Call[None, None]) -> Answer:
        await self._membership.accept(call.me.id, _id(call))
        return Answer(204)

    async def _leave(self, call: Call[None, None]) -> Answer:
        await self._membership.leave(call.me.id, _id(call))
        return Answer(204)

    async def _mute(self, call: Call[None, None]) -> Answer:
        await self._membership.mute(call.me.id, _id(call), is_muted=True)
        return Answer(204)

    async def _unmute(self, call: Call[None, None]) -> Answer:
        await self._membership.mute(call.me.id, _id(call), is_muted=False)
        return Answer(204)

    async def _add(self, call: Call[None, None]) -> Answer:
        await self._membership.add(call.me.id, _id(call), call.path["username"])
        return Answer(204)

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._membership.remove(call.me.id, _id(call), call.path["username"])
        return Answer(204)

    async def _settings(self, call: Call[None, None]) -> Answer:
        chosen = await self._db.fetchval(queries.SETTINGS, call.me.id)
        return Answer(body=SettingsShape(requests_from=chosen or "everyone"))

    async def _set(self, call: Call[SettingsShape, None]) -> Answer:
        await self._db.execute(queries.SET_SETTINGS, call.me.id, call.body.requests_from)
        return Answer(body=call.body)


def _id(call: Call[Any, Any]) -> str:
    return call.path["conversation_id"].lower()
