"""Overlay keys: what they read, that it is all, and how they end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.events import Person
from actors.runtime import DomainError
from actors.session import Session, TokenBucket
from server.describe import features as all_features
from server.features.people.facts import FollowChanged
from server.live.rooms import Rooms
from server.scopes import OVERLAY, SCOPES
from storage.facts import publish
from tests.server.kit import Kit

KEY_SCOPES = frozenset({OVERLAY})


def test_of_all_operations_and_events_a_key_has_those_that_overlays_ask() -> None:
    features = all_features()
    operations = [one for feature in features for one in feature.operations if one.auth in ("required", "optional")]
    assert [one.name for one in operations if one.needed_scope in KEY_SCOPES] == ["getOverlayGoals", "getOverlay"]
    events = [event for feature in features for event in feature.events]
    assert [event.name for event in events if event.is_within(KEY_SCOPES)] == ["chat:join"]
    assert OVERLAY not in SCOPES


async def test_a_key_reads_nothing_over_rest_but_what_it_is_for_and_ends_when_it_is_rotated(kit: Kit) -> None:
    async with kit.serve() as served:
        ada = await served.register("ada")
        _, made = await served.call("GET", "/me/overlay-key", token=ada)
        assert await served.call("GET", "/me/overlay-key", token=ada) == (200, made)
        key = made["key"]
        assert made["urls"]["chat"] == f"https://live.test/overlay/chat?key={key}"
        status, shown = await served.call("GET", "/overlay", token=key)
        assert (status, shown["owner"], shown["room_id"]) == (200, "ada", None)
        for path in ("/me", "/me/overlay-key", "/notifications", "/users/ada", "/me/webhooks"):
            assert (await served.call("GET", path, token=key))[0] == 403, path
        assert (await served.call("GET", "/auth/tokens", token=ada))[1]["items"] == []
        body = {"name": "n", "scopes": ["overlay"]}
        assert (await served.call("POST", "/auth/tokens", token=ada, json=body))[0] == 422
        overlay = await served.connect(key)
        phone = await served.connect(ada)
        await served.register("bob")
        ids = await kit.database.fetch("select id from users order by username_key")
        async with kit.database.transaction() as tx:
            await publish(tx, FollowChanged(follower_id=ids[1]["id"], followee_id=ids[0]["id"], is_following=True))
        await kit.read_facts(served.features)
        assert (await overlay.event())[1]["user"]["username"] == "bob"
        heard = {(await phone.event())[0], (await phone.event())[0]}
        assert heard == {"overlay:follow", "notification"}
        assert (await overlay.refused("poll:vote", {"poll_id": ids[0]["id"], "option": 0}))["code"] == "missing_scope"
        _, other = await served.call("POST", "/me/overlay-key", token=ada)
        assert other["key"] != key
        assert (await overlay.event())[0] == "session:revoked"
        assert (await served.call("GET", "/overlay", token=key))[0] == 401
        assert (await served.call("GET", "/overlay", token=other["key"]))[0] == 200


@pytest.mark.parametrize(("owner", "may_join"), [("ada", True), ("bob", False)])
def test_a_key_joins_the_rooms_of_its_person_alone(owner: str, may_join: bool) -> None:
    anything: Any = SimpleNamespace
    mirror = anything(stream_id=None, owner_id=owner, room_id="r", is_private=False)
    rooms = Rooms(
        node=anything(), fan=anything(), mirrors=anything(get=lambda _: mirror), log=anything(), streams=anything(),
        members=anything(), presence=anything(), cluster_presence=anything(), traces=anything(),
        attachments=anything(),
    )  # fmt: skip
    session = Session(
        person=Person(id="ada", username="ada", display_name="Ada"), roles=(), session_id="s", viewer="ada",
        bucket=TokenBucket(rate=1, burst=1, at=0),
    )  # fmt: skip
    session.scopes = KEY_SCOPES
    if may_join:
        assert rooms._at_hand(session, "r") is cast(Any, mirror)
    else:
        with pytest.raises(DomainError):
            rooms._at_hand(session, "r")
