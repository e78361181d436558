"""Evicts the clients that a change of rights concerns from every place of this node that shows or remembers streams."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Protocol

from actors.chat_messages import ForgetAuthor, ForgetRelationship
from actors.events import StreamView
from actors.runtime import DomainError, Message, Node
from server.live.rights import Rights
from server.live.room_mirrors import RoomMirrors
from server.live.stream_directory import StreamDirectory
from server.live.viewings import MaySee, Viewer
from storage.rights import Change

MAX_ROOMS: Final = 1_000_000


class ViewHolder(Protocol):
    """A place that shows streams to people."""

    def streams(self) -> Iterable[str]: ...
    def viewers(self, stream_id: str) -> Iterable[Viewer]: ...
    def evict(self, stream_id: str, may_see: MaySee) -> None: ...


class StreamCache(Protocol):
    """A memory of what streams are made of."""

    def forget(self, stream_id: str) -> None: ...


class Eviction:
    """Carries out a change on this node. Every step may be repeated; one that fails is tried again by ``Rights``."""

    def __init__(
        self,
        *,
        node: Node,
        rights: Rights,
        stream_directory: StreamDirectory,
        mirrors: RoomMirrors,
        holders: Sequence[ViewHolder],
        keepers: Sequence[StreamCache],
        recordings: StreamCache,
        renamed: Callable[[str], Awaitable[None]],
        members_changed: Callable[[str], Awaitable[None]],
        blocks_changed: Callable[[str], Awaitable[None]],
    ) -> None:
        """``renamed`` carries out that a person is called otherwise, ``members_changed`` that members of a room are,
        ``blocks_changed`` that a person blocks others."""
        self._members_changed = members_changed
        self._blocks_changed = blocks_changed
        self._renamed = renamed
        self._node = node
        self._rights = rights
        self._stream_directory = stream_directory
        self._mirrors = mirrors
        self._holders = holders
        self._keepers = keepers
        self._recordings = recordings

    async def handle(self, change: Change) -> None:
        """Raises what an actor or a table raises that is away."""
        if change.kind == "stream":
            self._stream_directory.forget_view(change.subject_id)
            await self._judge_again(change.subject_id)
            self._show_again(change.subject_id)
        elif change.kind == "recording":
            self._recordings.forget(change.subject_id)
        elif change.kind == "follow":
            await self._judge_all_of(change.subject_id, visibility="followers")
        elif change.kind == "subscription":
            self._tell_rooms(ForgetRelationship(user_id=change.other_id or ""))
            await self._judge_all_of(change.subject_id, visibility="subscribers")
        elif change.kind == "name":
            await self._renamed(change.subject_id)
        elif change.kind == "room":
            self._tell_room(change.subject_id, ForgetRelationship(user_id=change.other_id or ""))
            await self._members_changed(change.subject_id)
        elif change.kind == "block":
            await self._blocked(change.subject_id, change.other_id or "")
        else:
            await self._account_changed(change.subject_id)

    def judge_now(self, view: StreamView) -> None:
        """The stream was edited: clients that may not see it are evicted before they are shown what it is now.

        Persons of whom it must be read whether the stream is for them, as for followers, stay until it is read: the
        change is a row too.
        """
        is_read_later = (
            view.visibility in ("followers", "subscribers", "password") or view.restrictions.min_age is not None
        )

        def may_see(viewer: Viewer) -> bool:
            verdict = self._rights.may_see(view, viewer)
            return verdict is True or (verdict is None and is_read_later and viewer.id is not None)

        self._evict(view.id, may_see)

    async def _blocked(self, owner_id: str, person_id: str) -> None:
        self._mirrors.forget_writers(owner_id)
        self._tell_rooms(ForgetRelationship(user_id=person_id))
        self._tell_rooms(ForgetRelationship(user_id=owner_id))  # in a private room neither may write to the other
        await self._blocks_changed(owner_id)
        await self._judge_all_of(owner_id)

    async def _account_changed(self, user_id: str) -> None:
        """Suspended, deleted, or back, or restricted to reading, or no more: the row tells which."""
        self._tell_rooms(ForgetRelationship(user_id=user_id))
        await self._judge_all_of(user_id)
        if await self._rights.is_deleted(user_id):
            self._mirrors.forget_author(user_id)
            self._tell_rooms(ForgetAuthor(user_id=user_id))

    async def _judge_all_of(self, owner_id: str, *, visibility: str | None = None) -> None:
        """All streams of the owner that this node shows, or those of one visibility."""
        for stream_id in {stream_id for holder in self._holders for stream_id in holder.streams()}:
            view = await self._view(stream_id)
            if view is None or (view.owner.id == owner_id and visibility in (None, view.visibility)):
                await self._judge_again(stream_id)

    async def _judge_again(self, stream_id: str) -> None:
        view = await self._view(stream_id)
        if view is None:
            self._evict(stream_id, lambda _: False)
            for keeper in self._keepers:
                keeper.forget(stream_id)
            return
        await self._rights.read(view)
        viewers = {viewer for holder in self._holders for viewer in holder.viewers(stream_id)}
        unknown = [viewer for viewer in viewers if self._rights.may_see(view, viewer) is None]
        admitted = await self._rights.admitted(view, unknown) if unknown else frozenset()
        self._evict(view.id, lambda viewer: viewer in admitted or self._rights.may_see(view, viewer) is True)

    def _show_again(self, stream_id: str) -> None:
        view = self._stream_directory.known(stream_id)
        if view is not None and not view.is_open:
            self._stream_directory.show_again(view)

    async def _view(self, stream_id: str) -> StreamView | None:
        """The stream, without a look at rights; None when there is none."""
        try:
            return self._stream_directory.known(stream_id) or await self._stream_directory.fresh(stream_id)
        except DomainError as error:
            if error.code != "not_found":
                raise
            return None

    def _evict(self, stream_id: str, may_see: MaySee) -> None:
        for holder in self._holders:
            holder.evict(stream_id, may_see)

    def _tell_room(self, room_id: str, message: Message) -> None:
        """As ``_tell_rooms``, for one room."""
        if any(info.id.key == room_id for info in self._node.actors(kind="chat", most=MAX_ROOMS)):
            self._node.ref("chat", room_id).tell(message)

    def _tell_rooms(self, message: Message) -> None:
        """The rooms that are on this node: others remember nothing."""
        for info in self._node.actors(kind="chat", most=MAX_ROOMS):
            self._node.ref(info.id.kind, info.id.key).tell(message)
