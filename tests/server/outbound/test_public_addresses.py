"""Which addresses this server connects to when a person names them."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import pytest

from server.outbound.public_addresses import NotPublic, PublicAddresses, SocketAddress, Unresolved, is_public, resolve

PUBLIC = ("1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "2002:101:101::", "64:ff9b::1.1.1.1")
NOT_PUBLIC = (
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("192.0.0.170", "198.18.0.1", "203.0.113.5", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "::7f00:1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::10.0.0.1"),
    *("64:ff9b:1::1.1.1.1", "2001:0:0:0:0:0:80ff:fffe", "example.org", "", "1.1.1", "0x7f.1"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_of_this_machine_or_of_a_closed_network_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "::1"])
async def test_every_way_to_write_loopback_is_refused(host: str) -> None:
    with pytest.raises(NotPublic):
        await PublicAddresses().of(host, 1935)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 300, "ü" * 80, "..", "\x00"])
async def test_a_host_that_is_not_found_is_unresolved(host: str) -> None:
    with pytest.raises(Unresolved):
        await resolve(host, 1935)


async def test_only_the_public_addresses_of_a_host_are_used() -> None:
    async def mixed(host: str, port: int) -> Sequence[SocketAddress]:
        return [("10.0.0.1", port), ("1.1.1.1", port), ("::ffff:127.0.0.1", port, 0, 0)]

    assert await PublicAddresses(resolve=mixed).of("mixed.example", 443) == [("1.1.1.1", 443)]


async def test_a_host_is_resolved_once_and_connected_to_where_that_led() -> None:
    """A name that resolves to another address the second time (DNS rebinding) is not asked for a second time."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[SocketAddress]:
        asked.append(host)
        return [("127.0.0.1", port)] if len(asked) == 1 else [("127.0.0.2", port)]

    with listener:
        addresses = PublicAddresses(allow_private=True, resolve=rebinding)
        with await addresses.connect("rebinding.example", listener.getsockname()[1], timeout_s=5.0) as sock:
            assert sock.getpeername()[0] == "127.0.0.1"
    assert asked == ["rebinding.example"]


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as closed:
        port, dead = listener.getsockname()[1], closed.getsockname()[1]
        closed.close()

        async def two(host: str, _: int) -> Sequence[SocketAddress]:
            return [("127.0.0.1", dead), ("127.0.0.1", port)]

        with await PublicAddresses(allow_private=True, resolve=two).connect("two.example", 0, timeout_s=5.0) as sock:
            assert sock.getpeername()[1] == port


async def test_nothing_is_connected_to_where_no_address_is_public() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        with pytest.raises(NotPublic):
            await PublicAddresses().connect("127.0.0.1", listener.getsockname()[1], timeout_s=5.0)
        with pytest.raises(BlockingIOError):
            listener.accept()
