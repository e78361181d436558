"""Polls over Socket.IO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actors.rate_limits import Rate
from server.features.rooms.polls.polls import Polls
from server.features.rooms.polls.shapes import CreatePoll, OfPoll, PollMade, Voted, VoteInPoll
from server.socket_events import ClientEvent


class PollEvents:
    def __init__(self, *, polls: Polls) -> None:
        self._polls = polls

    def events(self) -> Sequence[ClientEvent]:
        return [
            ClientEvent(
                name="poll:create", shape=CreatePoll, ack=PollMade, handler=self._create, sender="moderator",
                summary="Ask the room; acknowledged when it is durable", rate=Rate(per_s=0.2, burst=10),
            ),
            ClientEvent(
                name="poll:vote", shape=VoteInPoll, ack=Voted, handler=self._vote, scope="chat",
                summary="Vote, once and for good; acknowledged when it is durable", rate=Rate(per_s=2, burst=30),
            ),
            ClientEvent(
                name="poll:close", shape=OfPoll, ack=PollMade, handler=self._close, sender="moderator",
                summary="Close a poll before its time", rate=Rate(per_s=1, burst=20),
            ),
        ]  # fmt: skip

    async def _create(self, socket: Any, session: Any, body: CreatePoll) -> dict[str, Any]:
        person = session.require_person()
        return {"ok": True, "poll": await self._polls.create(person.id, session.roles, body)}

    async def _vote(self, socket: Any, session: Any, body: VoteInPoll) -> dict[str, Any]:
        option = await self._polls.vote(session.require_person().id, body)
        return {"ok": True, "poll_id": body.poll_id, "option": option}

    async def _close(self, socket: Any, session: Any, body: OfPoll) -> dict[str, Any]:
        person = session.require_person()
        return {"ok": True, "poll": await self._polls.close(person.id, session.roles, body.poll_id)}
