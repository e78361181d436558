"""Whom a node evicts when a stream becomes one for followers, and when a viewer follows no longer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

import msgspec

from actors.events import StreamView
from server.live.eviction import Eviction
from server.live.viewings import MaySee, Viewer
from storage.rights import Change
from tests.server.live.openness import Open, someone
from tests.server.live.test_rights import FOLLOWERS, VIEW

CHANGED = Change(seq=1, kind="stream", subject_id=VIEW.id)
UNFOLLOWED = Change(seq=2, kind="follow", subject_id="ann", other_id="bob")


class Directory:
    """``StreamDirectory`` of one stream: keeps to how many viewers it was shown again."""

    def __init__(self, view: StreamView) -> None:
        self.held = view
        self.shown_again: list[str] = []

    def known(self, stream_id: str) -> StreamView | None:
        return self.held if stream_id == self.held.id else None

    def forget_view(self, stream_id: str) -> None: ...

    def show_again(self, view: StreamView) -> None:
        self.shown_again.append(view.id)


class Seats:
    """``ViewHolder`` of one stream."""

    def __init__(self, *viewers: str | None) -> None:
        self.here = set(viewers)

    def streams(self) -> Collection[str]:
        return [VIEW.id]

    def viewers(self, stream_id: str) -> Collection[Viewer]:
        return {someone(each) for each in self.here}

    def evict(self, stream_id: str, may_see: MaySee) -> None:
        self.here = {viewer for viewer in self.here if may_see(someone(viewer))}


class Forgotten:
    """The recordings that are read anew."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def forget(self, stream_id: str) -> None:
        self.ids.append(stream_id)


def evicting(home: Open, directory: Directory, seats: Seats, recordings: Forgotten | None = None) -> Eviction:
    absent = cast(Any, None)
    return Eviction(
        node=absent, rights=home.rights, stream_directory=cast(Any, directory), mirrors=absent, holders=[seats],
        keepers=[], recordings=recordings or Forgotten(), renamed=absent, members_changed=absent,
        blocks_changed=absent,
    )  # fmt: skip


async def test_persons_stay_until_it_is_read_whether_they_follow_and_followers_are_then_shown_the_stream() -> None:
    home, directory, seats = Open(), Directory(FOLLOWERS), Seats("ann", "bob", "eve", None)
    home.following["ann"] = frozenset({"bob"})
    await home.rights.read(VIEW)
    eviction = evicting(home, directory, seats)
    eviction.judge_now(FOLLOWERS)
    assert seats.here == {"ann", "bob", "eve"}
    await eviction.handle(CHANGED)
    assert (seats.here, directory.shown_again) == ({"ann", "bob"}, [VIEW.id])


async def test_a_viewer_who_follows_no_longer_is_evicted_from_what_is_for_followers_alone() -> None:
    home, directory, seats = Open(), Directory(FOLLOWERS), Seats("ann", "bob")
    home.following["ann"] = frozenset({"bob"})
    assert await home.rights.judge(FOLLOWERS, someone("bob"))
    home.following.clear()
    eviction = evicting(home, directory, seats)
    home.rights.start(eviction.handle)
    home.noted.append(UNFOLLOWED)
    directory.held = msgspec.structs.replace(VIEW, visibility="unlisted")
    await home.rights.look()
    assert seats.here == {"ann", "bob"}
    directory.held = FOLLOWERS
    home.noted.append(msgspec.structs.replace(UNFOLLOWED, seq=3))
    await home.rights.look()
    await home.rights.close()
    assert seats.here == {"ann"}


async def test_a_recording_that_was_silenced_in_parts_is_read_anew() -> None:
    recordings = Forgotten()
    eviction = evicting(Open(), Directory(VIEW), Seats("ann"), recordings)
    await eviction.handle(Change(seq=1, kind="recording", subject_id=VIEW.id))
    assert recordings.ids == [VIEW.id]
