"""A person's new display name or picture, in every place of this node that shows or remembers the one before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from actors.chat_messages import RenameAuthor
from actors.runtime import Message, Node
from actors.stream_messages import RenameOwner
from server.http.identity import Identity
from server.live.room_mirrors import RoomMirrors
from server.live.stream_directory import StreamDirectory
from storage.rights import ShownPerson

MAX_ACTORS: Final = 1_000_000


class Named(Protocol):
    """A place of this node that names people."""

    def rename(self, person_id: str, display_name: str) -> None: ...


class Naming:
    """Every step may be repeated. What is not on this node has the name from the row when it is read."""

    def __init__(
        self,
        *,
        node: Node,
        identity: Identity,
        stream_directory: StreamDirectory,
        mirrors: RoomMirrors,
        named: Sequence[Named],
        shown: Callable[[str], Awaitable[ShownPerson | None]],
    ) -> None:
        """``shown`` as the row has it now."""
        self._node = node
        self._identity = identity
        self._stream_directory = stream_directory
        self._mirrors = mirrors
        self._named = named
        self._shown = shown

    async def rename(self, person_id: str) -> None:
        """The person is called otherwise, or has another picture. Raises ``Unavailable``."""
        shown = await self._shown(person_id)
        if shown is None:
            return
        name = shown.display_name
        self._identity.rename(person_id, name)
        for place in self._named:
            place.rename(person_id, name)
        self._mirrors.rename_author(person_id, name)
        self._stream_directory.rename_owner(person_id, name, shown.avatar_url)
        self._tell("chat", RenameAuthor(user_id=person_id, display_name=name))
        self._tell("stream", RenameOwner(user_id=person_id, display_name=name, avatar_url=shown.avatar_url))

    def _tell(self, kind: str, message: Message) -> None:
        """The actors that are on this node: others remember nothing."""
        for info in self._node.actors(kind=kind, most=MAX_ACTORS):
            self._node.ref(info.id.kind, info.id.key).tell(message)
