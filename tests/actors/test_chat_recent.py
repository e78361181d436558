"""A room's newest messages, those before its time read late."""

from __future__ import annotations

import datetime as dt

from actors.chat_messages import RECENT
from actors.chat_recent import RecentMessages
from actors.events import ChatMessage, ChatUser, DeletedMessage

ANN = ChatUser(id="a", username="ann", display_name="Ann", badges=())


def said(offset: int) -> ChatMessage:
    return ChatMessage(
        id=f"m{offset}", offset=offset, user=ANN, text=f"n{offset}", sent_at=dt.datetime.now(dt.UTC), client_id="c"
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
