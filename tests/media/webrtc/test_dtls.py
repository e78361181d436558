from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.webrtc import dtls
from media.webrtc.dtls import Certificate, DtlsPeer

RTP = bytes.fromhex("80610001000000010000000a") + b"media"


def pair(*, forged: bool = False, others: tuple[tuple[str, str], ...] = ()) -> tuple[DtlsPeer, DtlsPeer]:
    ours, theirs = Certificate(), Certificate()
    expected = Certificate().fingerprint if forged else theirs.fingerprint
    server = DtlsPeer(certificate=ours, fingerprints=(*others, ("sha-256", expected)))
    client = DtlsPeer(certificate=theirs, fingerprints=(("sha-256", ours.fingerprint),), is_client=True)
    client.start()
    return server, client


def exchange(server: DtlsPeer, client: DtlsPeer) -> None:
    while server.outgoing or client.outgoing:
        for sender, receiver in ((client, server), (server, client)):
            datagrams, sender.outgoing = list(sender.outgoing), []
            for datagram in datagrams:
                assert len(datagram) <= dtls.MTU
                receiver.receive(datagram)


def test_a_handshake_gives_both_sides_keys_for_media() -> None:
    server, client = pair()
    exchange(server, client)
    assert (server.state, client.state) == ("connected", "connected")
    for one, other in ((server, client), (client, server)):
        assert one.tx is not None
        assert other.rx is not None
        assert other.rx.unprotect(one.tx.protect(RTP)) == RTP


def test_a_peer_with_another_certificate_is_not_let_in() -> None:
    server, client = pair(forged=True)
    exchange(server, client)
    assert server.state == "closed"
    assert server.tx is None


OTHERS = (("sha-256", "AB"), ("sha-512", "CD"), ("md5", "EF"))


def test_one_fingerprint_that_matches_is_enough() -> None:
    server, client = pair(others=OTHERS)
    exchange(server, client)
    assert server.state == "connected"
    server, client = pair(forged=True, others=OTHERS)
    exchange(server, client)
    assert server.state == "closed"


def test_a_peer_that_closes_is_noticed() -> None:
    server, client = pair()
    exchange(server, client)
    client.close()
    exchange(server, client)
    assert (server.state, server.reason) == ("closed", "closed by the peer")


def test_a_hello_that_is_lost_is_said_again() -> None:
    server, client = pair()
    lost, client.outgoing = client.outgoing, []
    client.on_timer()
    assert client.outgoing == lost
    exchange(server, client)
    assert client.state == "connected"


@given(st.lists(st.binary(max_size=80), max_size=6))
def test_random_records_disturb_nothing(datagrams: list[bytes]) -> None:
    server, client = pair()
    for datagram in datagrams:
        server.receive(b"\x16\xfe\xfd" + datagram)
    exchange(server, client)
    assert server.state in {"connected", "closed", "connecting"}


@pytest.mark.parametrize("sizes", [[], [40], [900, 200], [900, 400], [1_100, 1_100, 80], [60] * 50])
def test_records_are_cut_only_at_their_borders(sizes: list[int]) -> None:
    records = [b"\x16\xfe\xfd" + bytes(8) + size.to_bytes(2, "big") + bytes(size) for size in sizes]
    datagrams = dtls.split_records(b"".join(records))
    assert b"".join(datagrams) == b"".join(records)
    assert all(len(datagram) <= dtls.MTU for datagram in datagrams)
    starts = {sum(map(len, records[:n])) for n in range(len(records) + 1)}
    assert {sum(map(len, datagrams[:n])) for n in range(len(datagrams) + 1)} <= starts
