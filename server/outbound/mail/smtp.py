"""One mail to the SMTP server, over a connection of its own (RFC 5321; RFC 3207 and 8314 for TLS).

What goes wrong is told in two kinds. ``Refused``: the server has answered about this mail, for good. ``Deferred``: all
the rest, such as no network, a wrong certificate or password, "try later", silence; another time may be better. Of
those a ``ServerAway`` meets all mails alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Final

import aiosmtplib

from actors.text import clean_line
from server.outbound.mail.message import Composed
from server.outbound.settings import SmtpServer

PREPARE_S: Final = 60.0
"""From the connect to the server's answer to RCPT."""
ACCEPT_S: Final = 600.0
"""For the answer to the end of the content: RFC 5321, 4.5.3.2.6. Who leaves earlier sends mails twice."""
QUIT_S: Final = 5.0
MAX_REASON_CHARS: Final = 500


class Deferred(Exception):
    """Not now. The sentence is for operators; it holds no password."""


class ServerAway(Deferred):
    """Not now, whichever mail it is: the server cannot be reached, or does not serve us."""


class Refused(Exception):
    """The server will not take this mail, whenever it is sent. The sentence has the server's code and words."""


class SmtpClient:
    """``hello``: the name by which this side introduces itself (EHLO). The seconds are deadlines."""

    def __init__(
        self, server: SmtpServer, *, hello: str, prepare_s: float = PREPARE_S, accept_s: float = ACCEPT_S
    ) -> None:
        self._server = server
        self._hello = hello
        self._prepare_s = prepare_s
        self._accept_s = accept_s
        self._context = None if server.tls == "none" else ssl.create_default_context(cafile=server.ca)

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[SmtpSession]:
        """A session with the server, in TLS and authenticated as it is set. Raises ``ServerAway``.

        The block's own errors pass; the server is told good-bye (QUIT) when there was none.
        """
        client = self._client()
        try:
            with self._deferring():
                async with asyncio.timeout(self._prepare_s):
                    await client.connect()
            yield SmtpSession(client, prepare_s=self._prepare_s, accept_s=self._accept_s)
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await client.quit(timeout=QUIT_S)
        finally:
            client.close()

    async def check(self) -> None:
        """Connect, authenticate and leave. Raises ``ServerAway`` with what is wrong."""
        async with self.connected():
            pass

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            local_hostname=self._hello,
            timeout=self._prepare_s,
            use_tls=server.tls == "implicit",
            start_tls=server.tls == "starttls",
            tls_context=self._context,
        )

    @contextlib.contextmanager
    def _deferring(self) -> Iterator[None]:
        """Whatever is wrong before the mail is spoken of, a code of 5xx included, is not about the mail."""
        try:
            yield
        except aiosmtplib.SMTPAuthenticationError as error:
            raise ServerAway(f"{self._server} does not take the user and the password: {_answer(error)}") from error
        except aiosmtplib.SMTPResponseException as error:
            raise ServerAway(f"{self._server} does not serve us: {_answer(error)}") from error
        except TimeoutError as error:
            raise ServerAway(f"{self._server} did not answer within {self._prepare_s:g} s") from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise ServerAway(f"{self._server} cannot be used: {_words(_root(error))}") from error


class SmtpSession:
    """A server that listens."""

    def __init__(self, client: aiosmtplib.SMTP, *, prepare_s: float, accept_s: float) -> None:
        self._client = client
        self._prepare_s = prepare_s
        self._accept_s = accept_s

    async def hand_over(self, mail: Composed, *, sender: str) -> str:
        """The server's answer once it has taken the mail. Raises ``Refused``, ``Deferred``.

        If the server has the whole content, but its answer does not come, the mail may have been taken all the same.
        """
        try:
            async with asyncio.timeout(self._prepare_s):
                await self._address(mail, sender)
            async with asyncio.timeout(self._prepare_s + self._accept_s):
                answer = await self._client.data(mail.content, timeout=self._accept_s)
        except aiosmtplib.SMTPResponseException as error:
            kind = Refused if 500 <= error.code < 600 else Deferred
            raise kind(_answer(error)) from error
        except aiosmtplib.SMTPNotSupported as error:
            raise Refused(_words(error)) from error
        except TimeoutError as error:
            raise Deferred("the server fell silent in the middle of the mail") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Deferred(f"the connection was lost in the middle of the mail: {_words(_root(error))}") from error
        return clean_line(f"{answer.code} {answer.message}")[:MAX_REASON_CHARS]

    async def _address(self, mail: Composed, sender: str) -> None:
        options, encoding = [], "ascii"
        if mail.recipient.is_international:
            await self._client.ehlo()
            if not self._client.supports_extension("smtputf8"):
                raise aiosmtplib.SMTPNotSupported("the server takes no address with other than ASCII letters")
            options, encoding = ["SMTPUTF8", "BODY=8BITMIME"], "utf-8"
        await self._client.mail(sender, options=options, encoding=encoding)
        await self._client.rcpt(mail.recipient.address, encoding=encoding)


def _answer(error: aiosmtplib.SMTPResponseException) -> str:
    code = f"{error.code} " if error.code > 0 else ""  # below 0: what came was no answer
    return clean_line(code + error.message)[:MAX_REASON_CHARS]


def _root(error: BaseException) -> BaseException:
    """What a wrapped error of the network says itself."""
    return error.__cause__ if isinstance(error.__cause__, OSError) else error


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return clean_line(str(error) or type(error).__name__)[:MAX_REASON_CHARS]
