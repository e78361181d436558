from __future__ import annotations

import pytest

from server.live.edge.admission import AddressQuota, AllowedOrigins, ConnectionRate, reconnect_delays_ms
from server.live.edge.limits import EdgeLimits


@pytest.mark.parametrize(
    ("origin", "host", "is_admitted"),
    [
        (None, "a.example", True),
        ("https://a.example", "a.example", True),
        ("http://a.example", "a.example:80", True),
        ("http://a.example:8080", "a.example:8080", True),
        ("http://a.example:8080", "a.example", False),
        ("https://app.example", "a.example", True),
        ("https://APP.example", "a.example", True),
        ("https://app.example.evil", "a.example", False),
        ("http://app.example", "a.example", False),
        ("null", "a.example", False),
        ("", "a.example", False),
        ("https://", "", False),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://a.example:99999999", "a.example", False),
    ],
)
def test_origins_are_the_servers_own_and_those_listed(origin: str | None, host: str, is_admitted: bool) -> None:
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    assert AllowedOrigins(["https://app.example/"]).admits(headers) is is_admitted


def test_listed_origin_is_named_in_the_answer_and_no_other() -> None:
    origins = AllowedOrigins(["https://app.example"])
    assert ("Access-Control-Allow-Origin", "https://app.example") in origins.cors({"origin": "https://app.example"})
    assert origins.cors({"origin": "https://evil.example"}) == [("Vary", "Origin")]
    assert origins.cors({}) == []


def test_everyone_is_admitted_without_credentials() -> None:
    origins = AllowedOrigins(["*"])
    assert origins.admits({"origin": "https://evil.example", "host": "a"})
    assert origins.cors({"origin": "https://evil.example"}) == [("Access-Control-Allow-Origin", "*")]


def addresses(limit: int = 2, *, limit_loopback: bool = False) -> AddressQuota:
    return AddressQuota(trusted_proxies=["10.0.0.0/8", "fd00::/8"], limit=limit, limit_loopback=limit_loopback)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("1.2.3.4", "9.9.9.9", "1.2.3.4"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "9.9.9.9", "9.9.9.9"),
        ("10.0.0.1", "6.6.6.6, 9.9.9.9", "9.9.9.9"),
        ("10.0.0.1", "9.9.9.9, 10.0.0.2", "9.9.9.9"),
        ("10.0.0.1", "9.9.9.9:1234", "9.9.9.9"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_client_is_the_nearest_address_that_is_no_trusted_proxy(peer: str, forwarded: str, client: str) -> None:
    assert addresses().client(peer, {"x-forwarded-for": forwarded}) == client


def test_sessions_of_an_address_are_bounded_and_counted_out() -> None:
    found = addresses()
    assert [found.enter("9.9.9.9") for _ in range(3)] == [True, True, False]
    assert found.enter("9.9.9.8")
    found.leave("9.9.9.9")
    assert found.enter("9.9.9.9")


def test_one_ipv6_network_counts_as_one_and_mapped_addresses_as_ipv4() -> None:
    found = addresses()
    assert [found.enter(f"2001:db8:1:2::{number}") for number in range(3)] == [True, True, False]
    assert found.enter("2001:db8:1:3::1")
    assert [found.enter(address) for address in ("9.9.9.9", "::ffff:9.9.9.9", "::ffff:9.9.9.9")] == [True, True, False]


def test_loopback_is_left_out_unless_it_is_limited() -> None:
    assert all(addresses().enter(address) for address in ["127.0.0.1", "::1"] * 5)
    assert [addresses(1, limit_loopback=True).enter(a) for a in ("127.0.0.1",)] == [True]
    limited = addresses(1, limit_loopback=True)
    assert [limited.enter("127.0.0.1") for _ in range(2)] == [True, False]


# -- the turnstile


def test_turnstile_lets_a_burst_in_and_the_rest_one_after_another() -> None:
    found = ConnectionRate(rate=10, burst=3, max_wait_s=1)
    waits = [found.enter(100.0) for _ in range(6)]
    assert waits[:4] == [0.0] * 4
    assert waits[4:] == [pytest.approx(0.1), pytest.approx(0.2)]
    assert found.enter(101.0) == 0.0


def test_turnstile_sends_those_away_who_would_wait_too_long_and_they_cost_nobody_a_turn() -> None:
    found = ConnectionRate(rate=10, burst=1, max_wait_s=0.25)
    waits = [found.enter(0.0) for _ in range(20)]
    assert [wait for wait in waits if wait is not None] == [0.0, 0.0, pytest.approx(0.1), pytest.approx(0.2)]
    assert found.enter(0.1) == pytest.approx(0.2)


def test_turnstile_spreads_those_who_come_back() -> None:
    shares = iter([0.0, 0.5, 1.0])
    found = ConnectionRate(rate=1, burst=1, max_wait_s=4, jitter=lambda: next(shares))
    assert [found.retry_after_s() for _ in range(3)] == [1.0, 3.0, 5.0]


def test_a_storm_of_five_thousand_is_inside_within_fifteen_seconds_at_the_usual_rate() -> None:
    limits = EdgeLimits()
    found = ConnectionRate(rate=limits.connect_rate, burst=limits.connect_burst, max_wait_s=limits.connect_wait_s)
    waits = [found.enter(0.0) for _ in range(5_000)]
    assert all(wait is not None and wait < 5 for wait in waits)


def test_clients_that_are_sent_away_come_back_as_fast_as_they_are_let_in_and_in_their_order() -> None:
    delays = reconnect_delays_ms(2_000, per_s=500)
    assert delays == sorted(delays)
    assert delays[0] >= 250
    assert 4_000 <= delays[-1] <= 4_250
    assert max(sum(at // 100 == slot for at in delays) for slot in range(45)) <= 55


@pytest.mark.parametrize(("jitter", "delays"), [(0.0, [250, 350]), (0.5, [300, 400])])
def test_comeback_is_at_a_random_moment_of_ones_own_share(jitter: float, delays: list[int]) -> None:
    assert reconnect_delays_ms(2, per_s=10, jitter=lambda: jitter) == delays
    assert reconnect_delays_ms(0, per_s=10) == []
