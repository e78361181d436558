"""Acts on messages and people of a room over Socket.IO. The room's actor judges who may, and carries them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from actors.chat_messages import (
    ClearRoom,
    DeleteChat,
    EditChat,
    PinChat,
    PostChat,
    PurgePerson,
    ReactToChat,
    ReadHeld,
    ReviewChat,
    SanctionPerson,
    SetChatMode,
    SetRole,
)
from actors.runtime import Node
from actors.session import Session
from actors.text import clean_line
from server.live.acks import Ack
from server.live.bodies import (
    Announce,
    Ban,
    DeleteMessage,
    Edit,
    Mode,
    OfPerson,
    OfRoom,
    Pin,
    ReactTo,
    Review,
    Role,
    TimeOut,
)
from server.live.edge.socket import Socket
from server.live.events import Done, HeldWaiting, ModeSet, Sent
from server.live.rooms import Rooms, author_of, sent
from server.socket_events import ClientEvent


class RoomModeration:
    """The events of moderators, and of who edits or reacts to messages."""

    def __init__(self, *, node: Node, rooms: Rooms, new_id: Callable[[], str]) -> None:
        self._node = node
        self._rooms = rooms
        self._new_id = new_id

    def events(self) -> Sequence[ClientEvent]:
        return [
            ClientEvent(
                name="chat:delete", shape=DeleteMessage, ack=Done, handler=self._delete, sender="moderator",
                summary="Delete a message; it keeps its place",
            ),
            ClientEvent(
                name="chat:edit", shape=Edit, ack=Done, handler=self._edit,
                summary="Replace the text of your own message in a conversation, within 15 minutes",
            ),
            ClientEvent(
                name="chat:react", shape=ReactTo, ack=Done, handler=self._react,
                summary="React to a message of a conversation, or take the reaction away",
            ),
            ClientEvent(
                name="chat:pin", shape=Pin, ack=Done, handler=self._pin, sender="moderator",
                summary="Pin a message, or none",
            ),
            ClientEvent(
                name="chat:timeout", shape=TimeOut, ack=Done, handler=self._time_out, sender="moderator",
                summary="Keep a person from writing for some time",
            ),
            ClientEvent(
                name="chat:ban", shape=Ban, ack=Done, handler=self._ban, sender="moderator",
                summary="Ban a person from writing",
            ),
            ClientEvent(
                name="chat:unban", shape=OfPerson, ack=Done, handler=self._unban, sender="moderator",
                summary="Let a person write again",
            ),
            ClientEvent(
                name="chat:mode", shape=Mode, ack=ModeSet, handler=self._mode, sender="moderator",
                summary="Change who may write how; `shield` is one switch to a strict mode and back",
            ),
            ClientEvent(
                name="chat:purge", shape=OfPerson, ack=Done, handler=self._purge, sender="moderator",
                summary="Delete all messages of a person in the room",
            ),
            ClientEvent(
                name="chat:clear", shape=OfRoom, ack=Done, handler=self._clear, sender="moderator",
                summary="Delete all messages of the room; they keep their places",
            ),
            ClientEvent(
                name="chat:announce", shape=Announce, ack=Sent, handler=self._announce, sender="moderator",
                summary="Write a message that is set apart",
            ),
            ClientEvent(
                name="chat:review", shape=Review, ack=Done, handler=self._review, sender="moderator",
                summary="Post a message that was held, or refuse it",
            ),
            ClientEvent(
                name="chat:queue", shape=OfRoom, ack=HeldWaiting, handler=self._queue, sender="moderator",
                summary="The messages that wait for a moderator",
            ),
            ClientEvent(
                name="chat:role", shape=Role, ack=Done, handler=self._role, sender="owner",
                summary="Make a person a moderator or VIP of the room, or a viewer like any other",
            ),
        ]  # fmt: skip

    async def _delete(self, socket: Socket, session: Session, body: DeleteMessage) -> Ack:
        reason = clean_line(body.reason)
        delete = DeleteChat(by=author_of(session), message_id=body.message_id, reason=reason)
        return await self._moderate(session, body.room_id, delete)

    async def _edit(self, socket: Socket, session: Session, body: Edit) -> Ack:
        edit = EditChat(by=author_of(session), message_id=body.message_id, text=body.text)
        return await self._moderate(session, body.room_id, edit)

    async def _react(self, socket: Socket, session: Session, body: ReactTo) -> Ack:
        react = ReactToChat(by=author_of(session), message_id=body.message_id, emoji=body.emoji, is_on=body.on)
        return await self._moderate(session, body.room_id, react)

    async def _purge(self, socket: Socket, session: Session, body: OfPerson) -> Ack:
        purge = PurgePerson(by=author_of(session), user_id=body.user_id, reason=clean_line(body.reason))
        return await self._moderate(session, body.room_id, purge)

    async def _clear(self, socket: Socket, session: Session, body: OfRoom) -> Ack:
        return await self._moderate(session, body.room_id, ClearRoom(by=author_of(session)))

    async def _role(self, socket: Socket, session: Session, body: Role) -> Ack:
        return await self._moderate(
            session, body.room_id, SetRole(by=author_of(session), user_id=body.user_id, role=body.role)
        )

    async def _review(self, socket: Socket, session: Session, body: Review) -> Ack:
        review = ReviewChat(by=author_of(session), message_id=body.message_id, allow=body.allow)
        return await self._moderate(session, body.room_id, review)

    async def _queue(self, socket: Socket, session: Session, body: OfRoom) -> Ack:
        await self._rooms.known(session, body.room_id)
        waiting = await self._node.ref("chat", body.room_id).ask(ReadHeld(by=author_of(session)))
        return {"ok": True, "held": list(waiting)}

    async def _announce(self, socket: Socket, session: Session, body: Announce) -> Ack:
        client_id = body.client_id or self._new_id()
        post = PostChat(author=author_of(session), text=body.text, client_id=client_id, is_announcement=True)
        await self._rooms.known(session, body.room_id)
        return sent(await self._node.ref("chat", body.room_id).ask(post))

    async def _pin(self, socket: Socket, session: Session, body: Pin) -> Ack:
        return await self._moderate(session, body.room_id, PinChat(by=author_of(session), message_id=body.message_id))

    async def _time_out(self, socket: Socket, session: Session, body: TimeOut) -> Ack:
        return await self._sanction(session, body, body.seconds)

    async def _ban(self, socket: Socket, session: Session, body: Ban) -> Ack:
        return await self._sanction(session, body, body.seconds)

    async def _unban(self, socket: Socket, session: Session, body: OfPerson) -> Ack:
        return await self._sanction(session, body, 0)

    async def _sanction(self, session: Session, body: OfPerson, seconds: int | None) -> Ack:
        reason = clean_line(body.reason)
        sanction = SanctionPerson(by=author_of(session), user_id=body.user_id, seconds=seconds, reason=reason)
        return await self._moderate(session, body.room_id, sanction)

    async def _mode(self, socket: Socket, session: Session, body: Mode) -> Ack:
        changes = {
            name: value for name, value in msgspec.structs.asdict(body.mode).items() if value is not msgspec.UNSET
        }
        by = author_of(session)
        await self._rooms.known(session, body.room_id)
        mode = await self._node.ref("chat", body.room_id).ask(SetChatMode(by=by, changes=changes))
        return {"ok": True, "mode": msgspec.to_builtins(mode)}

    async def _moderate(self, session: Session, room_id: str, message: Any) -> Ack:
        await self._rooms.known(session, room_id)
        await self._node.ref("chat", room_id).ask(message)
        return {"ok": True}
