"""A real SMTP server (aiosmtpd) in the loop of the test, which keeps what it takes and can be told how to answer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class SmtpServerFixture:
    """``answers``: of a command (``MAIL``, ``RCPT``, ``DATA``) what is answered, once each, before it takes mails."""

    def __init__(self, **options: Any) -> None:
        self.envelopes: list[Envelope] = []
        self.answers: dict[str, list[str]] = {}
        self.on_taken: Callable[[], object] = lambda: None
        self.connections = 0
        self._options = options
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int = 0, *, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.get_running_loop().create_server(self._protocol, "127.0.0.1", port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def _protocol(self) -> SMTP:
        self.connections += 1
        return SMTP(self, hostname="mx.test", enable_SMTPUTF8=True, **self._options)

    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(one.original_content or b"", policy=policy.default) for one in self.envelopes]  # type: ignore[misc]

    def _next(self, command: str) -> str | None:
        waiting = self.answers.get(command)
        return waiting.pop(0) if waiting else None

    # aiosmtpd calls these

    async def handle_MAIL(self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if answer := self._next("MAIL"):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:
        if answer := self._next("RCPT"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        if answer := self._next("DATA"):
            return answer
        self.envelopes.append(envelope)
        self.on_taken()
        return "250 2.0.0 taken"


def only(user: str, password: str) -> Callable[..., AuthResult]:
    """An authenticator that takes this user alone."""

    def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, given: object) -> AuthResult:
        is_right = given == LoginPassword(user.encode(), password.encode())
        return AuthResult(success=is_right, handled=is_right)

    return authenticate
