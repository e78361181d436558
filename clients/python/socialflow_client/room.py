"""A chat room: what is posted there, in order and without a gap, and what a member and a moderator do there."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Protocol

from socialflow_client.errors import ClientClosed, ConnectionLost, Refused
from socialflow_client.events import Events
from socialflow_client.feed import Feed
from socialflow_client.link import Link
from socialflow_client.shapes import Attached, Clip, Message, Poll, Sent, Stream, shaped

DEADLINE_S: Final = 30.0


class OfRoom(Protocol):
    """What a room asks of its client."""

    def new_client_id(self) -> str: ...

    def forget(self, room: Room) -> bool: ...

    def events_of(self, room_id: str, stream_id: str | None, names: Sequence[str], limit: int) -> Events: ...

    async def polls(self, stream_id: str) -> list[Poll]: ...

    async def clip(self, stream_id: str, seconds: float, *, end_ms: int | None, title: str | None) -> Clip: ...


class Room:
    """Iterate to read. Messages that are posted from ``watch`` on come in order, each once, over reconnections.

    Nothing is dropped for a slow reader: what it has no space for is left on the server, and fetched later. Messages
    that were deleted before they were fetched are passed over. Cancelling an iteration loses nothing: the next one
    goes on where it was. Two iterations at the same time share the messages.
    """

    def __init__(self, *, link: Link, client: OfRoom, feed: Feed) -> None:
        self._link = link
        self._client = client
        self._feed = feed

    @property
    def id(self) -> str:
        return self._feed.room_id

    @property
    def stream(self) -> Stream | None:
        """As the server sent it last; None of a room that was joined without its stream."""
        return self._feed.stream

    @property
    def recent(self) -> tuple[Message, ...]:
        """What was posted last before this room was entered."""
        return self._feed.recent

    # -- to read

    def __aiter__(self) -> Room:
        return self

    async def __anext__(self) -> Message:
        """Raises what ended the room for good (``SessionRevoked``, ``Refused``); after ``leave`` the iteration ends."""
        return await self._feed.next()

    def events(self, *names: str, limit: int = 1000) -> Events:
        """Other events of this room and its stream, as ``poll:state`` and ``chat:deleted``; all without names.

        ``async with room.events("poll:state") as events: async for event in events: …``.
        """
        return self._client.events_of(self.id, self._feed.stream_id, names, limit)

    async def history(self, *, before: int | None = None, limit: int = 50) -> list[Message]:
        """Messages under the offset ``before``, ascending, at most 100; empty at the beginning of the room."""
        body = {"limit": limit, **({"before": before} if before is not None else {})}
        answer = await self._ask("chat:history", body)
        return [self._feed.message(one) for one in answer["messages"] if not one.get("deleted")]

    # -- to write

    async def send(
        self,
        text: str,
        *,
        reply_to: str | None = None,
        attachments: Sequence[Attached] = (),
        client_id: str | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> Sent:
        """Post a message, once: it is tried again after a lost connection and after ``rate_limited``, under the same
        ``client_id``, until the server acknowledges it. ``attachments``: in conversations, where ``text`` may be empty
        then. Raises ``Refused`` and ``DeadlineExceeded``.
        """
        body: dict[str, Any] = {"text": text, "client_id": client_id or self._client.new_client_id()}
        if attachments:
            body["attachments"] = [{"upload_id": one.upload_id, "alt": one.alt} for one in attachments]
        if reply_to is not None:
            body["reply_to"] = reply_to
        return shaped(Sent, await self._ask("chat:send", body, deadline_s=deadline_s))

    async def react(self, emoji: str) -> None:
        """Tried once, since reactions are counted: raises ``ConnectionLost`` when it is not known."""
        await self._link.ask_once("stream:react", {"stream_id": self._watched_stream, "emoji": emoji})

    async def vote(self, poll_id: str, option: int) -> None:
        """One account has one vote: another one is refused with ``already_voted``."""
        await self._ask("poll:vote", {"poll_id": poll_id, "option": option}, of_room=False)

    async def points(self) -> int:
        """Your points with the owner of the room."""
        points: int = (await self._ask("points:balance", {}))["points"]
        return points

    async def redeem(self, reward_id: str, *, text: str | None = None) -> str:
        """The id of the redemption."""
        body = {"reward_id": reward_id, "client_id": self._client.new_client_id(), **({"text": text} if text else {})}
        redemption: str = (await self._ask("reward:redeem", body))["id"]
        return redemption

    async def clip(self, seconds: float, *, end_ms: int | None = None, title: str | None = None) -> Clip:
        return await self._client.clip(self._watched_stream, seconds, end_ms=end_ms, title=title)

    async def polls(self) -> list[Poll]:
        """The latest, the newest first."""
        return await self._client.polls(self._watched_stream)

    # -- for moderators

    async def delete(self, message_id: str, *, reason: str | None = None) -> None:
        await self._ask("chat:delete", {"message_id": message_id, **_given(reason=reason)})

    async def time_out(self, user_id: str, *, seconds: int = 600, reason: str | None = None) -> None:
        await self._ask("chat:timeout", {"user_id": user_id, "seconds": seconds, **_given(reason=reason)})

    async def ban(self, user_id: str, *, seconds: int | None = None, reason: str | None = None) -> None:
        """Without ``seconds`` it lasts."""
        await self._ask("chat:ban", {"user_id": user_id, **_given(seconds=seconds, reason=reason)})

    async def unban(self, user_id: str) -> None:
        """Ends a timeout, too."""
        await self._ask("chat:unban", {"user_id": user_id})

    async def purge(self, user_id: str, *, reason: str | None = None) -> None:
        """Delete all that a person has written."""
        await self._ask("chat:purge", {"user_id": user_id, **_given(reason=reason)})

    async def clear(self) -> None:
        await self._ask("chat:clear", {})

    async def pin(self, message_id: str | None) -> None:
        """None: nothing is pinned any more."""
        await self._ask("chat:pin", _given(message_id=message_id))

    async def announce(self, text: str) -> Sent:
        body = {"text": text, "client_id": self._client.new_client_id()}
        return shaped(Sent, await self._ask("chat:announce", body))

    async def set_mode(self, **mode: Any) -> dict[str, Any]:
        """``slow_seconds``, ``followers_only_seconds``, ``subscribers_only``, ``emotes_only``, ``unique``, ``shield``.
        The whole mode is answered.
        """
        answered: dict[str, Any] = (await self._ask("chat:mode", {"mode": mode}))["mode"]
        return answered

    async def review(self, message_id: str, *, allow: bool) -> None:
        """Decide on a message that was held."""
        await self._ask("chat:review", {"message_id": message_id, "allow": allow})

    async def create_poll(self, question: str, options: Sequence[str], *, seconds: int) -> Poll:
        body = {"question": question, "options": list(options), "seconds": seconds}
        answer = await self._ask("poll:create", {**body, "client_id": self._client.new_client_id()})
        return shaped(Poll, answer["poll"])

    async def close_poll(self, poll_id: str) -> Poll:
        return shaped(Poll, (await self._ask("poll:close", {"poll_id": poll_id}, of_room=False))["poll"])

    # -- to go

    async def leave(self) -> None:
        """Iterations end when they have read what is there. The server is told if it can be."""
        was_entered = self._feed.is_entered
        await self._feed.end(ClientClosed("the room was left"))
        was_last = self._client.forget(self)
        event, body = "chat:leave", {"room_id": self.id}
        if self._feed.stream_id is not None:
            event, body = "stream:unwatch", {"stream_id": self._feed.stream_id}
        if was_entered and was_last:
            with contextlib.suppress(Refused, ConnectionLost):
                await self._link.ask_once(event, body, timeout_s=2.0)

    async def __aenter__(self) -> Room:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    @property
    def _watched_stream(self) -> str:
        if self._feed.stream_id is None:
            raise Refused("not_watching", "This room was joined without its stream: use client.watch.")
        return self._feed.stream_id

    async def _ask(
        self, event: str, body: dict[str, Any], *, of_room: bool = True, deadline_s: float = DEADLINE_S
    ) -> dict[str, Any]:
        if isinstance(self._feed.failure, ClientClosed):
            raise self._feed.failure
        asked = {"room_id": self.id, **body} if of_room else body
        return await self._link.ask(event, asked, deadline_s=deadline_s)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
