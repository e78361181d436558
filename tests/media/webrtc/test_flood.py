"""Floods of forged datagrams while a session runs: it goes on, and whoever has a right to come still comes."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aioice import stun as other

from media.webrtc import strangers
from media.webrtc.session import PeerSession
from media.webrtc.strangers import MAX_OF_ALL, MAX_OF_HOST, WINDOW_S, StrangerChecks
from tests.media.webrtc.clients import RelayPublication, publisher, stage
from tests.media.webrtc.offers import AUDIO, offer
from tests.media.webrtc.test_stun import check
from tests.media.webrtc.test_tcp import signed

HELLO = bytes.fromhex("16feff0000000000000000") + (1_200).to_bytes(2, "big") + b"\1" + bytes(1_199)
MEDIA = b"\x80\x61" + bytes(1_000)


def test_hosts_have_a_share_each_and_all_together_a_bound() -> None:
    checks = StrangerChecks()
    assert sum(checks.may("192.0.2.1", 0.0) for _ in range(2 * MAX_OF_HOST)) == MAX_OF_HOST
    others = (f"198.51.{number >> 8}.{number & 255}" for number in range(2 * MAX_OF_ALL))
    assert sum(checks.may(host, WINDOW_S / 2) for host in others) == MAX_OF_ALL - MAX_OF_HOST
    assert checks.may("192.0.2.1", WINDOW_S), "the next window begins anew"


async def test_a_flood_costs_few_looks_and_the_session_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "MAX_OF_HOST", 20)
    monkeypatch.setattr(strangers, "WINDOW_S", 1e9)
    async with stage(addresses=["127.0.0.1"]) as made:
        publication = await made.publish(publisher(audio=False))
        await publication.until(lambda: publication.count("video") > 2)
        ufrag = made.whip.etag("p1").strip('"')
        looked_at: list[str] = []
        look = PeerSession.on_check

        def counted(self: PeerSession, *args: object) -> bytes | None:
            answer = look(self, *args)  # type: ignore[arg-type]
            looked_at.extend(["forged"] if answer is None else [])
            return answer

        monkeypatch.setattr(PeerSession, "on_check", counted)
        forged = [check(username=f"{ufrag}:x"), HELLO, MEDIA]
        sources = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
        try:
            for source in sources:
                source.bind(("127.0.0.66", 0))
            before, had = made.port.dropped_datagrams, publication.count("video")
            for _ in range(40):
                for source in sources:
                    for datagram in forged:
                        source.sendto(datagram, made.port.candidates[0])
                await asyncio.sleep(0)
            await publication.until(lambda: publication.count("video") > had + 10)
            assert made.port.dropped_datagrams - before == 40 * len(sources) * len(forged)
            assert len(looked_at) == 20
        finally:
            for source in sources:
                source.close()
        answer = await made.whip.offer(sdp=offer(AUDIO), publication=RelayPublication(), resource_id="late")
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
            late.setblocking(False)
            late.bind(("127.0.0.67", 0))
            late.connect(made.port.candidates[0])
            late.send(signed(answer))
            async with asyncio.timeout(30):
                assert other.parse_message(await loop.sock_recv(late, 1_500)).message_class == other.Class.RESPONSE
