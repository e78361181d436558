"""Servers that are set otherwise, or misbehave: what is told of it, and that nobody waits for ever."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from server.outbound.mail.smtp import Deferred, Refused, SmtpClient
from server.outbound.settings import SmtpServer
from tests.server.live.edge.certificates import self_signed
from tests.server.outbound.smtp_server import SmtpServerFixture, only
from tests.server.outbound.test_message import composed

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SHORT_S = 0.2


def client(port: int, **more: Any) -> SmtpClient:
    deadlines = {name: more.pop(name, 10.0) for name in ("prepare_s", "accept_s")}
    return SmtpClient(
        SmtpServer(**{"host": "127.0.0.1", "port": port, "tls": "none", **more}), hello="live.test", **deadlines
    )


async def send(over: SmtpClient, **more: Any) -> str:
    async with over.connected() as session:
        return await session.hand_over(composed(**more), sender="no-reply@live.test")


class Certificate:
    def __init__(self, folder: Path, host: str) -> None:
        cert, key = self_signed(folder, host)
        self.file = cert
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(cert, key)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path, "127.0.0.1")


@pytest.fixture
async def talk() -> AsyncIterator[Callable[[Talk], Awaitable[int]]]:
    """``await talk(server)`` is the port of a server that says whatever it likes."""
    servers: list[asyncio.Server] = []
    tasks: list[asyncio.Task[Any]] = []

    async def start(what: Talk) -> int:
        async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.append(asyncio.current_task())  # type: ignore[arg-type]
            try:
                await what(reader, writer)
            except (ConnectionError, asyncio.CancelledError):
                return
            finally:
                writer.close()

        servers.append(await asyncio.start_server(run, "127.0.0.1", 0))
        port: int = servers[-1].sockets[0].getsockname()[1]
        return port

    yield start
    for server in servers:
        server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def script(*answers: str, end: Talk | None = None) -> Talk:
    """A server that answers line after line, each when it has read one, then goes to the ``end`` or closes."""

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, answer in enumerate(answers):
            if number:
                await reader.readline()
            writer.write(answer.encode() + b"\r\n")
        if end is not None:
            await end(reader, writer)
        else:
            await reader.readline()

    return run


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(65_536):
        pass


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"2")
        await writer.drain()
        await asyncio.sleep(0.01)


async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"250-" + b"x" * 60_000)
        await writer.drain()


async def nothing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None: ...


# TLS and authentication


async def test_starttls_with_the_right_password_is_taken(certificate: Certificate) -> None:
    server = SmtpServerFixture(
        tls_context=certificate.context,
        require_starttls=True,
        auth_required=True,
        authenticator=only("ada", "pä ss:@/"),
    )
    await server.start()
    over = client(server.port, tls="starttls", ca=certificate.file, username="ada", password="pä ss:@/")
    assert await send(over) == "250 2.0.0 taken"
    server.close()


async def test_implicit_tls_is_taken(certificate: Certificate) -> None:
    server = SmtpServerFixture()
    await server.start(tls=certificate.context)
    assert await send(client(server.port, tls="implicit", ca=certificate.file)) == "250 2.0.0 taken"
    server.close()


async def test_a_wrong_password_is_told_and_not_held_against_the_mail(certificate: Certificate) -> None:
    server = SmtpServerFixture(tls_context=certificate.context, auth_required=True, authenticator=only("ada", "right"))
    await server.start()
    over = client(server.port, tls="starttls", ca=certificate.file, username="ada", password="wrong")
    with pytest.raises(Deferred, match="does not take the user and the password: 535") as raised:
        await send(over)
    assert "wrong" not in str(raised.value).replace("535", "")
    server.close()


async def test_no_mail_goes_in_clear_where_starttls_is_missing(smtp: SmtpServerFixture) -> None:
    with pytest.raises(Deferred, match="STARTTLS"):
        await send(client(smtp.port, tls="starttls"))
    assert smtp.envelopes == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_a_certificate_that_is_not_trusted_ends_the_attempt(tmp_path: Path, tls: str, wrong: str) -> None:
    certificate = Certificate(tmp_path, "127.0.0.2" if wrong == "name" else "127.0.0.1")
    server = SmtpServerFixture(**({"tls_context": certificate.context} if tls == "starttls" else {}))
    await server.start(tls=certificate.context if tls == "implicit" else None)
    with pytest.raises(Deferred, match="its certificate is not trusted"):
        await send(client(server.port, tls=tls, ca=certificate.file if wrong == "name" else None))
    assert server.envelopes == []
    server.close()


async def test_a_server_that_wants_a_password_and_gets_none_is_told_of(certificate: Certificate) -> None:
    server = SmtpServerFixture(tls_context=certificate.context, auth_required=True, authenticator=only("ada", "right"))
    await server.start()
    with pytest.raises(Refused, match="530"):
        await send(client(server.port, tls="starttls", ca=certificate.file))
    server.close()


# addresses


async def test_an_international_address_goes_to_a_server_that_takes_it(smtp: SmtpServerFixture) -> None:
    await send(client(smtp.port), address="ädä@bücher.example")
    (envelope,) = smtp.envelopes
    assert envelope.rcpt_tos == ["ädä@xn--bcher-kva.example"]
    assert "To: ada <ädä@xn--bcher-kva.example>".encode() in (envelope.original_content or b"")


async def test_an_international_address_is_refused_where_the_server_takes_none(
    talk: Callable[[Talk], Awaitable[int]],
) -> None:
    port = await talk(script("220 mx", "250 mx"))
    with pytest.raises(Refused, match="other than ASCII letters"):
        await send(client(port), address="ädä@example.org")


# misbehaviour

MISBEHAVIOUR = [
    ("silent from the beginning", script(end=silence), "did not answer within"),
    ("a dripping greeting", script(end=drip), "did not answer within"),
    ("a flood without an end of line", script(end=flood), "us: Response too long"),
    ("a flood of continued lines", script("220 mx", end=flood), "us: Response too long"),
    ("no SMTP at all", script("HTTP/1.1 400 Bad Request"), "Malformed"),
    ("closes at once", nothing, "Unexpected EOF"),
    ("busy at the greeting", script("421 4.3.2 busy"), "does not serve us: 421 4.3.2 busy"),
    ("serves nobody", script("554 no SMTP service here"), "does not serve us: 554"),
    ("busy at EHLO", script("220 mx", "421 4.3.2 busy"), "421 4.3.2 busy"),
    ("silent after EHLO", script("220 mx", "250 mx", end=silence), "fell silent"),
    ("shuts down at RCPT", script("220 mx", "250 mx", "250 OK", "421 4.3.2 closing"), "421 4.3.2 closing"),
    ("closes after RCPT", script("220 mx", "250 mx", "250 OK", "250 OK"), "connection was lost"),
    ("no room at DATA", script("220 mx", "250 mx", "250 OK", "250 OK", "452 4.3.1 full"), "452 4.3.1 full"),
    ("closes in the content", script("220 mx", "250 mx", "250 OK", "250 OK", "354 go on"), "connection was lost"),
    ("silent after it", script("220 mx", "250 mx", "250 OK", "250 OK", "354 go on", end=silence), "fell silent"),
    ("drips after it", script("220 mx", "250 mx", "250 OK", "250 OK", "354 go on", end=drip), "fell silent"),
    ("an answer with control characters", script("220 mx", "250 mx", "451 \x1b[31m\x00x"), "^451 \\[31mx$"),
]


@pytest.mark.parametrize(("behaviour", "said"), [case[1:] for case in MISBEHAVIOUR], ids=[x[0] for x in MISBEHAVIOUR])
async def test_a_server_that_misbehaves_puts_the_mail_off(
    talk: Callable[[Talk], Awaitable[int]], behaviour: Talk, said: str
) -> None:
    port = await talk(behaviour)
    async with asyncio.timeout(30):
        with pytest.raises(Deferred, match=said):
            await send(client(port, prepare_s=SHORT_S, accept_s=SHORT_S))


async def test_silence_at_quit_takes_nothing_back(talk: Callable[[Talk], Awaitable[int]], monkeypatch: Any) -> None:
    monkeypatch.setattr("server.outbound.mail.smtp.QUIT_S", SHORT_S)

    async def taking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await script("220 mx", "250 mx", "250 OK", "250 OK", "354 go on", end=nothing)(reader, writer)
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 taken\r\n")
        await silence(reader, writer)

    assert await send(client(await talk(taking))) == "250 taken"
