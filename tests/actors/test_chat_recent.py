"""A room's newest messages, those before its time read late."""

from __future__ import annotations

import datetime as dt

from actors.chat_messages import RECENT
from actors.chat_recent import RecentMessages
from actors.chat_rules import RoomRole
from actors.events import ChatMessage, ChatUser, DeletedMessage

ANN = ChatUser(id="a", username="ann", display_name="Ann", badges=())


BOB = ChatUser(id="b", username="bob", display_name="Bob", badges=("owner", "admin"))


def said(offset: int, by: ChatUser = ANN) -> ChatMessage:
    return ChatMessage(
        id=f"m{offset}", offset=offset, user=by, text=f"n{offset}", sent_at=dt.datetime.now(dt.UTC), client_id="c"
    )


def test_a_new_room_has_nothing_to_read() -> None:
    assert RecentMessages().is_whole
    assert not RecentMessages(after=1).is_whole


def test_the_page_is_put_before_what_was_said_since_and_nothing_twice() -> None:
    recent = RecentMessages(after=2)
    recent.begin_reading()
    recent.add(said(3))
    recent.complete([said(1), said(2), said(3)])
    recent.add(said(4))
    assert [message.offset for message in recent.last(10)] == [1, 2, 3, 4]
    assert [message.offset for message in recent.last(2)] == [3, 4]
    assert recent.last(0) == []


def test_what_is_deleted_while_the_page_is_read_stays_deleted() -> None:
    recent = RecentMessages(after=2)
    recent.add(said(3))
    recent.begin_reading()
    recent.delete("m1", 1)
    recent.delete("m3", 3)
    recent.complete([said(1), said(2)])
    assert [type(message) for message in recent.last(10)] == [DeletedMessage, ChatMessage, DeletedMessage]


def test_the_newest_are_kept() -> None:
    recent = RecentMessages(after=RECENT)
    for offset in range(RECENT + 1, RECENT + 11):
        recent.add(said(offset))
    recent.complete([said(offset) for offset in range(1, RECENT + 1)])
    assert [recent.last(RECENT)[0].offset, recent.last(RECENT)[-1].offset] == [11, RECENT + 10]


def are_deleted(recent: RecentMessages) -> list[bool]:
    return [isinstance(message, DeletedMessage) for message in recent.last(RECENT)]


def test_a_purge_takes_one_persons_messages_up_to_an_offset_those_too_that_are_being_read() -> None:
    recent = RecentMessages(after=2)
    recent.begin_reading()
    for offset, by in ((3, ANN), (4, BOB), (5, ANN), (6, ANN)):
        recent.add(said(offset, by))
    assert [gone.offset for gone in recent.purge("a", 5)] == [3, 5]
    assert recent.purge("a", 5) == []
    recent.complete([said(1), said(2, BOB)])
    assert are_deleted(recent) == [True, False, True, False, True, False]


def test_a_room_that_is_cleared_keeps_the_places_also_of_what_is_being_read() -> None:
    recent = RecentMessages(after=2)
    recent.add(said(3))
    recent.begin_reading()
    recent.clear(3)
    recent.clear(1)
    recent.add(said(4))
    recent.complete([said(1), said(2)])
    assert are_deleted(recent) == [True, True, True, False]


def test_a_role_changes_the_badge_of_what_was_said_before_and_of_what_is_being_read() -> None:
    recent = RecentMessages(after=2)
    recent.add(said(3))
    recent.begin_reading()
    roles: list[tuple[str, RoomRole]] = [("a", "moderator"), ("a", "vip"), ("b", "moderator")]
    for who, role in roles:
        recent.set_role(who, role)
    recent.complete([said(1, BOB), said(2)])
    shown = [message.user.badges for message in recent.last(10) if isinstance(message, ChatMessage)]
    assert shown == [("owner", "moderator", "admin"), ("vip",), ("vip",)]
    recent.set_role("b", None)
    first = recent.last(10)[0]
    assert isinstance(first, ChatMessage)
    assert first.user.badges == ("owner", "admin")
