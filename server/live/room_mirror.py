"""What a node knows of one room that its sockets are in: the room up to an offset, ready for the wire. Pure."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec

from actors.chat_messages import RECENT, RoomSnapshot
from actors.chat_recent import badges_with
from actors.chat_rules import RoomRole
from actors.events import ChatChange, ChatPosted

WRITER_S = 1.0
MAX_WRITERS = 10_000


def topic_of(room_id: str) -> str:
    """The topic of the fan-out to which the sockets in a room are subscribed."""
    return f"room:{room_id}"


class RoomMirror:
    """One room as its sockets know it. ``recent`` holds wire-ready messages, ascending, without a gap.

    ``deletions`` counts the events that deleted messages: what was read from the log before may not be shown after.
    """

    def __init__(self, snapshot: RoomSnapshot) -> None:
        self.room_id = snapshot.room_id
        self.topic = topic_of(snapshot.room_id)
        self.stream_id = snapshot.stream_id
        self.is_private = snapshot.is_private
        self.owner_id = snapshot.owner_id
        self.epoch = snapshot.epoch
        self.offset = snapshot.offset
        self.mode: dict[str, Any] = msgspec.to_builtins(snapshot.mode)
        self.roles: dict[str, RoomRole] = {
            **dict.fromkeys(snapshot.vips, "vip"), **dict.fromkeys(snapshot.moderators, "moderator"),
        }  # fmt: skip
        self.deletions = 0
        self.pinned = snapshot.pinned
        self.recent: deque[dict[str, Any]] = deque(snapshot.messages, maxlen=RECENT)
        self.held: deque[ChatPosted | ChatChange] = deque()
        self.top = snapshot.offset
        self.is_unused = False
        self.repair: asyncio.Task[None] | None = None
        self.ruled_at = 0
        self._writers: dict[str, float] = {}
        self.encoded: dict[Any, bytes] = {}  # the tail, for each way of writing it; empty when it has changed

    def tail(self, limit: int) -> list[dict[str, Any]]:
        """The latest ``limit`` messages."""
        return list(self.recent)[-limit:] if limit > 0 else []

    def since(self, offset: int) -> list[dict[str, Any]] | None:
        """Everything after ``offset``, or None when that reaches further back than the mirror does."""
        if offset >= self.offset:
            return []
        if not self.recent or self.recent[0]["offset"] > offset + 1:
            return None
        return list(self.recent)[offset - self.offset :]

    def extend(self, messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take what is new, in order; what of it was new."""
        new = [message for message in messages if message["offset"] > self.offset]
        if new:
            self.encoded.clear()
            self.recent.extend(new)
            self.offset = new[-1]["offset"]
        return new

    def is_writer(self, person_id: str, *, at: float) -> bool:
        """Whether the room has answered within ``WRITER_S`` that this person may write, and no rule changed since."""
        return self._writers.get(person_id, 0.0) > at

    def note_writer(self, person_id: str, *, at: float) -> None:
        if len(self._writers) >= MAX_WRITERS:
            self._writers.clear()
        self._writers[person_id] = at + WRITER_S

    def forget_writers(self) -> None:
        """Who may write here has changed: ``ruled_at`` counts how often."""
        self.ruled_at += 1
        self._writers.clear()

    def by(self, user_id: str) -> list[dict[str, Any]]:
        """What is here of this person's messages."""
        return [message for message in self.recent if message.get("user", {}).get("id") == user_id]

    def rename(self, user_id: str, display_name: str) -> None:
        """The person has another display name, in messages of before too. What was sent before stays as it was."""
        self.encoded.clear()
        self.recent = deque((_renamed(one, user_id, display_name) for one in self.recent), maxlen=RECENT)
        if self.pinned is not None:
            self.pinned = _renamed(self.pinned, user_id, display_name)

    def forget(self, message_id: str) -> None:
        """A message was deleted: its place stays."""
        self.encoded.clear()
        self.deletions += 1
        for index, message in enumerate(self.recent):
            if message["id"] == message_id:
                self.recent[index] = _as_deleted(message)

    def restore(self, message: dict[str, Any]) -> None:
        """A message is deleted no longer."""
        self.encoded.clear()
        for index, kept in enumerate(self.recent):
            if kept["id"] == message["id"]:
                self.recent[index] = message

    def change(self, message_id: str, **fields: Any) -> None:
        """The message has other values of these fields."""
        self.encoded.clear()
        for index, message in enumerate(self.recent):
            if message["id"] == message_id and "user" in message:
                self.recent[index] = {**message, **fields}

    def clear(self, up_to: int, user_id: str | None) -> None:
        """What this person (None: what anybody) wrote up to this offset was deleted."""
        self.encoded.clear()
        self.deletions += 1
        for index, message in enumerate(self.recent):
            is_theirs = user_id is None or message.get("user", {}).get("id") == user_id
            if message["offset"] <= up_to and is_theirs:
                self.recent[index] = _as_deleted(message)

    def set_role(self, user_id: str, role: RoomRole | None) -> None:
        """The person has another role, and its badge on all that they wrote."""
        self.encoded.clear()
        self.roles.pop(user_id, None)
        if role is not None:
            self.roles[user_id] = role
        self.recent = deque((_with_role(one, user_id, role) for one in self.recent), maxlen=RECENT)
        if self.pinned is not None:
            self.pinned = _with_role(self.pinned, user_id, role)


def _as_deleted(message: dict[str, Any]) -> dict[str, Any]:
    return {"id": message["id"], "offset": message["offset"], "deleted": True}


def _with_role(message: dict[str, Any], user_id: str, role: RoomRole | None) -> dict[str, Any]:
    user = message.get("user")
    if user is None or user["id"] != user_id:
        return message
    return {**message, "user": {**user, "badges": badges_with(user["badges"], role)}}


def _renamed(message: dict[str, Any], user_id: str, display_name: str) -> dict[str, Any]:
    user = message.get("user")
    if user is None or user["id"] != user_id:
        return message
    return {**message, "user": {**user, "display_name": display_name}}
