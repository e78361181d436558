"""Plain connections by address: which one makes room for a new one, and who is refused."""

from __future__ import annotations

import pytest

from server.live.edge.admission import AddressQuota
from server.live.edge.connections import Admission, PlainConnections
from server.live.edge.limits import EdgeLimits
from tests.server.live.edge.conftest import Serve
from tests.server.live.edge.serving import Raw, Served, eventually

OTHER = b"GET /other HTTP/1.1\r\nHost: test\r\n\r\n"
HALF = b"GET /other HTTP/1.1\r\nHost"
HALF_BODY = b"POST /other HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhe"


class Connection:
    def __init__(self, peer: str, *, active_at: float = 0.0, busy: bool = False) -> None:
        self.peer = peer
        self.active_at = active_at
        self.busy = busy
        self.is_aborted = False

    def is_idle(self) -> bool:
        return not self.busy

    def abort(self) -> None:
        self.is_aborted = True


def plain(*, most: int = 100, per_address: int = 2, limit_loopback: bool = False) -> PlainConnections:
    addresses = AddressQuota(trusted_proxies=["10.0.0.0/8"], limit=1, limit_loopback=limit_loopback)
    return PlainConnections(most=most, per_address=per_address, key=addresses.of_peer)


def test_new_connection_of_a_full_address_takes_the_place_of_the_one_idle_for_the_longest() -> None:
    connections = plain()
    old, older = Connection("1.1.1.1", active_at=5), Connection("1.1.1.1", active_at=4)
    for one in (old, older, new := Connection("1.1.1.1", active_at=6)):
        assert connections.enter(one) is Admission.ADMITTED
    assert [old.is_aborted, older.is_aborted, new.is_aborted] == [False, True, False]
    assert len(connections) == 2


def test_address_whose_connections_are_all_at_work_is_refused_and_no_other() -> None:
    connections = plain()
    busy = [Connection("1.1.1.1", busy=True) for _ in range(2)]
    assert [connections.enter(one) for one in busy] == [Admission.ADMITTED] * 2
    assert connections.enter(Connection("1.1.1.1")) is Admission.ADDRESS_FULL
    assert connections.enter(Connection("2.2.2.2")) is Admission.ADMITTED
    assert not any(one.is_aborted for one in busy)


def test_full_port_takes_an_idle_connection_from_the_address_that_holds_most() -> None:
    connections = plain(most=4, per_address=3)
    few, many = Connection("1.1.1.1", active_at=1), [Connection("2.2.2.2", active_at=at) for at in (4, 3, 5)]
    for one in (few, *many):
        connections.enter(one)
    assert connections.enter(Connection("3.3.3.3")) is Admission.ADMITTED
    assert [one.is_aborted for one in (few, *many)] == [False, False, True, False]


def test_room_taken_by_sessions_counts_for_the_whole_port() -> None:
    connections = plain(most=4)
    assert connections.enter(Connection("1.1.1.1", busy=True), others=3) is Admission.ADMITTED
    assert connections.enter(Connection("2.2.2.2"), others=3) is Admission.PORT_FULL


def test_ipv6_addresses_of_one_network_are_one() -> None:
    connections = plain()
    first = Connection("2001:db8::1")
    for one in (first, Connection("2001:db8::2", active_at=1), Connection("2001:db8::3", active_at=2)):
        connections.enter(one)
    assert first.is_aborted
    assert connections.enter(other := Connection("2001:db8:0:1::1")) is Admission.ADMITTED
    assert not other.is_aborted


@pytest.mark.parametrize("peer", ["10.0.0.1", "127.0.0.1", "::1", "::ffff:10.0.0.1", ""])
def test_proxies_and_loopback_have_no_bound_by_address(peer: str) -> None:
    connections = plain(most=5)
    held = [Connection(peer) for _ in range(5)]
    assert [connections.enter(one) for one in held] == [Admission.ADMITTED] * 5
    assert connections.enter(Connection(peer)) is Admission.PORT_FULL
    assert not any(one.is_aborted for one in held)


def test_proxy_on_loopback_has_none_where_loopback_is_limited() -> None:
    addresses = AddressQuota(trusted_proxies=["127.0.0.1"], limit=1, limit_loopback=True)
    assert addresses.of_peer("127.0.0.1") is None
    assert addresses.of_peer("127.0.0.2") == "127.0.0.2"


def test_address_is_forgotten_with_its_last_connection() -> None:
    connections = plain(per_address=1)
    one = Connection("1.1.1.1", busy=True)
    connections.enter(one)
    connections.leave(one)
    connections.leave(one)
    assert len(connections) == 0
    assert connections.enter(Connection("1.1.1.1")) is Admission.ADMITTED


async def narrow(serve: Serve, *, most: int = 100, per_address: int = 2) -> Served:
    limits = EdgeLimits(max_connections=most, max_connections_per_address=per_address, limit_loopback=True)
    return await serve(limits=limits)


def waiting_polls(served: Served) -> int:
    return sum(session.is_polled for session in served.edge.server.sessions.by_sid.values())


async def held_by(served: Served, begin: bytes) -> Raw:
    """A connection that has sent as much, and whose answer was read if that is a whole request."""
    raw = await served.raw()
    raw.send(begin)
    if begin == OTHER:
        await raw.response()
    return raw


@pytest.mark.parametrize("begin", [b"", HALF, HALF_BODY, OTHER], ids=["silent", "half a head", "half a body", "idle"])
@pytest.mark.parametrize("bounds", [{"per_address": 2}, {"most": 2, "per_address": 9}], ids=["address", "port"])
async def test_connections_without_a_whole_request_make_room(
    serve: Serve, begin: bytes, bounds: dict[str, int]
) -> None:
    served = await narrow(serve, **bounds)
    held = [await held_by(served, begin) for _ in range(2)]
    for _ in range(3):
        newcomer = await served.raw()
        newcomer.send(OTHER)
        assert (await newcomer.response())[0] == 200
    for one in held:
        assert b" 200 " not in await one.eof()


async def test_polls_that_wait_are_not_closed_for_a_newcomer_who_is_told_when_to_come_back(serve: Serve) -> None:
    served = await narrow(serve)
    polls = []
    for _ in range(2):
        sid = await served.open_polling()
        polls.append(await served.raw())
        polls[-1].send(f"GET /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    await eventually(lambda: waiting_polls(served) == 2)
    over = await served.raw()
    head = await over.head()
    assert head.startswith(b"HTTP/1.1 429 ")
    assert b"Retry-After: 5" in head
