"""What this node was sent of streams lately, and what it shows of them."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from actors.events import Broadcast, Reacted, StreamChanged, StreamView, ViewersCounted
from actors.restrictions import UNRESTRICTED, Restrictions
from actors.runtime import ActorError, DomainError, Node
from actors.session import Session
from actors.stream_messages import DescribeStream
from server.live.addresses import MediaAddresses
from server.live.edge.socket import Socket
from server.live.rights import Rights
from server.live.viewings import NOBODY, Viewer

MAX_REMEMBERED: Final = 20_000
REACTIONS_S: Final = 0.25
MAX_REACTIONS: Final = 32


class StreamPublisher(Protocol):
    def publish(self, topic: str, event: str, payload: dict[str, Any]) -> None: ...
    def sockets(self, topic: str) -> Iterable[Socket]: ...
    def conflate(self, topic: str, event: str, payload: dict[str, Any], *, key: str) -> None: ...


class StreamDirectory:
    """The states and viewer counts that this node was sent lately. Bounded: the oldest are forgotten."""

    def __init__(
        self, *, node: Node, fan: StreamPublisher, broadcast: Broadcast, rights: Rights, addresses: MediaAddresses
    ) -> None:
        self._node = node
        self._addresses = addresses
        self._rights = rights
        self._fan = fan
        self._broadcast = broadcast
        self._views: OrderedDict[str, StreamView] = OrderedDict()
        self._counts: OrderedDict[str, ViewersCounted] = OrderedDict()
        self._reactions: dict[str, Counter[str]] = {}  # of this node's viewers, to be announced
        self._asking: dict[str, asyncio.Task[StreamView]] = {}
        self._shown: dict[str, Counter[str]] = {}  # of all nodes', since the viewers here were shown any

    async def view(self, stream_id: str, *, viewer: Viewer) -> StreamView:
        """The stream as it is now; ``DomainError`` as ``Rights.refusal`` has it for who may not see it."""
        view = self._views.get(stream_id) or await self._asked_once(stream_id)
        may_see = await self._rights.judge(view, viewer)
        latest = self._views.get(stream_id, view)
        if latest is not view:  # it has changed while the rights were read
            may_see = await self._rights.judge(latest, viewer)
        if not may_see:
            raise self._rights.refusal(latest, viewer)
        return self.counted(latest)

    def seen(self, stream_id: str, *, viewer: Viewer) -> StreamView | None:
        """As ``view``, without asking the stream: None when this node has no view of it."""
        view = self.remembered(stream_id, viewer=viewer)
        return None if view is None else self.counted(view)

    def remembered(self, stream_id: str, *, viewer: Viewer) -> StreamView | None:
        """As ``seen``, but for the counts, which are older."""
        view = self._views.get(stream_id)
        verdict = self._rights.may_see(view, viewer) if view is not None else None
        if view is not None and verdict is False:
            raise self._rights.refusal(view, viewer)
        return view if verdict else None

    def known(self, stream_id: str) -> StreamView | None:
        """The stream as this node has it, without a look at rights."""
        return self._views.get(stream_id)

    async def latest(self, stream_id: str) -> StreamView:
        """The stream with the latest counts, without a look at rights: for what ends when a right does."""
        return self.counted(self._views.get(stream_id) or await self._asked_once(stream_id))

    async def _asked_once(self, stream_id: str) -> StreamView:
        """As ``fresh``; who asks while the actor is being asked gets the same answer, so that a crowd costs one ask."""
        asking = self._asking.get(stream_id)
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self.fresh(stream_id), name=f"describe {stream_id}")
            self._asking[stream_id] = asking
            asking.add_done_callback(lambda done: self._end_asking(stream_id, done))
        return await asyncio.shield(asking)

    def _end_asking(self, stream_id: str, done: asyncio.Task[StreamView]) -> None:
        self._asking.pop(stream_id, None)
        if not done.cancelled():
            done.exception()  # those who wait get it; where all have gone, the loop must not report it

    async def fresh(self, stream_id: str) -> StreamView:
        """The stream as its actor has it now."""
        view = await self._node.ref("stream", stream_id).ask(DescribeStream())
        self._remember(view)
        return view

    async def as_played(self, row: StreamView) -> StreamView:
        """A stream from its row with the latest counts and, while it is on the air, what there is to play now."""
        view = self.counted(row)
        if row.state not in ("live", "interrupted"):
            return view
        try:
            latest = self._views.get(row.id) or await self._asked_once(row.id)
        except (ActorError, DomainError):  # as the row has it until its actor answers again
            return view
        return msgspec.structs.replace(view, renditions=latest.renditions)

    def viewers_of(self, stream_id: str) -> int:
        """As this node was told last."""
        counts = self._counts.get(stream_id)
        return 0 if counts is None else counts.viewers

    def counted(self, view: StreamView) -> StreamView:
        """The view with the latest counts."""
        counts = self._counts.get(view.id)
        if counts is None:
            return view
        return msgspec.structs.replace(
            view,
            viewers=counts.viewers,
            peak_viewers=max(counts.peak_viewers, view.peak_viewers),
            unique_viewers=max(counts.unique_viewers, view.unique_viewers),
            watched_ms=max(counts.watched_ms, view.watched_ms),
        )

    def changed(self, event: StreamChanged) -> None:
        """Show a change to the clients that watch. A view whose broadcast is about to end only answers requests: the
        event of the end itself follows."""
        self._remember(event.stream)
        if not event.stream.is_ending or event.stream.state == "ended":
            self._show_state(event.stream)

    def _show_state(self, stream: StreamView) -> None:
        view, topic = self.counted(stream), f"stream:{stream.id}"
        if view.is_open:
            self._fan.publish(topic, "stream:state", self.shown_to(view, NOBODY))
            return
        for socket in list(self._fan.sockets(topic)):
            viewer = viewer_of(socket.state, stream.id)
            if self._rights.may_see(view, viewer):  # those of whom that is not known yet are shown it when it is
                socket.emit("stream:state", self.shown_to(view, viewer))

    def show_again(self, view: StreamView) -> None:
        """Show a stream to those of its viewers whose rights were not known when it changed."""
        self._show_state(view)

    def rename_owner(self, owner_id: str, display_name: str, avatar_url: str | None) -> None:
        """Show the new name and picture to everybody who watches one of this person's streams."""
        for view in [one for one in self._views.values() if one.owner.id == owner_id]:
            owner = msgspec.structs.replace(view.owner, display_name=display_name, avatar_url=avatar_url)
            renamed = self._views[view.id] = msgspec.structs.replace(view, owner=owner)
            self._show_state(renamed)

    def viewers_counted(self, event: ViewersCounted) -> None:
        before = self._counts.get(event.stream_id)
        self._counts[event.stream_id] = event
        self._counts.move_to_end(event.stream_id)
        if len(self._counts) > MAX_REMEMBERED:
            self._counts.popitem(last=False)
        if before is not None and before.viewers == event.viewers:
            return
        payload = {"stream_id": event.stream_id, "viewers": event.viewers}
        self._fan.conflate(f"stream:{event.stream_id}", "stream:viewers", payload, key="viewers")

    def forget_view(self, stream_id: str) -> None:
        """The view may be out of date: the next request asks the stream."""
        self._views.pop(stream_id, None)

    def forget(self, stream_id: str) -> None:
        self._views.pop(stream_id, None)
        self._counts.pop(stream_id, None)

    def guest_of(self, stream_id: str, access: str) -> str | None:
        """The id of the guest whom a password has made known to the stream; None for what does not say so."""
        return self._addresses.guest_of(stream_id, access)

    def shown_to(self, view: StreamView, viewer: Viewer) -> dict[str, Any]:
        """The stream as this viewer gets it: the addresses of one that not everybody may see are signed for them."""
        return shown(view, addresses=self._addresses, viewer=viewer)

    def react(self, stream_id: str, emoji: str) -> None:
        """Add one to what the stream's viewers are shown at the next tick."""
        counts = self._reactions.get(stream_id)
        if counts is None:
            counts = self._reactions[stream_id] = Counter()
            self._node.clock.call_later(REACTIONS_S, lambda: self._show_reactions(stream_id))
        if emoji in counts or len(counts) < MAX_REACTIONS:
            counts[emoji] += 1

    def _show_reactions(self, stream_id: str) -> None:
        counts = self._reactions.pop(stream_id)
        self._broadcast(Reacted(stream_id=stream_id, counts=dict(counts)))

    def reacted(self, event: Reacted) -> None:
        """Show what viewers of any node reacted with: at once, and then what comes within a tick added up."""
        gathered = self._shown.get(event.stream_id)
        if gathered is not None:
            gathered.update(event.counts)
            return
        self._show(event.stream_id, event.counts)

    def _show(self, stream_id: str, counts: Mapping[str, int]) -> None:
        self._fan.publish(f"stream:{stream_id}", "stream:reactions", {"stream_id": stream_id, "counts": dict(counts)})
        self._shown[stream_id] = Counter()
        self._node.clock.call_later(REACTIONS_S, lambda: self._show_gathered(stream_id))

    def _show_gathered(self, stream_id: str) -> None:
        gathered = self._shown.pop(stream_id)
        if gathered:
            self._show(stream_id, gathered)

    def _remember(self, view: StreamView) -> None:
        self._views[view.id] = view
        self._views.move_to_end(view.id)
        if len(self._views) > MAX_REMEMBERED:
            self._views.popitem(last=False)


def viewer_of(session: Session, stream_id: str) -> Viewer:
    """The session's person, or the guest whom a password has made known to this stream."""
    if session.person is not None:
        return Viewer(id=session.person.id, session_id=session.session_id, country=session.country)
    guest_id = session.guest_ids.get(stream_id)
    return Viewer(id=guest_id, session_id=guest_id, country=session.country)


def shown(view: StreamView, *, addresses: MediaAddresses, viewer: Viewer) -> dict[str, Any]:
    """A stream as the contract has it when this viewer asks, ready for the wire."""
    address = view.id if view.is_open else addresses.of(view.id, viewer)
    has_media = view.state in ("live", "interrupted") or (
        view.state == "ended" and view.is_recorded and view.publication > 0
    )
    base = f"/hls/{address}"
    if view.state == "ended":
        base = addresses.base("/hls", view.id, viewer, is_open=view.is_open)
    duration = None
    if view.started_at is not None and view.ended_at is not None:
        duration = view.media_time_ms / 1000
    return {
        "id": view.id,
        "title": view.title,
        "description": view.description,
        "category": view.category,
        "tags": list(view.tags),
        "language": view.language,
        "visibility": view.visibility,
        "latency": view.latency,
        "record": view.is_recorded,
        "transcode": view.transcode,
        "slate": view.slate,
        "takeover": view.takeover,
        "restrictions": shown_restrictions(view.restrictions),
        "owner": msgspec.to_builtins(view.owner),
        "state": view.state,
        "viewers": view.viewers,
        "peak_viewers": view.peak_viewers,
        "unique_viewers": view.unique_viewers,
        "watch_seconds": view.watched_ms // 1000,
        "created_at": _time(view.created_at),
        "scheduled_at": _time(view.scheduled_at),
        "started_at": _time(view.started_at),
        "ended_at": _time(view.ended_at),
        "duration_s": duration,
        "media_time_ms": view.media_time_ms,
        "playback": {
            "hls": f"{base}/index.m3u8" if has_media else None,
            "whep": f"/whep/{address}" if view.state in ("live", "interrupted") and not view.is_ending else None,
            "dash": f"{base}/manifest.mpd" if has_media else None,
            "thumbnail": f"{base}/thumbnail.webp" if has_media else None,
            "storyboard": f"{base}/storyboard.vtt" if has_media and view.is_recorded else None,
            "renditions": list(view.renditions) if has_media else [],
        },
        "video_id": view.id if has_media and view.state == "ended" else None,
        "chat": {"room_id": view.room_id},
    }


def shown_restrictions(restrictions: Restrictions) -> dict[str, Any] | None:
    """As the contract has them; None for none, and for what is hidden, whose owner is told otherwise."""
    if msgspec.structs.replace(restrictions, withheld=False, claimed=False) == UNRESTRICTED:
        return None
    lists = {"allow": list(restrictions.allow), "deny": list(restrictions.deny)}
    return {
        "countries": {name: codes for name, codes in lists.items() if codes} or None,
        "min_age": restrictions.min_age,
        "content_warning": restrictions.content_warning or None,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
