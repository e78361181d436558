from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from server.http.limits import ClientAddresses, Rate, TokenBuckets, is_loopback, limiting_key

RATE = Rate("it", per_s=2, burst=3)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_bucket_lets_a_burst_through_and_refills() -> None:
    clock = Clock()
    buckets = TokenBuckets(monotonic=clock)
    assert [await buckets.take("a", RATE) for _ in range(4)] == [0, 0, 0, 0.5]
    assert await buckets.take("b", RATE) == 0
    clock.now += 0.5
    assert await buckets.take("a", RATE) == 0
    assert await buckets.take("a", RATE) == 0.5
    clock.now += 1000
    assert [await buckets.take("a", RATE) for _ in range(4)] == [0, 0, 0, 0.5]


async def test_bucket_of_another_name_is_another_bucket() -> None:
    buckets = TokenBuckets(monotonic=Clock())
    assert await buckets.take("a", Rate("one", per_s=1, burst=1)) == 0
    assert await buckets.take("a", Rate("two", per_s=1, burst=1)) == 0
    assert await buckets.take("a", Rate("one", per_s=1, burst=1)) == 1


async def test_number_of_buckets_is_bounded_and_the_oldest_goes_first() -> None:
    buckets = TokenBuckets(monotonic=Clock(), max_keys=2)
    rate = Rate("it", per_s=1, burst=1)
    for key in ("a", "b", "c"):
        assert await buckets.take(key, rate) == 0
    assert await buckets.take("c", rate) == 1
    assert await buckets.take("a", rate) == 0


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("", None, "127.0.0.1"),
    ],
)
def test_address_is_that_of_the_last_hop_that_is_not_trusted(remote: str, forwarded: str | None, address: str) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = make_mocked_request("GET", "/", headers=headers).clone(remote=remote)
    assert ClientAddresses(trusted=["10.0.0.0/8"]).of(request) == address


def test_address_of_a_wrong_proxy_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.x"):
        ClientAddresses(trusted=["10.0.0.x"])


def test_loopback_is_told_in_both_families() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("203.0.113.9")
    assert not is_loopback("")


def test_addresses_of_one_ipv6_network_are_limited_together() -> None:
    assert limiting_key("2001:db8::1") == limiting_key("2001:db8::ffff")
    assert limiting_key("2001:db8::1") != limiting_key("2001:db8:0:1::1")
    assert limiting_key("203.0.113.9") == "203.0.113.9"
