"""Sockets as the features' events meet them: who may send what, how often, and whom an event reaches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest

from actors.rate_limits import Rate, RateLimits
from actors.runtime import LocalTransport, LoopClock, Node
from actors.session import Session
from server.http.identity import Caller
from server.live.admission import ConnectionQuota
from server.live.sockets import Sockets
from server.socket_events import ClientEvent
from tests.server.live.nodes import NodeDirectory


class Ping(msgspec.Struct, frozen=True):
    n: int = 0


class Pong(msgspec.Struct, frozen=True):
    n: int


class Known:
    """``Identity``: a token is ``person/session``."""

    def on_revoked(self, heard: Callable[[str, str], None]) -> None:
        self.revoke = heard

    def verify(self, token: str) -> Caller:
        person, _, session = token.partition("/")
        return Caller(id=person, username=person, display_name=person, roles=frozenset(), session_id=session)

    def must_change_password(self, person: Caller) -> bool:
        return person.has_one_time_password


class Client:
    """A socket: keeps what it is sent."""

    def __init__(self, sid: str) -> None:
        self.sid = sid
        self.remote = "127.0.0.1"
        self.state: Any = None
        self.owner: str | None = None
        self.sent: list[tuple[str, Any]] = []
        self.is_open = True

    def emit(self, event: str, body: Any) -> None:
        self.sent.append((event, body))

    def disconnect(self, reason: str) -> None:
        self.is_open = False


class NoTopics:
    def unsubscribe_all(self, socket: Any) -> None: ...


class Place:
    def __init__(self) -> None:
        self.identity = Known()
        self.left: list[Session] = []
        self.sockets = Sockets(
            identity=cast(Any, self.identity),
            node=Node(name="n1", clock=LoopClock(), directory=NodeDirectory(), transport=LocalTransport()),
            fan=cast(Any, NoTopics()),
            connection_quota=ConnectionQuota(per_account=5, per_staff_account=5, guests=5),
            rate_limits=RateLimits(rates={}, factors={"viewer": 1.0, "admin": 1.0}),
            event_rate=100,
            event_burst=100,
        )
        self.sockets.install(
            [
                _event("x:ping", rate=Rate(per_s=0.1, burst=2)),
                _event("x:open", sender="anyone"),
            ],
            closed=[self.left.append],
        )

    def connect(self, sid: str, token: str | None) -> Any:
        socket: Any = Client(sid)
        self.sockets.on_connect(socket, {"token": token} if token else {})
        return socket

    def send(self, socket: Any, event: str, **body: Any) -> Any:
        return self.sockets.on_event(socket, event, [body])


def _event(name: str, **more: Any) -> ClientEvent:
    return ClientEvent(
        name=name,
        summary="Ping",
        shape=Ping,
        ack=Pong,
        handler=lambda socket, session, body: {"ok": True, "n": body.n},
        **more,
    )


@pytest.fixture
async def place() -> Place:
    return Place()


async def test_an_event_is_answered_by_its_handler_and_unknown_ones_are_refused(place: Place) -> None:
    ann = place.connect("1", "ann/s1")
    assert place.send(ann, "x:ping", n=4) == {"ok": True, "n": 4}
    refused = place.send(ann, "x:nothing")
    assert (refused["ok"], refused["error"]["code"]) == (False, "unknown_event")
    assert place.send(ann, "x:ping", n="four")["error"]["code"] == "invalid"


async def test_guests_are_refused_before_the_handler_unless_anyone_may(place: Place) -> None:
    guest = place.connect("1", None)
    assert place.send(guest, "x:ping")["error"]["code"] == "unauthenticated"
    assert place.send(guest, "x:open", n=1) == {"ok": True, "n": 1}


async def test_the_rate_of_an_event_is_a_persons_over_all_their_sockets(place: Place) -> None:
    first, second, bob = place.connect("1", "ann/s1"), place.connect("2", "ann/s2"), place.connect("3", "bob/s3")
    assert [place.send(one, "x:ping")["ok"] for one in (first, second)] == [True, True]
    refused = place.send(second, "x:ping")["error"]
    assert refused["code"] == "rate_limited"
    assert refused["retry_after_ms"] > 5_000
    assert place.send(bob, "x:ping")["ok"]
    assert place.send(first, "x:open")["ok"]


async def test_an_event_to_a_person_reaches_each_of_their_sockets_and_nobody_elses(place: Place) -> None:
    first, second, bob = place.connect("1", "ann/s1"), place.connect("2", "ann/s2"), place.connect("3", "bob/s3")
    place.sockets.emit_to("ann", "x:new", {"n": 1})
    assert (first.sent, second.sent, bob.sent) == ([("x:new", {"n": 1})], [("x:new", {"n": 1})], [])
    place.sockets.on_disconnect(first, "gone")
    place.sockets.emit_to("ann", "x:new", {"n": 2})
    assert (len(first.sent), len(second.sent)) == (1, 2)


async def test_a_revoked_session_ends_its_sockets_alone(place: Place) -> None:
    first, second = place.connect("1", "ann/s1"), place.connect("2", "ann/s2")
    place.identity.revoke("s1", "ended")
    assert (first.is_open, second.is_open) == (False, True)
    assert first.sent == [("session:revoked", {"reason": "ended"})]


async def test_what_has_gone_is_told_to_each_feature_once_and_counted_no_more(place: Place) -> None:
    first, guest = place.connect("1", "ann/s1"), place.connect("2", None)
    assert place.sockets.count == 2
    for socket in (first, guest):
        place.sockets.on_disconnect(socket, "gone")
    assert (place.sockets.count, place.left) == (0, [first.state, guest.state])


async def test_two_features_cannot_declare_one_event(place: Place) -> None:
    with pytest.raises(ValueError, match="declared twice: \\['x:ping'\\]"):
        place.sockets.install([_event("x:ping"), _event("x:ping")], closed=[])
