"""The persons in a room, on all nodes, as one person may see them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from actors.events import NODE
from actors.presence import MAX_PEOPLE, Presence, Present, ReadPresence, together
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
        self._asking: dict[tuple[str, str], asyncio.Task[Present]] = {}

    async def of(self, room_id: str, *, asker_id: str | None, limit: int, after: str = "") -> Ack:
        """A page in the order of ids, after the person ``after``. People who block the asker or are blocked
        by the asker are not named; nor counted, as far as this page would name them.
        """
        present = await self._asked_once(room_id, after)
        ids = [person.id for person in present.people]
        apart = frozenset[str]() if asker_id is None else await self._rights.apart(asker_id, ids)
        page = present.people[:limit]
        people = [
            {"id": person.id, "username": person.username, "display_name": person.display_name}
            for person in page
            if person.id not in apart
        ]
        following = page[-1].id if len(present.people) > len(page) or len(page) == MAX_PEOPLE else None
        return {"ok": True, "count": present.count - len(apart), "users": people, "next": following}

    async def _asked_once(self, room_id: str, after: str) -> Present:
        """Who asks for a page while the nodes are being asked for it gets the same answer: a crowd costs one round."""
        key = (room_id, after)
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self._ask_all(room_id, after), name=f"present {room_id}")
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(asking)

    async def _ask_all(self, room_id: str, after: str) -> Present:
        elsewhere = [self._node.ref(NODE, name) for name in self._others() if name != self._node.name]
        read = ReadPresence(topic=room_id, after=after)
        asked = await asyncio.gather(
            *(ref.ask(read, timeout_s=PRESENCE_S) for ref in elsewhere), return_exceptions=True
        )
        answers = [answer for answer in asked if isinstance(answer, Present)]
        return together([self._presence.present(room_id, after=after), *answers])


class RoomPeople:
    """The persons in a room, on all nodes, for who acts on them rather than sees them. ``nodes``: the names of all."""

    def __init__(self, *, node: Node, nodes: Callable[[], Iterable[str]]) -> None:
        self._node = node
        self._nodes = nodes

    async def of(self, room_id: str) -> list[str]:
        """The ids of the first ``MAX_PEOPLE`` by id. A node that does not answer in time is left out."""
        refs = [self._node.ref(NODE, name) for name in self._nodes()]
        read = ReadPresence(topic=room_id)
        asked = await asyncio.gather(*(ref.ask(read, timeout_s=PRESENCE_S) for ref in refs), return_exceptions=True)
        return [person.id for person in together(one for one in asked if isinstance(one, Present)).people]
