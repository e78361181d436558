"""Messages that wait for a moderator, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from actors.chat_review import Decision, HeldMessage
from actors.runtime import Fence
from storage.chat_held import ChatHeld
from storage.memory.tables import Tables


class MemoryHeldMessages:
    """As ``HeldMessages``."""

    def __init__(self, *, tables: Tables) -> None:
        self._tables = tables

    async def waiting(self, room_id: str) -> Sequence[HeldMessage]:
        self._tables.reach()
        rows = self._tables.held.get(room_id, {}).values()
        return sorted((held for held, state in rows if state == "held"), key=lambda held: (held.held_at, held.id))

    async def find(self, room_id: str, user_id: str, client_id: str) -> Decision | None:
        self._tables.reach()
        for held, state in self._tables.held.get(room_id, {}).values():
            if (held.author.id, held.client_id) == (user_id, client_id):
                return Decision(id=held.id, state=state)
        return None

    async def hold(self, room_id: str, message: HeldMessage, *, fence: Fence) -> None:
        self._tables.hold(fence)
        self._tables.held.setdefault(room_id, {})[message.id] = message, "held"
        self._tables.publish([ChatHeld(room_id=room_id, message_id=message.id)])

    async def decide(self, room_id: str, message_id: str, *, allow: bool, by: str, fence: Fence) -> None:
        self._tables.hold(fence)
        held, state = self._tables.held[room_id][message_id]
        if state == "held":
            self._tables.held[room_id][message_id] = held, "allowed" if allow else "refused"

    async def withdraw(self, room_id: str, user_id: str | None, *, fence: Fence) -> None:
        self._tables.hold(fence)
        rows = self._tables.held.get(room_id, {})
        for key, (held, state) in rows.items():
            if state == "held" and user_id in (None, held.author.id):
                rows[key] = held, "refused"
