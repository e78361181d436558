"""Redis over TLS, as an address asks for it: behind something that ends TLS, since the embedded one speaks none."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from storage.errors import Unavailable
from storage.redis import Redis
from tests.storage.watched import MASTER, Instance


def certificate(folder: Path) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a Redis of the tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "redis.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


class TlsEnd:
    """Listens with TLS and passes on what it hears, as it is, to a server that speaks none."""

    def __init__(self, *, file: Path, path: str = "", port: int = 0) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(file)
        self._path = path
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        """The port."""
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0, ssl=self._context)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = (
            asyncio.open_unix_connection(self._path) if self._path else asyncio.open_connection("127.0.0.1", self._port)
        )
        beyond, to_beyond = await there
        for source, target in ((reader, to_beyond), (beyond, writer)):
            task = asyncio.create_task(_carry(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return certificate(tmp_path)


@pytest.fixture
async def port(redis_url: str, file: Path) -> AsyncIterator[int]:
    end = TlsEnd(file=file, path=unquote(urlsplit(redis_url).path))
    yield await end.open()
    await end.close()


async def test_a_redis_with_tls_answers_who_knows_its_authority(port: int, file: Path) -> None:
    redis = await Redis.connect(f"rediss://127.0.0.1:{port}/2?ssl_ca_certs={file}")
    assert await redis.command("SET", "k", "v") == b"OK"
    assert b"db=2" in await redis.command("CLIENT", "LIST")
    with pytest.raises(Unavailable):
        await redis.command("BLPOP", "empty", 30, timeout_s=0.05)
    assert await redis.command("GET", "k") == b"v"
    await redis.close()


async def test_without_its_authority_it_is_not_trusted_and_the_error_says_what_to_name(port: int) -> None:
    with pytest.raises(Unavailable, match="ssl_ca_certs"):
        await Redis.connect(f"rediss://127.0.0.1:{port}/0")
    redis = await Redis.connect(f"rediss://127.0.0.1:{port}/0?ssl_cert_reqs=none")
    await redis.close()


async def test_sentinels_and_the_master_that_they_name_are_both_met_with_tls(file: Path, tmp_path: Path) -> None:
    """The sentinels announce the address that speaks TLS, which is where clients are to go."""
    async with contextlib.AsyncExitStack() as stack:
        master = Instance.of_engine(folder=tmp_path)
        stack.callback(master.kill)
        await master.until(("ROLE",), says=b"master")
        front = TlsEnd(file=file, port=master.port)
        stack.push_async_callback(front.close)
        sentinel = Instance.of_sentinel(folder=tmp_path, master_port=await front.open())
        stack.callback(sentinel.kill)
        await sentinel.until(("PING",), says=b"PONG")
        asked = TlsEnd(file=file, port=sentinel.port)
        stack.push_async_callback(asked.close)
        url = f"rediss+sentinel://127.0.0.1:{await asked.open()}/{MASTER}?ssl_ca_certs={file}"
        redis = await Redis.connect(url)
        stack.push_async_callback(redis.close)
        assert await redis.command("SET", "k", "v") == b"OK"
        assert await master.said("GET", "k") == b"v"
