"""The actor that sends a room what stands in it: polls and predictions, whole, each at most twice a second.

One actor a room, so that a later state never comes before an earlier one, on whichever node the change was made. It
keeps nothing: what it sends is read from Postgres, so only what is durable is shown.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from actors.runtime import Actor, ActorError, ActorId, Message, Node, Unavailable, handles
from server.live.room_mirror import topic_of
from server.publish import Publish

STATE_SENDER: Final = "state_sender"
REST_S: Final = 0.5
MAX_DUE: Final = 256

StateOf = Callable[[str], Awaitable[dict[str, Any] | None]]
"""The id of a poll or prediction → the body of its event; None when it has gone. Raises ``Unavailable``."""


log = logging.getLogger("server.state_sender")


class Announce(Message, frozen=True, kw_only=True):
    """``event``: what is to be sent of ``id``, such as ``poll:state``."""

    event: str
    id: str


class _Rested(Message, frozen=True, kw_only=True):
    pass


class StateSender(Actor):
    """Sends the first change at once, and what changed meanwhile half a second later."""

    def __init__(self, *, room_id: str, states: Mapping[str, StateOf], publish: Publish) -> None:
        self._room_id = room_id
        self._states = states
        self._publish = publish
        self._due: dict[tuple[str, str], None] = {}
        self._is_resting = False

    @handles(Announce)
    def announce(self, message: Announce) -> None:
        """What is beyond ``MAX_DUE`` different subjects waits for its next change."""
        if len(self._due) < MAX_DUE:
            self._due[message.event, message.id] = None
        self._send()

    @handles(_Rested)
    def rested(self, message: _Rested) -> None:
        self._is_resting = False
        self._send()

    def _send(self) -> None:
        if self._is_resting or not self._due:
            return
        self._is_resting = True
        due, self._due = list(self._due), {}
        self.context.spawn(self._send_states(due), name="announce")

    async def _send_states(self, due: list[tuple[str, str]]) -> None:
        for event, subject_id in due:
            try:
                body = await self._states[event](subject_id)
            except Unavailable as error:
                self.context.log.info("%s of %s waits: %s", event, subject_id, error)
                self._due[event, subject_id] = None
                continue
            if body is not None:
                self._publish.conflate(topic_of(self._room_id), f"{event}:{subject_id}", event, body)
        self.context.timer(REST_S, _Rested())


class StateSenders:
    """The way to the senders of all rooms. ``states`` is filled while features are built."""

    def __init__(self, *, node: Node, publish: Publish) -> None:
        self._node = node
        self._publish = publish
        self.states: dict[str, StateOf] = {}

    def actor(self, actor_id: ActorId) -> StateSender:
        return StateSender(room_id=actor_id.key, states=self.states, publish=self._publish)

    def announce(self, room_id: str, event: str, subject_id: str) -> None:
        """After the commit of a change. At most once: the next change, or a client that joins, reads it again."""
        try:
            self._node.ref(STATE_SENDER, room_id).tell(Announce(event=event, id=subject_id))
        except ActorError as error:
            log.info("%s of %s is not announced: %s", event, subject_id, error)
