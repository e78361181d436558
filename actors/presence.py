"""Who is in a topic: on one node by reference count (pure), and how nodes ask each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from heapq import nsmallest
from itertools import islice

import msgspec

from actors.events import Person
from actors.runtime import Ask

MAX_PEOPLE = 200
MAX_MARKS = 20_000
"""So many people of a node are told apart from those of other nodes; those beyond are counted on each."""
MARK_BYTES = 8


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """``count``: people and guests' sockets; ``people``: a page of them, in the order of their ids.

    ``marks``: ``MARK_BYTES`` of a hash for each person, so that one who is on several nodes is counted once.
    """

    count: int
    people: tuple[Person, ...]
    marks: bytes = b""


class ReadPresence(Ask[Present], frozen=True, kw_only=True):
    """Asked of the actor of a node: who is in the topic through it? The page after the person with the id ``after``."""

    topic: str
    after: str = ""


def together(parts: Iterable[Present]) -> Present:
    """The answers of several nodes as one. A person on several nodes counts once, as far as they are marked."""
    named: dict[str, Person] = {}
    seen: set[bytes] = set()
    count = 0
    for part in parts:
        marks = _marks_of(part)
        count += part.count - len(seen & marks)
        seen |= marks
        named.update((person.id, person) for person in part.people)
    page = nsmallest(MAX_PEOPLE, named.values(), key=_id_of)
    return Present(count=count, people=tuple(page))


def _marks_of(part: Present) -> set[bytes]:
    """Those of who is named, from a node of a version before."""
    if not part.marks:
        return {_mark(person.id) for person in part.people}
    return {part.marks[at : at + MARK_BYTES] for at in range(0, len(part.marks), MARK_BYTES)}


def _mark(person_id: str) -> bytes:
    return blake2b(person_id.encode(), digest_size=MARK_BYTES).digest()


def _id_of(person: Person) -> str:
    return person.id


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

    def present(self, topic: str, *, after: str = "") -> Present:
        """Who is here: of the people whose ids come after ``after`` the first ``MAX_PEOPLE`` by name."""
        people = self._people.get(topic, {})
        page = nsmallest(MAX_PEOPLE, (one for one, _ in people.values() if one.id > after), key=_id_of)
        marks = b"".join(map(_mark, islice(people, MAX_MARKS)))
        return Present(count=self.count(topic), people=tuple(page), marks=marks)

    def _leave_guest(self, topic: str) -> None:
        left = self._guests.get(topic, 0) - 1
        if left > 0:
            self._guests[topic] = left
        else:
            self._guests.pop(topic, None)
