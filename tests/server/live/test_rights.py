"""Who may see a stream: what a node remembers of it, and how it hears that this has changed."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import re

import msgspec
import pytest

from actors.events import Person, StreamView
from actors.runtime import Unavailable
from server.http.errors import Problem
from server.live.addresses import ADDRESSED, STEP_S, MediaAddresses
from server.live.viewings import NOBODY, Viewer, Viewings
from storage.rights import Change, Ruling
from tests.server.live.openness import Open, someone

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
VIEW = StreamView(
    id="01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", owner=Person(id="ann", username="ann", display_name="Ann"), room_id="r",
    title="", description="", category="", tags=(), language="", visibility="public", latency="low", is_recorded=True,
    state="live", created_at=NOW,
)  # fmt: skip
PRIVATE = msgspec.structs.replace(VIEW, visibility="private")
FOLLOWERS = msgspec.structs.replace(VIEW, visibility="followers")
LOCKED = msgspec.structs.replace(VIEW, visibility="password")
BLOCK = Change(seq=1, kind="block", subject_id="ann", other_id="eve")


async def judged(home: Open, view: StreamView, *viewers: str | None) -> list[bool]:
    return [await home.rights.judge(view, someone(viewer)) for viewer in viewers]


async def test_public_streams_are_seen_by_all_but_whom_their_owner_blocks() -> None:
    home = Open()
    home.rulings["ann"] = Ruling(barred=frozenset({"eve"}))
    assert await judged(home, VIEW, "ann", "bob", None, "eve") == [True, True, True, False]


async def test_private_streams_are_seen_by_their_owner_and_guests_that_are_not_blocked() -> None:
    home = Open()
    home.rulings["ann"] = Ruling(barred=frozenset({"eve"}))
    home.invited[VIEW.id] = frozenset({"bob", "eve"})
    assert await judged(home, PRIVATE, "ann", "bob", "cid", None, "eve") == [True, True, False, False, False]


async def test_streams_for_followers_are_seen_by_who_follows_until_that_is_heard_to_end() -> None:
    home = Open()
    home.invited[VIEW.id] = frozenset({"gus"})
    home.following["ann"] = frozenset({"bob"})
    assert await judged(home, FOLLOWERS, "ann", "gus", "bob", "cid", None) == [True, True, True, False, False]
    home.following["ann"] = frozenset({"cid"})
    assert await judged(home, FOLLOWERS, "bob", "cid") == [True, True]
    home.noted.append(Change(seq=1, kind="follow", subject_id="ann", other_id="bob"))
    await home.rights.look()
    assert await judged(home, FOLLOWERS, "bob", "cid") == [False, True]


async def test_streams_with_a_password_are_seen_by_who_has_given_it_until_it_is_heard_to_be_changed() -> None:
    home = Open()
    home.rulings["ann"] = Ruling(barred=frozenset({"eve"}))
    home.granted[VIEW.id] = frozenset({"bob", "eve"})
    assert await judged(home, LOCKED, "ann", "bob", "cid", None, "eve") == [True, True, False, False, False]
    refused = [home.rights.refusal(LOCKED, someone(viewer)).code for viewer in ("cid", None, "eve")]
    assert refused == ["password_required", "password_required", "not_found"]
    assert home.rights.refusal(PRIVATE, someone("cid")).code == "not_found"
    home.granted.clear()
    assert await judged(home, LOCKED, "bob") == [True]
    home.noted.append(Change(seq=1, kind="stream", subject_id=VIEW.id))
    await home.rights.look()
    assert await judged(home, LOCKED, "bob") == [False]


async def test_no_more_admitted_persons_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.live.rights.MAX_ADMITTED", 2)
    home = Open()
    home.following["ann"] = frozenset({"bob", "cid"})
    home.granted[VIEW.id] = frozenset({"bob"})
    for _ in range(2):
        assert await judged(home, FOLLOWERS, "bob", "cid") == [True, True]
        assert await judged(home, LOCKED, "bob") == [True]
        assert home.rights.may_see(FOLLOWERS, someone("bob")) is None


async def test_nobody_sees_the_streams_of_somebody_suspended_until_the_suspension_ends() -> None:
    home = Open()
    home.rulings["ann"] = Ruling(hidden_until=home.now + dt.timedelta(hours=1))
    assert await judged(home, VIEW, "ann", "bob", None) == [False] * 3
    home.now += dt.timedelta(hours=1)
    assert await judged(home, VIEW, "ann", "bob", None) == [True] * 3


async def test_what_was_read_is_remembered_until_a_change_is_heard_of() -> None:
    home = Open()
    assert await judged(home, VIEW, "eve", "eve") == [True, True]
    home.rulings["ann"] = Ruling(barred=frozenset({"eve"}))
    assert await judged(home, VIEW, "eve") == [True]
    assert home.reads == 1
    home.noted.append(BLOCK)
    await home.rights.look()
    assert home.rights.may_see(VIEW, someone("eve")) is None
    assert await judged(home, VIEW, "eve") == [False]


async def test_a_change_during_the_reading_has_it_read_again() -> None:
    home = Open()
    read, go_on = home.ruling, asyncio.Event()

    async def slow(owner_id: str) -> Ruling:
        found = await read(owner_id)
        await go_on.wait()
        return found

    home.ruling = slow  # type: ignore[method-assign]
    judging = asyncio.ensure_future(home.rights.judge(VIEW, someone("eve")))
    await asyncio.sleep(0)
    home.rulings["ann"] = Ruling(barred=frozenset({"eve"}))
    home.noted.append(BLOCK)
    await home.rights.look()
    go_on.set()
    assert not await judging


async def test_a_guest_is_let_in_though_their_hosts_blocks_change_while_the_guests_are_read() -> None:
    home = Open()
    home.invited[VIEW.id] = frozenset({"bob"})
    read, changes = home.guests, [BLOCK]

    async def meanwhile(stream_id: str) -> frozenset[str]:
        if changes:
            home.noted.append(changes.pop())
            await home.rights.look()
        return await read(stream_id)

    home.guests = meanwhile  # type: ignore[method-assign]
    assert await judged(home, PRIVATE, "bob") == [True]


async def test_each_change_is_told_once_and_again_only_when_it_could_not_be_carried_out() -> None:
    home = Open()
    told: list[int] = []

    async def handle(change: Change) -> None:
        told.append(change.seq)
        if told == [1]:
            raise Unavailable("stream", "it is away")

    home.rights.start(handle)
    home.noted.append(BLOCK)
    await home.rights.look()
    await home.rights.look()
    home.noted.append(msgspec.structs.replace(BLOCK, seq=2))
    await home.rights.look()
    await home.rights.look()
    await home.rights.close()
    assert told == [1, 1, 2]


# ------------------------------------------------------------------------------------------------------------ viewings


def test_what_is_shown_ends_for_those_who_may_not_see_it_and_for_ended_sessions() -> None:
    viewings, ended = Viewings(), list[str]()
    for name, session in (("ann", "1"), ("bob", "2"), ("bob", "3")):
        viewings.hold("s", Viewer(id=name, session_id=session), lambda at=session: ended.append(at))  # type: ignore[misc]
    let_go = viewings.hold("s", NOBODY, lambda: ended.append("guest"))
    viewings.end_session("3", "logout")
    assert ended == ["3"]
    viewings.evict("s", lambda viewer: viewer.id == "ann")
    assert ended == ["3", "2", "3", "guest"]
    let_go()
    viewings.evict("other", lambda _: False)
    viewings.evict("s", lambda viewer: viewer.id is not None)
    assert ended == ["3", "2", "3", "guest"]


# ----------------------------------------------------------------------------------------------------------- addresses


class Seals:
    """Seals of one cluster, and the sessions that were ended."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()

    def seal(self, purpose: bytes, body: bytes) -> bytes:
        return hashlib.sha256(purpose + body).digest()

    def is_sealed(self, purpose: bytes, body: bytes, seal: bytes) -> bool:
        return self.seal(purpose, body)[: len(seal)] == seal

    def is_revoked(self, session_id: str) -> bool:
        return session_id in self.revoked


BOB = Viewer(id="01890c2a-7b5e-7cc3-98c8-6b1f6c1f0b0b", session_id="01890c2a-7b5e-7cc3-98c8-6b1f6c1f0555")


def test_a_signed_address_says_who_asks_for_one_stream_in_one_session_and_for_some_hours() -> None:
    seals, at = Seals(), [1_000_000.0]
    addresses = MediaAddresses(seals=seals, wall=lambda: at[0])
    address = addresses.of(VIEW.id, BOB)
    assert addresses.read(address, None) == (VIEW.id, BOB)
    assert addresses.read(address.replace("0a11", "0a12"), None)[1] == NOBODY
    assert addresses.read(address[:-1] + ("A" if address[-1] != "A" else "Q"), None)[1] == NOBODY
    at[0] += STEP_S
    assert addresses.read(address, None)[1] == BOB
    seals.revoked.add(BOB.session_id or "")
    assert addresses.read(address, None)[1] == NOBODY
    seals.revoked.clear()
    at[0] += STEP_S
    assert addresses.read(address, None)[1] == NOBODY


@pytest.mark.parametrize("token", ["", "~", "~A", "~" + "A" * 72, "~" + "é" * 72, "~" + "A" * 5000, "~~"])
def test_an_address_with_something_else_behind_it_is_nobodys(token: str) -> None:
    assert MediaAddresses(seals=Seals()).read(VIEW.id.upper() + token, None) == (VIEW.id, NOBODY)


def test_a_recording_is_played_from_the_cdn_and_signed_for_nobody_where_all_must_be() -> None:
    at = [0.0]
    plain = MediaAddresses(seals=Seals(), cdn="https://cdn.example/live/", wall=lambda: at[0])
    signing = MediaAddresses(seals=Seals(), signs_all=True, wall=lambda: at[0])
    assert plain.base("/vod", VIEW.id, BOB, is_open=True) == f"https://cdn.example/live/vod/{VIEW.id}"
    assert plain.base("/vod", VIEW.id, BOB, is_open=False) == f"https://cdn.example/live/vod/{plain.of(VIEW.id, BOB)}"
    part = signing.recorded(VIEW.id, BOB, is_open=True)
    assert part == signing.recorded(VIEW.id, NOBODY, is_open=True) != VIEW.id
    assert re.fullmatch(ADDRESSED.pattern, part)
    assert signing.read(part, None) == (VIEW.id, NOBODY)
    assert signing.guest_of(VIEW.id, part.partition("~")[2]) is None
    signing.require_signed(part, None)
    assert signing.immutable(part) == f"public, max-age={2 * STEP_S}, immutable"
    assert plain.immutable(VIEW.id) == "public, max-age=31536000, immutable"
    at[0] = 2 * STEP_S
    assert refusal(signing, part) == "bad-address"
    assert signing.immutable(part) == "public, max-age=31536000, immutable"


def test_forged_expired_and_plain_addresses_are_refused_where_playback_is_signed() -> None:
    addresses, signing = MediaAddresses(seals=Seals()), MediaAddresses(seals=Seals(), signs_all=True)
    good = addresses.of(VIEW.id, BOB)
    other = VIEW.id.replace("0a11", "0a12")
    assert refusal(addresses, VIEW.id) is None
    assert refusal(addresses, good) is None
    assert refusal(addresses, good.replace(VIEW.id, other)) == "bad-address"
    assert refusal(addresses, good[:-1] + ("A" if good[-1] != "A" else "Q")) == "bad-address"
    assert refusal(addresses, f"{VIEW.id}~{'A' * 72}") == "bad-address"
    assert refusal(signing, VIEW.id) == "unsigned-address"


def refusal(addresses: MediaAddresses, part: str) -> str | None:
    try:
        addresses.require_signed(part, None)
    except Problem as problem:
        return problem.slug if problem.status == 403 else str(problem.status)
    return None


def test_addresses_have_the_form_that_the_routes_take() -> None:
    address = MediaAddresses(seals=Seals()).of(VIEW.id, BOB)
    assert re.fullmatch(ADDRESSED.pattern, address)
    assert re.fullmatch(ADDRESSED.pattern, VIEW.id)
    assert MediaAddresses(seals=Seals()).of(VIEW.id, NOBODY) == VIEW.id
