"""A person's new display name, everywhere on a node at once."""

from __future__ import annotations

import datetime as dt
from collections import deque

from actors.chat_messages import RoomSnapshot
from actors.chat_recent import RecentMessages
from actors.chat_rules import ChatMode
from actors.events import ChatMessage, ChatUser, Person
from actors.presence import Presence
from actors.session import Session, TokenBucket
from server.http.identity import Caller as Speaker
from server.http.identity import Identity
from server.live.room_mirror import RoomMirror
from storage.postgres import Database

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


def message(offset: int, author: str) -> ChatMessage:
    user = ChatUser(id=author, username=author, display_name=author.title())
    return ChatMessage(id=str(offset), offset=offset, user=user, text="hello", sent_at=NOW)


def names(recent: RecentMessages) -> list[str]:
    return [one.user.display_name for one in recent.last(10) if isinstance(one, ChatMessage)]


def test_room_gives_out_what_was_written_under_the_new_name() -> None:
    recent = RecentMessages()
    for offset, author in enumerate(["ann", "bob", "ann"], 1):
        recent.add(message(offset, author))
    recent.rename("ann", "Anna")
    assert names(recent) == ["Anna", "Bob", "Anna"]


def test_page_of_the_log_that_was_read_before_a_rename_is_given_out_under_the_new_name() -> None:
    recent = RecentMessages(after=2)
    recent.begin_reading()
    recent.rename("ann", "Anna")
    recent.complete([message(1, "ann"), message(2, "bob")])
    assert names(recent) == ["Anna", "Bob"]


def test_feed_gives_out_the_new_name_and_encodes_anew() -> None:
    written = {"id": "1", "offset": 1, "user": {"id": "ann", "username": "ann", "display_name": "Ann"}, "text": "x"}
    gone = {"id": "2", "offset": 2, "deleted": True}
    mirror = RoomMirror(
        RoomSnapshot(
            room_id="r", stream_id=None, owner_id="o", epoch="e", offset=2, mode=ChatMode(), pinned=written,
            messages=(written, gone),
        )
    )  # fmt: skip
    mirror.encoded["json"] = b"old"
    mirror.rename("ann", "Anna")
    assert mirror.recent == deque([{**written, "user": {**written["user"], "display_name": "Anna"}}, gone])
    assert mirror.pinned is not None
    assert mirror.pinned["user"]["display_name"] == "Anna"
    assert mirror.encoded == {}
    assert written["user"]["display_name"] == "Ann"


def test_presence_names_a_person_anew_and_counts_their_sockets_on() -> None:
    presence, ann = Presence(), Person(id="ann", username="ann", display_name="Ann")
    presence.enter("room", ann)
    presence.enter("room", ann)
    presence.rename("ann", "Anna")
    presence.leave("room", ann)
    assert [one.display_name for one in presence.people("room", limit=9)] == ["Anna"]
    presence.leave("room", ann)
    assert presence.count("room") == 0


async def test_token_from_before_speaks_under_the_new_name(identity: Identity, database: Database) -> None:
    token, _ = identity.mint(Speaker(id="ann", username="ann", display_name="Ann", roles=frozenset(), session_id="s"))
    identity.rename("ann", "Anna")
    assert identity.verify(token).display_name == "Anna"
    await identity.refresh()
    assert identity.verify(token).display_name == "Anna"


def test_open_socket_speaks_under_the_new_name_and_others_under_theirs() -> None:
    bucket = TokenBucket(rate=1, burst=1, at=0)
    session = Session(
        person=Person(id="ann", username="ann", display_name="Ann"), roles=(), session_id="s", viewer="ann",
        bucket=bucket,
    )  # fmt: skip
    session.rename("bob", "Bobby")
    assert session.require_person().display_name == "Ann"
    session.rename("ann", "Anna")
    assert session.require_person().display_name == "Anna"
