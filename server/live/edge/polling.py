"""A session over polling: what waits for the client's next poll, and the poll that waits for something to send."""

from __future__ import annotations

from typing import Protocol

from server.live.edge import engineio
from server.live.edge.engineio import Outgoing


class Poll(Protocol):
    """A polling request that waits for its answer, which is given once."""

    def answer_poll(self, payload: bytes) -> None: ...


class Polling:
    """Belongs to one session until the session goes over to WebSocket or ends. The session keeps the bounds."""

    __slots__ = ("_outbox", "_poll", "is_posting", "unsent_bytes")

    def __init__(self) -> None:
        self._outbox: list[Outgoing] = []
        self._poll: Poll | None = None
        self.unsent_bytes = 0  # as payload
        self.is_posting = False  # a POST's body is on its way

    @property
    def has_poll(self) -> bool:
        return self._poll is not None

    @property
    def has_outgoing(self) -> bool:
        return bool(self._outbox)

    def put(self, outgoing: Outgoing) -> None:
        self._outbox.append(outgoing)
        self.unsent_bytes += len(outgoing.payload)

    def take(self) -> list[Outgoing]:
        """Everything that waits to be sent, in order; nothing waits afterwards."""
        waiting, self._outbox, self.unsent_bytes = self._outbox, [], 0
        return waiting

    def take_payload(self) -> bytes:
        """The same as the answer to a poll."""
        return engineio.join_payload([outgoing.payload for outgoing in self.take()])

    def wait(self, poll: Poll) -> None:
        """The poll is answered when there is something to send."""
        self._poll = poll

    def answer(self, payload: bytes) -> None:
        """Answers the poll that waits, if one does."""
        poll, self._poll = self._poll, None
        if poll is not None:
            poll.answer_poll(payload)

    def drop(self, poll: Poll) -> bool:
        """Forgets a poll whose connection is gone; False when it was not the one that waits."""
        if self._poll is not poll:
            return False
        self._poll = None
        return True
