"""Who is in a topic."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from actors.events import Person
from actors.presence import MAX_PEOPLE, Presence, together


def person(name: str) -> Person:
    return Person(id=name, username=name, display_name=name.title())


def names(presence: Presence, topic: str, limit: int = 100) -> list[str]:
    return [each.id for each in presence.people(topic, limit=limit)]


def test_a_person_with_two_sockets_is_there_once_until_the_last_has_left() -> None:
    presence = Presence()
    for _ in range(2):
        presence.enter("room", person("ann"))
    assert presence.count("room") == 1
    presence.leave("room", person("ann"))
    assert names(presence, "room") == ["ann"]
    presence.leave("room", person("ann"))
    assert presence.count("room") == 0


def test_guests_count_and_have_no_names() -> None:
    presence = Presence()
    for who in (None, None, person("ann")):
        presence.enter("room", who)
    assert (presence.count("room"), names(presence, "room")) == (3, ["ann"])


def test_those_who_were_there_first_are_listed_first_up_to_the_limit() -> None:
    presence = Presence()
    for name in ("ann", "bob", "cid", "ann"):
        presence.enter("room", person(name))
    assert names(presence, "room", limit=2) == ["ann", "bob"]


def test_people_on_several_nodes_count_once_however_many_they_are() -> None:
    one, two = Presence(), Presence()
    for number in range(1000):
        one.enter("room", person(f"p{number:04}"))
        two.enter("room", person(f"p{number + 300:04}"))
    two.enter("room", None)
    both = together([one.present("room"), two.present("room")])
    assert both.count == 1301
    pages = [both.people]
    while len(pages[-1]) == MAX_PEOPLE:
        after = pages[-1][-1].id
        pages.append(together([each.present("room", after=after) for each in (one, two)]).people)
    assert [each.id for page in pages for each in page] == [f"p{number:04}" for number in range(1300)]


def test_topics_know_nothing_of_each_other_and_leave_nothing_behind() -> None:
    presence = Presence()
    presence.enter("one", person("ann"))
    presence.leave("other", person("ann"))
    presence.leave("other", None)
    assert (presence.count("one"), presence.count("other")) == (1, 0)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["ann", "bob", ""])), max_size=40))
def test_the_count_is_of_people_and_guests_sockets_whatever_comes(news: list[tuple[bool, str]]) -> None:
    presence, sockets = Presence(), Counter[str]()
    for is_coming, name in news:
        who = person(name) if name else None
        if is_coming:
            presence.enter("room", who)
            sockets[name] += 1
        else:
            presence.leave("room", who)
            sockets[name] = max(0, sockets[name] - 1)
    people = {name for name in ("ann", "bob") if sockets[name]}
    assert presence.count("room") == len(people) + sockets[""]
    assert set(names(presence, "room")) == people
