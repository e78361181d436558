"""A call on virtual time: who is in it, whom signals reach, and when it ends, whatever dies."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from actors.call import BEAT_S, EMPTY_S, LASTS_S, MAX_PEOPLE, SILENT_S, Call
from actors.call_messages import (
    CALL,
    CallState,
    InviteToCall,
    JoinCall,
    LeaveCall,
    RelaySignal,
    Seat,
    SeatsHere,
    SocketGone,
)
from actors.call_store import CallMember, CallRecord
from actors.events import Person
from actors.runtime import DomainError, Fence, LocalDirectory, LocalTransport, ManualClock, Node, Unavailable
from actors.viewers_messages import NodeLeft

OWNER = "ann"


def person(name: str) -> Person:
    return Person(id=name, username=name, display_name=name.title())


def seat(name: str, node: str = "n1", device: str = "1") -> Seat:
    return Seat(node=node, socket=f"{name}-{device}")


@dataclass
class Rows:
    """``CallStore`` in memory; ``blocks``: pairs who are apart."""

    record: CallRecord | None
    tokens: set[bytes] = field(default_factory=set)
    blocks: set[frozenset[str]] = field(default_factory=set)
    is_away: bool = False

    async def load(self, call_id: str) -> CallRecord | None:
        return self.record

    async def admit(
        self, call_id: str, person_id: str, seat: Seat, *, token_hash: bytes | None, at: dt.datetime, fence: Fence
    ) -> bool:
        if token_hash is not None and token_hash not in self.tokens:
            return False
        self.tokens.discard(token_hash or b"")
        self._seat(person_id, seat)
        return True

    async def leave(self, call_id: str, person_id: str, seat: Seat, *, fence: Fence) -> None:
        if self.is_away:
            raise Unavailable("postgres")
        self._seat(person_id, None)

    async def end(self, call_id: str, *, at: dt.datetime, fence: Fence) -> None:
        assert self.record is not None
        self.record = msgspec.structs.replace(self.record, ended_at=at)

    async def invite(self, call_id: str, token_hash: bytes, *, fence: Fence) -> bool:
        self.tokens.add(token_hash)
        return len(self.tokens) <= 20

    async def apart(self, person_id: str, others: Collection[str]) -> frozenset[str]:
        return frozenset(other for other in others if frozenset({person_id, other}) in self.blocks)

    def _seat(self, person_id: str, seat: Seat | None) -> None:
        assert self.record is not None
        members = {member.person.id: member for member in self.record.members}
        members[person_id] = CallMember(person=person(person_id), seat=seat)
        self.record = msgspec.structs.replace(self.record, members=tuple(members.values()))


class Line:
    """One call on a node; ``sent`` is what went to which socket."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.rows = Rows(CallRecord(owner_id=OWNER, ends_at=self.now() + dt.timedelta(seconds=LASTS_S)))
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    def now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.clock.time(), dt.UTC)

    async def boot(self) -> None:
        self.node = Node(
            name="n1", clock=self.clock, directory=LocalDirectory(node="n1", epoch=1), transport=LocalTransport()
        )
        self.node.register(
            CALL,
            lambda actor_id: Call(call_id=actor_id.key, store=self.rows, deliver=self._deliver, now=self.now),
        )
        await self.node.start()
        self.ref = self.node.ref(CALL, "c1")

    async def stop(self) -> None:
        await self.node.stop(budget_s=0.0)

    def _deliver(self, to: Seat, person_id: str, event: str, body: dict[str, Any]) -> None:
        self.sent.append((to.socket, event, body))

    async def join(self, name: str, at: Seat | None = None) -> CallState:
        """With a token of their own, unless they have been in the call."""
        known = name == OWNER or any(one.person.id == name for one in (self.rows.record or _none()).members)
        token = None if known else name.encode()
        if token is not None:
            self.rows.tokens.add(token)
        return await self.ref.ask(JoinCall(person=person(name), seat=at or seat(name), token_hash=token))

    async def signal(self, name: str, to: str, at: Seat | None = None) -> None:
        offer = {"description": {"type": "offer", "sdp": "v=0"}}
        await self.ref.ask(RelaySignal(person_id=name, seat=at or seat(name), to=to, signal=offer))

    def heard(self, socket: str) -> list[tuple[str, dict[str, Any]]]:
        """What was sent to a socket since the last time, without the call's id."""
        mine = [
            (event, {k: v for k, v in body.items() if k != "call_id"}) for to, event, body in self.sent if to == socket
        ]
        self.sent = [one for one in self.sent if one[0] != socket]
        return mine


def _none() -> CallRecord:
    return CallRecord(owner_id="", ends_at=dt.datetime.now(dt.UTC))


async def refused(awaited: Any) -> str:
    with pytest.raises(DomainError) as error:
        await awaited
    return error.value.code


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    made = Line()
    await made.boot()
    yield made
    await made.stop()


async def test_the_others_hear_who_joins_and_leaves_and_a_signal_reaches_one_socket(line: Line) -> None:
    await line.join("ann")
    await line.join("bob")
    state = await line.join("cyd")
    assert [one.id for one in state.people] == ["ann", "bob", "cyd"]
    shown = {"id": "cyd", "username": "cyd", "display_name": "Cyd"}
    assert line.heard("bob-1") == [("call:joined", {"person": shown})]
    line.sent.clear()
    await line.signal("cyd", "ann")
    assert line.sent == [
        ("ann-1", "call:signal", {"call_id": "c1", "from": "cyd", "description": {"type": "offer", "sdp": "v=0"}})
    ]
    line.sent.clear()
    await line.ref.ask(LeaveCall(person_id="bob", seat=seat("bob")))
    assert line.heard("ann-1") == line.heard("cyd-1") == [("call:left", {"user_id": "bob", "reason": "left"})]
    assert line.sent == []


async def test_signals_from_and_to_those_who_are_not_in_the_call_are_refused(line: Line) -> None:
    await line.join("ann")
    await line.join("bob")
    await line.ref.ask(LeaveCall(person_id="bob", seat=seat("bob")))
    line.sent.clear()
    assert await refused(line.signal("ann", "bob")) == "not_in_call"
    assert await refused(line.signal("ann", "ann")) == "not_in_call"
    assert await refused(line.signal("ann", "eve")) == "not_in_call"
    assert await refused(line.signal("bob", "ann")) == "not_joined"
    assert await refused(line.signal("ann", "ann", seat("ann", device="2"))) == "not_joined"
    assert await refused(line.signal("eve", "ann")) == "not_found"
    assert line.sent == []


async def test_a_token_admits_one_person_once(line: Line) -> None:
    await line.join("ann")
    line.rows.tokens.add(b"t")
    await line.ref.ask(JoinCall(person=person("bob"), seat=seat("bob"), token_hash=b"t"))
    again = JoinCall(person=person("cyd"), seat=seat("cyd"), token_hash=b"t")
    assert await refused(line.ref.ask(again)) == "token_invalid"
    without = JoinCall(person=person("cyd"), seat=seat("cyd"))
    assert await refused(line.ref.ask(without)) == "not_found"


async def test_a_seventh_person_is_refused_and_keeps_the_token(line: Line) -> None:
    for name in ["ann", *(f"p{number}" for number in range(MAX_PEOPLE - 1))]:
        await line.join(name)
    assert await refused(line.join("zoe")) == "call_full"
    await line.ref.ask(LeaveCall(person_id="p0", seat=seat("p0")))
    assert [one.id for one in (await line.join("zoe")).people][-1] == "zoe"


async def test_who_is_apart_from_someone_in_the_call_cannot_join(line: Line) -> None:
    await line.join("ann")
    line.rows.blocks.add(frozenset({"ann", "eve"}))
    assert await refused(line.join("eve")) == "forbidden"
    assert b"eve" in line.rows.tokens


async def test_only_the_owner_invites(line: Line) -> None:
    await line.join("ann")
    await line.join("bob")
    assert await refused(line.ref.ask(InviteToCall(person_id="bob", token_hash=b"1"))) == "forbidden"
    assert await refused(line.ref.ask(InviteToCall(person_id="eve", token_hash=b"1"))) == "not_found"
    for number in range(20):
        await line.ref.ask(InviteToCall(person_id="ann", token_hash=bytes([number])))
    assert await refused(line.ref.ask(InviteToCall(person_id="ann", token_hash=b"more"))) == "too_many_invitations"


async def test_a_second_device_takes_the_first_ones_place(line: Line) -> None:
    await line.join("ann")
    await line.join("bob")
    line.sent.clear()
    await line.join("bob", seat("bob", device="2"))
    assert line.heard("bob-1") == [("call:ended", {"reason": "elsewhere"})]
    assert [event for event, _ in line.heard("ann-1")] == ["call:left", "call:joined"]
    assert await refused(line.signal("bob", "ann")) == "not_joined"
    line.ref.tell(SocketGone(person_id="bob", seat=seat("bob")))  # the first device's, which is not in the call
    await line.signal("bob", "ann", seat("bob", device="2"))
    assert [event for event, _ in line.heard("ann-1")] == ["call:signal"]


async def test_joining_again_through_the_same_socket_tells_nobody(line: Line) -> None:
    await line.join("ann")
    await line.join("bob")
    line.sent.clear()
    assert len((await line.join("bob")).people) == 2
    assert line.sent == []


async def test_a_call_ends_an_hour_after_it_began(line: Line) -> None:
    await line.join("ann")
    await line.join("bob", seat("bob"))
    line.sent.clear()
    for _ in range(round(LASTS_S / BEAT_S) - 1):
        await line.clock.advance(BEAT_S)
        assert await line.ref.ask(SeatsHere(node="n1", sockets={"ann-1": "ann", "bob-1": "bob"})) == {}
    assert line.sent == []
    await line.clock.advance(BEAT_S)
    assert line.heard("ann-1") == line.heard("bob-1") == [("call:ended", {"reason": "time"})]
    assert await refused(line.join("ann")) == "call_ended"


async def test_a_call_ends_when_the_last_one_leaves(line: Line) -> None:
    await line.join("ann")
    await line.ref.ask(LeaveCall(person_id="ann", seat=seat("ann")))
    assert await refused(line.join("ann")) == "call_ended"
    assert line.rows.record is not None
    assert line.rows.record.ended_at == line.now()


async def test_a_call_whose_last_connection_is_lost_waits_for_its_people(line: Line) -> None:
    await line.join("ann")
    for _ in range(2):  # each loss has its own time
        line.ref.tell(SocketGone(person_id="ann", seat=seat("ann")))
        await line.clock.advance(EMPTY_S * 0.7)
        assert [one.id for one in (await line.join("ann")).people] == ["ann"]
    line.ref.tell(SocketGone(person_id="ann", seat=seat("ann")))
    await line.clock.advance(EMPTY_S + 1)
    assert await refused(line.join("ann")) == "call_ended"


async def test_the_others_hear_it_when_the_node_of_a_person_is_gone(line: Line) -> None:
    await line.join("ann")
    await line.join("bob", seat("bob", node="n2"))
    line.sent.clear()
    line.ref.tell(NodeLeft(node="n2", at=line.clock.time()))
    await line.clock.settle()
    assert line.heard("ann-1") == [("call:left", {"user_id": "bob", "reason": "lost"})]
    await line.join("bob", seat("bob", node="n3"))
    assert [event for event, _ in line.heard("ann-1")] == ["call:joined"]


async def test_who_is_not_told_of_any_more_is_lost(line: Line) -> None:
    await line.join("ann")
    await line.join("bob", seat("bob", node="n2"))
    line.sent.clear()
    for _ in range(round(SILENT_S / BEAT_S) + 1):
        await line.clock.advance(BEAT_S)
        await line.ref.ask(SeatsHere(node="n1", sockets={"ann-1": "ann"}))
    assert line.heard("ann-1") == [("call:left", {"user_id": "bob", "reason": "lost"})]
    told = await line.ref.ask(SeatsHere(node="n2", sockets={"bob-1": "bob"}))
    assert told == {"bob-1": "lost"}
    await line.join("bob", seat("bob", device="2"))
    assert await line.ref.ask(SeatsHere(node="n2", sockets={"bob-1": "bob"})) == {"bob-1": "elsewhere"}


async def test_the_actor_that_follows_a_dead_one_knows_who_is_where(line: Line) -> None:
    await line.join("ann")
    await line.join("bob", seat("bob", node="n2"))
    await line.join("cyd")
    line.rows.is_away = True  # what the dying node would write
    await line.stop()
    line.rows.is_away = False
    await line.boot()
    line.sent.clear()
    await line.signal("ann", "bob")
    assert [event for event, _ in line.heard("bob-1")] == ["call:signal"]
    for _ in range(round(SILENT_S / BEAT_S) + 1):  # and n2 has died, too
        await line.clock.advance(BEAT_S)
        await line.ref.ask(SeatsHere(node="n1", sockets={"ann-1": "ann", "cyd-1": "cyd"}))
    assert line.heard("cyd-1") == [("call:left", {"user_id": "bob", "reason": "lost"})]
    assert len((await line.join("bob")).people) == 3


async def test_a_departure_that_cannot_be_written_is_told_all_the_same(line: Line) -> None:
    await line.join("ann")
    await line.join("bob")
    line.sent.clear()
    line.rows.is_away = True
    await line.ref.ask(LeaveCall(person_id="bob", seat=seat("bob")))
    assert [event for event, _ in line.heard("ann-1")] == ["call:left"]


async def test_there_is_no_call_of_an_unknown_id(line: Line) -> None:
    line.rows.record = None
    assert await refused(line.ref.ask(JoinCall(person=person("ann"), seat=seat("ann")))) == "not_found"
