"""A real TURN server takes the credentials that this server hands out, for their time, and no others."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aioice.stun import TransactionFailed
from aioice.turn import TurnTransport, create_turn_endpoint

from server.live.ice_servers import IceServer, IceServers
from tests.e2e.waiting import until_true
from tests.tools import needs

PROGRAM = shutil.which("turnserver")
pytestmark = needs(PROGRAM, "coturn's turnserver")

SECRET = "what both know"
HERE = "127.0.0.1"
Address = tuple[str, int]


class Heard(asyncio.DatagramProtocol):
    """Keeps what arrives, with where it came from."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.arrived.put_nowait((data, addr))


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind((HERE, 0))
        port: int = held.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HERE, port)) == 0


@pytest.fixture
async def turn_server(tmp_path: Path) -> AsyncIterator[Address]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        PROGRAM or "",
        *("-n", "--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=socialflow.test"),
        *(f"--listening-ip={HERE}", f"--listening-port={port}", f"--relay-ip={HERE}", "--allow-loopback-peers"),
        *("--no-tls", "--no-dtls", "--no-cli", "--log-file=stdout", f"--pidfile={tmp_path / 'pid'}"),
        *(f"--userdb={tmp_path / 'db'}", "--relay-threads=1"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await until_true(lambda: answers(port), within_s=60.0, what="the TURN server's port")
        yield HERE, port
    finally:
        process.terminate()
        await process.wait()


def issued(*, secret: str = SECRET, age_s: float = 0.0) -> IceServer:
    """Credentials for ten minutes, handed out so long ago."""
    servers = IceServers(
        stun_urls=(),
        turn_urls=("turn:ice.test:3478",),
        turn_secret=secret,
        turn_ttl_s=600,
        now=lambda: datetime.now(UTC) - timedelta(seconds=age_s),
    )
    (server,) = servers.issue("01a22a1b-ef0b-700d-b213-31127989925c").servers
    return server


async def test_a_turn_server_relays_for_who_has_credentials_and_for_nobody_else(turn_server: Address) -> None:
    far, peer = await asyncio.get_running_loop().create_datagram_endpoint(Heard, local_addr=(HERE, 0))
    relay = await allocated(turn_server, issued())
    try:
        relay.sendto(b"through the relay", far.get_extra_info("sockname"))
        data, source = await asyncio.wait_for(peer.arrived.get(), 30.0)
        assert data == b"through the relay"
        assert source == relay.get_extra_info("sockname")
    finally:
        relay.close()
        far.close()
    for refused in (issued(age_s=700.0), issued(secret="another one")):
        with pytest.raises(TransactionFailed):
            await allocated(turn_server, refused)


async def allocated(turn_server: Address, given: IceServer) -> TurnTransport:
    """A relay of the server's. Raises ``TransactionFailed`` when it refuses."""
    making = create_turn_endpoint(Heard, turn_server, username=given.username, password=given.credential)
    relay, _ = await asyncio.wait_for(making, 30.0)
    return relay
