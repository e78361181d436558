"""The persons in a room, on all nodes, as one person may see them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from actors.events import NODE
from actors.presence import Presence, Present, ReadPresence, together
from actors.runtime import Node
from server.live.acks import Ack
from server.live.rights import Rights

PRESENCE_S: Final = 1.0


class ClusterPresence:
    """Asks all nodes at once; one that does not answer within ``PRESENCE_S`` is left out."""

    def __init__(self, *, node: Node, presence: Presence, others: Callable[[], Iterable[str]], rights: Rights) -> None:
        self._node = node
        self._presence = presence
        self._others = others
        self._rights = rights

    async def of(self, room_id: str, *, asker_id: str | None, limit: int) -> Ack:
        """People who block the asker or are blocked by the asker are neither named nor counted."""
        elsewhere = [self._node.ref(NODE, name) for name in self._others() if name != self._node.name]
        asked = await asyncio.gather(
            *(ref.ask(ReadPresence(topic=room_id), timeout_s=PRESENCE_S) for ref in elsewhere), return_exceptions=True
        )
        answers = [answer for answer in asked if isinstance(answer, Present)]
        present = together([self._presence.present(room_id), *answers])
        ids = [person.id for person in present.people]
        apart = frozenset[str]() if asker_id is None else await self._rights.apart(asker_id, ids)
        people = [
            {"id": person.id, "username": person.username, "display_name": person.display_name}
            for person in present.people
            if person.id not in apart
        ]
        return {"ok": True, "count": present.count - len(apart), "users": people[:limit]}
