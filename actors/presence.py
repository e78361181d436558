"""Who is in a topic: on one node by reference count (pure), and how nodes ask each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from actors.events import Person
from actors.runtime import Ask

MAX_PEOPLE = 200


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """``count``: people and guests' sockets; ``people``: the first of them."""

    count: int
    people: tuple[Person, ...]


class ReadPresence(Ask[Present], frozen=True, kw_only=True):
    """Asked of the actor of a node: who is in the topic through it?"""

    topic: str


def together(parts: Iterable[Present]) -> Present:
    """The answers of several nodes as one. A person on several nodes counts once, as far as they are named."""
    named: dict[str, Person] = {}
    count = 0
    for part in parts:
        count += part.count - sum(person.id in named for person in part.people)
        named.update((person.id, person) for person in part.people)
    return Present(count=count, people=tuple(named.values()))


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

    def rename(self, person_id: str, display_name: str) -> None:
        for people in self._people.values():
            if person_id in people:
                person, sockets = people[person_id]
                people[person_id] = (msgspec.structs.replace(person, display_name=display_name), sockets)

    def count(self, topic: str) -> int:
        """People and guests' sockets."""
        return len(self._people.get(topic, {})) + self._guests.get(topic, 0)

    def people(self, topic: str, *, limit: int) -> Iterator[Person]:
        """Those who have been there longest first."""
        return (person for person, _ in islice(self._people.get(topic, {}).values(), limit))

    def present(self, topic: str) -> Present:
        """Who is here, the first ``MAX_PEOPLE`` by name."""
        return Present(count=self.count(topic), people=tuple(self.people(topic, limit=MAX_PEOPLE)))

    def _leave_guest(self, topic: str) -> None:
        left = self._guests.get(topic, 0) - 1
        if left > 0:
            self._guests[topic] = left
        else:
            self._guests.pop(topic, None)
