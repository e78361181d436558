"""How a feature reaches sockets wherever they are: those of a person, or those that subscribe to a topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Publish(Protocol):
    """Each call reaches all nodes, each at most once; a node that is away misses it. Nothing here waits or raises.

    What must not be missed is read again over REST by a client that reconnects.
    """

    def to_person(self, person_id: str, event: str, body: dict[str, Any]) -> None:
        """Send an event to every socket of a person."""

    def to_people(self, person_ids: Sequence[str], event: str, body: dict[str, Any]) -> None:
        """As ``to_person`` for up to some thousand persons: one message a node."""

    def to_socket(self, node: str, person_id: str, socket: str, event: str, body: dict[str, Any]) -> None:
        """Send an event to one socket of a person, on the node that has it."""

    def to_topic(self, topic: str, event: str, body: dict[str, Any], *, person_id: str | None = None) -> None:
        """Send an event to every socket that subscribes to ``topic``, and to every other one of this person."""

    def conflate(self, topic: str, key: str, event: str, body: dict[str, Any], *, person_id: str | None = None) -> None:
        """As ``to_topic``; of several values of one ``key`` within a moment only the last is sent.

        ``person_id``: every socket of this person is sent them too, and should not subscribe to ``topic`` beside.
        """
