"""Who is in a topic on this node: people by reference count, guests by number. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from actors.events import Person


class Presence:
    """A person with several sockets in a topic is there once, until the last of them leaves."""

    def __init__(self) -> None:
        self._people: dict[str, dict[str, tuple[Person, int]]] = {}
        self._guests: dict[str, int] = {}

    def enter(self, topic: str, person: Person | None) -> None:
        if person is None:
            self._guests[topic] = self._guests.get(topic, 0) + 1
            return
        people = self._people.setdefault(topic, {})
        _, sockets = people.get(person.id, (person, 0))
        people[person.id] = (person, sockets + 1)

    def leave(self, topic: str, person: Person | None) -> None:
        if person is None:
            self._leave_guest(topic)
            return
        people = self._people.get(topic, {})
        known, sockets = people.get(person.id, (person, 0))
        if sockets > 1:
            people[person.id] = (known, sockets - 1)
        else:
            people.pop(person.id, None)
        if not people:
            self._people.pop(topic, None)

    def count(self, topic: str) -> int:
        """People and guests' sockets."""
        return len(self._people.get(topic, {})) + self._guests.get(topic, 0)

    def people(self, topic: str, *, limit: int) -> Iterator[Person]:
        """Those who have been there longest first."""
        return (person for person, _ in islice(self._people.get(topic, {}).values(), limit))

    def _leave_guest(self, topic: str) -> None:
        left = self._guests.get(topic, 0) - 1
        if left > 0:
            self._guests[topic] = left
        else:
            self._guests.pop(topic, None)
