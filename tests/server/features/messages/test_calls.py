"""Calls over Socket.IO: who may do what, and what is refused."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from actors.runtime import DomainError
from server.features.messages.calls.calls import MAX_OWN
from server.features.messages.calls.shapes import MAX_SDP, CallCreated, CallJoined, CallSignalled, Signal
from server.features.messages.settings import IceSettings
from server.live.acks import shaped
from tests.server.kit import Kit
from tests.server.served import Device, Served

SOME_ID = "01a2293b-2c58-7716-bf83-011bc8a33bb2"
OFFER = {"type": "offer", "sdp": "v=0\r\n"}
TURN = {
    "stun_urls": "stun:ice.test:3478",
    "turn_urls": "turn:ice.test:3478?transport=udp,turns:ice.test:5349?transport=tcp",
    "turn_secret": "a shared secret of the test",
    "turn_ttl_s": 600,
}


@asynccontextmanager
async def serving(kit: Kit, **settings: Any) -> AsyncIterator[Served]:
    await kit.database.execute("update shards set epoch = 1")  # as the node's directory has it
    async with kit.serve(**settings) as served:
        yield served


async def person(served: Served, name: str) -> tuple[str, Device]:
    """Their id, and a device of theirs."""
    token = await served.register(name)
    _, me = await served.call("GET", "/me", token=token)
    return me["id"], await served.connect(token)


async def test_two_people_meet_by_an_invitation_and_exchange_signals(kit: Kit) -> None:
    async with serving(kit) as served:
        (ada_id, ada), (bob_id, bob) = await person(served, "ada"), await person(served, "bob")
        call = await ada.done("call:create", {})
        call_id = call["call_id"]
        assert [one["id"] for one in call["people"]] == [ada_id]
        msgspec.convert(call, CallCreated)  # as documented, and no more
        invited = await ada.done("call:invite", {"call_id": call_id})
        joined = await bob.done("call:join", {"join_token": invited["join_token"]})
        assert joined["call_id"] == call_id
        msgspec.convert(joined, CallJoined)
        assert [one["username"] for one in joined["people"]] == ["ada", "bob"]
        assert (await ada.until("call:joined"))["person"]["id"] == bob_id
        await bob.done("call:signal", {"call_id": call_id, "to": ada_id, "description": OFFER})
        signalled = await ada.until("call:signal")
        assert signalled == {"call_id": call_id, "from": bob_id, "description": OFFER}
        msgspec.convert(signalled, CallSignalled)
        candidate = {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}
        await ada.done("call:signal", {"call_id": call_id, "to": bob_id, "candidate": candidate})
        assert (await bob.until("call:signal"))["candidate"] == candidate
        await ada.done("call:signal", {"call_id": call_id, "to": bob_id, "candidate": None})
        assert (await bob.until("call:signal"))["candidate"] is None
        await bob.client.disconnect()
        assert await ada.until("call:left") == {"call_id": call_id, "user_id": bob_id, "reason": "lost"}


async def test_signals_arrive_in_the_order_in_which_they_were_sent(kit: Kit) -> None:
    async with serving(kit) as served:
        (ada_id, ada), (_, bob) = await person(served, "ada"), await person(served, "bob")
        call = await ada.done("call:create", {})
        await bob.done("call:join", {"join_token": call["join_token"]})
        of_call = {"call_id": call["call_id"], "to": ada_id}
        signals: list[dict[str, Any]] = [
            {"description": OFFER},
            *({"candidate": {"candidate": str(n)}} for n in range(20)),
        ]
        await asyncio.gather(*(bob.done("call:signal", {**of_call, **signal}) for signal in signals))
        heard = [await ada.until("call:signal") for _ in signals]
        assert [{k: v for k, v in one.items() if k in ("description", "candidate")} for one in heard] == signals


async def test_a_token_works_once_and_is_nowhere_in_the_tables(kit: Kit) -> None:
    async with serving(kit) as served:
        (_, ada), (_, bob), (_, eve) = [await person(served, name) for name in ("ada", "bob", "eve")]
        call = await ada.done("call:create", {})
        token = call["join_token"]
        assert len(base64.urlsafe_b64decode(token + "==")) == 16
        stored = [bytes(row["token_hash"]) for row in await kit.database.fetch("select token_hash from call_tokens")]
        assert stored == [hashlib.sha256(token.encode()).digest()]
        await bob.done("call:join", {"join_token": token})
        assert (await eve.refused("call:join", {"join_token": token}))["code"] == "token_invalid"
        assert (await eve.refused("call:join", {"join_token": "x" * 22}))["code"] == "token_invalid"
        assert (await eve.refused("call:join", {"call_id": call["call_id"]}))["code"] == "not_found"
        await ada.done("call:leave", {"call_id": call["call_id"]})
        await bob.done("call:leave", {"call_id": call["call_id"]})
        assert (await bob.refused("call:join", {"call_id": call["call_id"]}))["code"] == "call_ended"


async def test_a_signal_goes_to_the_one_socket_that_joined(kit: Kit) -> None:
    async with serving(kit) as served:
        token = await served.register("ada")
        phone, laptop = await served.connect(token), await served.connect(token)
        bob_id, bob = await person(served, "bob")
        call = await phone.done("call:create", {})
        joined = await bob.done("call:join", {"join_token": call["join_token"]})
        ada_id = joined["owner_id"]
        of_call = {"call_id": call["call_id"]}
        await bob.done("call:signal", {**of_call, "to": ada_id, "description": OFFER})
        await phone.until("call:signal")
        assert (await laptop.refused("call:signal", {**of_call, "to": bob_id, "description": OFFER}))["code"] == (
            "not_joined"
        )
        await laptop.done("call:join", of_call)
        assert (await phone.until("call:ended"))["reason"] == "elsewhere"
        await bob.done("call:signal", {**of_call, "to": ada_id, "description": OFFER})
        assert (await laptop.until("call:signal"))["from"] == bob_id
        assert phone.is_silent


async def test_strangers_guests_and_people_of_another_call_are_refused(kit: Kit) -> None:
    async with serving(kit) as served:
        (ada_id, ada), (_, eve) = await person(served, "ada"), await person(served, "eve")
        guest = await served.connect()
        call, other = await ada.done("call:create", {}), await eve.done("call:create", {})
        body = {"call_id": call["call_id"], "to": ada_id, "description": OFFER}
        assert (await eve.refused("call:signal", body))["code"] == "not_found"
        in_mine = {**body, "call_id": other["call_id"]}
        assert (await eve.refused("call:signal", in_mine))["field"] == "to"
        assert (await eve.refused("call:invite", {"call_id": call["call_id"]}))["code"] == "not_found"
        assert (await eve.refused("call:leave", {"call_id": call["call_id"]}))["code"] == "not_found"
        assert (await eve.refused("call:leave", {"call_id": ada_id}))["code"] == "not_found"
        assert (await guest.refused("call:create", {}))["code"] == "unauthenticated"
        assert (await guest.refused("call:join", {"join_token": call["join_token"]}))["code"] == "unauthenticated"


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"description": OFFER, "candidate": None},
        {"description": {"type": "offer", "sdp": "x" * (MAX_SDP + 1)}},
        {"description": {"type": "offer", "sdp": "\u00e9" * (MAX_SDP // 2 + 1)}},
        {"description": {"type": "mischief", "sdp": ""}},
        {"description": "v=0"},
        {"candidate": {"candidate": "c" * 3_000}},
        {"candidate": {"sdpMLineIndex": -1}},
    ],
)
def test_a_signal_that_is_none_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(DomainError) as refused:
        shaped(Signal, [{"call_id": SOME_ID, "to": SOME_ID, **more}]).signal()
    assert refused.value.code == "invalid"


async def test_one_person_has_so_many_calls_and_no_more(kit: Kit) -> None:
    async with serving(kit) as served:
        _, ada = await person(served, "ada")
        for _ in range(MAX_OWN):
            await ada.done("call:create", {})
        assert (await ada.refused("call:create", {}))["code"] == "too_many_calls"
        codes = {(await ada.refused("call:create", {}))["code"] for _ in range(40)}
        assert codes == {"too_many_calls", "rate_limited"}
        assert await kit.database.fetchval("select count(*) from calls") == MAX_OWN


async def test_who_is_blocked_can_neither_join_nor_signal(kit: Kit) -> None:
    async with serving(kit) as served:
        (ada_id, ada), (bob_id, bob), (eve_id, eve) = [await person(served, name) for name in ("ada", "bob", "eve")]
        block = "insert into blocks (user_id, blocked_id) values ($1, $2)"
        await kit.database.execute(block, ada_id, eve_id)
        call = await ada.done("call:create", {})
        assert (await eve.refused("call:join", {"join_token": call["join_token"]}))["code"] == "forbidden"
        await bob.done("call:join", {"join_token": call["join_token"]})
        await kit.database.execute(block, ada_id, bob_id)
        body = {"call_id": call["call_id"], "to": ada_id, "description": OFFER}
        assert (await bob.refused("call:signal", body))["code"] == "not_in_call"


async def test_turn_credentials_are_handed_out_and_renewed_by_joining_again(kit: Kit) -> None:
    async with serving(kit, **TURN) as served:
        ada_id, ada = await person(served, "ada")
        call = await ada.done("call:create", {})
        stun, turn = call["ice_servers"]
        assert stun == {"urls": ["stun:ice.test:3478"]}
        assert turn["urls"] == ["turn:ice.test:3478?transport=udp", "turns:ice.test:5349?transport=tcp"]
        expires, _, holder = turn["username"].partition(":")
        assert holder == ada_id
        assert 590 < int(expires) - time.time() < 610
        digest = hmac.digest(TURN["turn_secret"].encode(), turn["username"].encode(), "sha1")
        assert turn["credential"] == base64.b64encode(digest).decode()
        again = await ada.done("call:join", {"call_id": call["call_id"]})
        assert again["ice_expires_at"] >= call["ice_expires_at"]


async def test_calls_are_forgotten_an_hour_after_their_end(kit: Kit) -> None:
    async with serving(kit) as served:
        _, ada = await person(served, "ada")
        first, second = await ada.done("call:create", {}), await ada.done("call:create", {})
        aged = "update calls set ended_at = now() - interval '61 minutes' where id = $1"
        await kit.database.execute(aged, first["call_id"])
        await next(one for one in served.feature("calls").schedules).job.run(None)  # type: ignore[arg-type]
        assert [row["id"] for row in await kit.database.fetch("select id from calls")] == [second["call_id"]]


@pytest.mark.parametrize(
    "settings",
    [
        {"stun_urls": "http://ice.test"},
        {"stun_urls": 'stun:ice.test">'},
        {"turn_urls": "turn:ice.test:3478"},
        {"turn_urls": "turn:ice.test:3478?transport=sctp", "turn_secret": "a shared secret of the test"},
    ],
)
def test_servers_that_browsers_cannot_use_are_refused_at_the_start(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        IceSettings(**settings)
