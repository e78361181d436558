from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.http.addresses import ClientAddresses, address_of, is_loopback, limiting_key, network_of
from server.http.dispatch import UnnamedProxy

PROXIES = ClientAddresses(trusted=["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["1.2.3.4"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4,, 10.0.0.2"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4, 10.0.0.2"], "1.2.3.4"),
        ("10.0.0.1", ["1.2.3.4, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["1.2.3.4:4711"], "1.2.3.4"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["[2001:db8::1]"], "2001:db8::1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["[::ffff:1.2.3.4]:4711"], "1.2.3.4"),
        ("10.0.0.1", ["::ffff:1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["fe80::1%eth0"], "fe80::1"),
        ("10.0.0.1", ["[fe80::1%25eth0]:4711"], "fe80::1"),
        ("10.0.0.1", ["[1.2.3.4]:4711"], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4:"], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4:port"], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4%eth0"], "10.0.0.1"),
        ("10.0.0.1", ["01.2.3.4"], "10.0.0.1"),
        ("10.0.0.1", ["[" + "1" * 100_000 + "]"], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("fd00::1%eth0", ["1.2.3.4"], "1.2.3.4"),
        ("", ["1.2.3.4"], "127.0.0.1"),
    ],
)
def test_client_is_the_nearest_hop_that_is_no_trusted_proxy(peer: str, forwarded_for: list[str], address: str) -> None:
    assert PROXIES.of(peer, forwarded_for=forwarded_for) == address


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (["for=1.2.3.4"], "1.2.3.4"),
        (['For="1.2.3.4:4711"'], "1.2.3.4"),
        (['for="[2001:db8::1]"'], "2001:db8::1"),
        (['for="[2001:db8::1]:4711";proto=https;by=10.0.0.1'], "2001:db8::1"),
        (["proto=http; for=1.2.3.4:_port"], "1.2.3.4"),
        (["for=6.6.6.6, for=1.2.3.4"], "1.2.3.4"),
        (["for=6.6.6.6", "for=1.2.3.4, for=10.0.0.2"], "1.2.3.4"),
        (["for=1.2.3.4, for=unknown"], "10.0.0.1"),
        (["for=1.2.3.4, for=_hidden"], "10.0.0.1"),
        (["for=1.2.3.4, proto=https"], "10.0.0.1"),
        (["for=1.2.3.4;for=6.6.6.6"], "10.0.0.1"),
        (["for=[2001:db8::1]"], "2001:db8::1"),
        (['for="6.6.6.6, for=1.2.3.4'], "1.2.3.4"),
        (['for="6.6.6.6, for="[2001:db8::1]:1"'], "2001:db8::1"),
        (["1.2.3.4"], "10.0.0.1"),
        (['for="'], "10.0.0.1"),
    ],
)
def test_forwarded_is_read_as_rfc_7239_has_it(forwarded: list[str], address: str) -> None:
    assert PROXIES.of("10.0.0.1", forwarded=forwarded) == address


def test_forwarded_of_the_client_does_not_count_beside_what_the_proxy_says() -> None:
    assert PROXIES.of("10.0.0.1", forwarded_for=["1.2.3.4"], forwarded=["for=6.6.6.6"]) == "1.2.3.4"


@given(st.lists(st.text(alphabet='1.:,;=" []%for\\\t\x80_ab', max_size=40), max_size=4))
def test_what_a_client_writes_changes_nothing_about_what_its_proxy_says(lines: list[str]) -> None:
    assert PROXIES.of("10.0.0.1", forwarded_for=[*lines, "1.2.3.4"]) == "1.2.3.4"
    assert PROXIES.of("10.0.0.1", forwarded_for=[", ".join([*lines, "1.2.3.4"])]) == "1.2.3.4"
    assert PROXIES.of("10.0.0.1", forwarded=[*lines, 'for="[2001:db8::1]:1"']) == "2001:db8::1"
    assert PROXIES.of("10.0.0.1", forwarded=[", ".join([*lines, 'for="[2001:db8::1]:1"'])]) == "2001:db8::1"
    assert address_of(PROXIES.of("10.0.0.1", forwarded_for=lines, forwarded=lines)) is not None


@given(st.lists(st.ip_addresses(), min_size=33, max_size=40))
def test_a_chain_of_proxies_without_end_is_walked_for_a_while_only(chain: list[object]) -> None:
    everybody = ClientAddresses(trusted=["0.0.0.0/0", "::/0"])
    lines = [", ".join(map(str, chain))]
    assert everybody.of("10.0.0.1", forwarded_for=lines) == str(address_of(str(chain[-32])))


def test_networks_of_mapped_addresses_are_those_of_ipv4() -> None:
    assert network_of("::ffff:10.0.0.0/104") == network_of("10.0.0.0/8")
    assert ClientAddresses(trusted=["::ffff:10.0.0.1"]).of("10.0.0.1", forwarded_for=["1.2.3.4"]) == "1.2.3.4"


def test_network_that_is_none_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.x"):
        ClientAddresses(trusted=["10.0.0.x"])


def test_loopback_is_told_in_both_families() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("127.9.0.1")
    assert is_loopback("::1")
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("203.0.113.9")
    assert not is_loopback("")


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_addresses_of_one_ipv6_network_are_limited_together(address: object, host: int) -> None:
    whole = int(ip_address(str(address)))
    if whole >> 64:
        node_actor = str(ip_address((whole >> 64 << 64) | host))
        assert limiting_key(str(address)) == limiting_key(node_actor)
        assert limiting_key(str(address)) != limiting_key(str(ip_address(whole ^ (1 << 64))))


def test_mapped_addresses_and_zones_are_limited_as_what_they_stand_for() -> None:
    assert limiting_key("::ffff:203.0.113.9") == limiting_key("203.0.113.9") == "203.0.113.9"
    assert limiting_key("fe80::1%eth0") == limiting_key("fe80::2%wlan0")


def test_a_proxy_on_this_machine_that_is_not_named_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    watch = UnnamedProxy()
    watch.look("203.0.113.9", says=True, is_named=False)
    watch.look("127.0.0.1", says=False, is_named=False)
    watch.look("127.0.0.1", says=True, is_named=True)
    assert caplog.records == []
    for _ in range(2):
        watch.look("::ffff:127.0.0.1", says=True, is_named=False)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
