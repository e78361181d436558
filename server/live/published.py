"""What features publish to sockets: from any node, to all nodes that serve clients, to the sockets of each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from actors.events import NODE, DeliverPublished, DeliverToPeople
from actors.runtime import ActorError, Node
from server.live.edge.fanout import Fanout
from server.live.sockets import Sockets

Heard = Mapping[str, Callable[[Mapping[str, Any]], None]]
UNHEARD: Final[Heard] = {}

log = logging.getLogger("server.published")


class NodesPublish:
    """``server.publish.Publish``: one message to the actor of each node. ``nodes`` names those that serve clients."""

    def __init__(self, *, node: Node, nodes: Callable[[], Iterable[str]]) -> None:
        self._node = node
        self._nodes = nodes

    def to_person(self, person_id: str, event: str, body: dict[str, Any]) -> None:
        self.to_people((person_id,), event, body)

    def to_people(self, person_ids: Sequence[str], event: str, body: dict[str, Any]) -> None:
        self._tell(DeliverToPeople(person_ids=tuple(person_ids), event=event, body=body))

    def to_socket(self, node: str, person_id: str, socket: str, event: str, body: dict[str, Any]) -> None:
        self._tell_node(node, DeliverToPeople(person_ids=(person_id,), event=event, body=body, socket=socket))

    def to_topic(self, topic: str, event: str, body: dict[str, Any], *, person_id: str | None = None) -> None:
        self._tell(DeliverPublished(topic=topic, event=event, body=body, person_id=person_id))

    def conflate(self, topic: str, key: str, event: str, body: dict[str, Any], *, person_id: str | None = None) -> None:
        self._tell(DeliverPublished(topic=topic, event=event, body=body, key=key, person_id=person_id))

    def _tell(self, message: DeliverPublished | DeliverToPeople) -> None:
        for name in self._nodes():
            self._tell_node(name, message)

    def _tell_node(self, name: str, message: DeliverPublished | DeliverToPeople) -> None:
        try:
            self._node.ref(NODE, name).tell(message)
        except ActorError as error:
            log.debug("node %s does not get %s: %s", name, message.event, error)


class PublishedEvents:
    """What was published, on its last step: to the sockets of this node. ``heard``: who takes note of an event of a
    topic, by its name.
    """

    def __init__(self, *, fanout: Fanout, sockets: Sockets, heard: Heard = UNHEARD) -> None:
        self._fanout = fanout
        self._sockets = sockets
        self._heard = heard

    def to_people(self, message: DeliverToPeople) -> None:
        for person_id in message.person_ids:
            self._sockets.emit_to(person_id, message.event, message.body, sid=message.socket)

    def to_topic(self, message: DeliverPublished) -> None:
        if message.event in self._heard:
            self._heard[message.event](message.body)
        if message.key is None:
            self._fanout.publish(message.topic, message.event, message.body)
            for socket in self._sockets.of_person(message.person_id or ""):
                if message.topic not in socket.topics:
                    socket.emit(message.event, message.body)
        else:
            self._fanout.conflate(message.topic, message.event, message.body, key=message.key)
            if message.person_id is not None:
                self._conflate_to(message.person_id, message.event, message.body, key=message.key)

    def _conflate_to(self, person_id: str, event: str, body: dict[str, Any], *, key: str) -> None:
        """A topic of their own has the bound and the order of all topics. Sockets are in it from the first event on."""
        topic = f"person/{person_id}"
        for socket in self._sockets.of_person(person_id):
            self._fanout.subscribe(topic, socket)
        self._fanout.conflate(topic, event, body, key=key)
