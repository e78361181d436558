"""The client's connection for as long as it is wanted: lost ones are replaced, and what was asked is asked again."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Callable
from typing import Any, Final

from socialflow_client.backoff import pause_s
from socialflow_client.connection import Connection, OnEvent, Then
from socialflow_client.errors import (
    ClientClosed,
    ConnectionLost,
    DeadlineExceeded,
    Refused,
    SessionRevoked,
    SignInRequired,
    SocialFlowError,
)
from socialflow_client.tokens import Tokens

TOKEN_CODES: Final = {"token_invalid", "token_expired"}
"""A new token may be taken."""

PASSING_CODES: Final = {"too_many_connections", "too_many_guests", "unavailable"}
"""Connections of before may still be counted: the handshake is tried again."""

STEADY_S: Final = 10.0
"""A connection that held as long begins the pauses anew."""

ACK_S: Final = 10.0
"""An acknowledgement that has not come by then is asked for again."""

MAX_DRAIN_S: Final = 60.0


class Link:
    """``on_event`` is called for each event, ``on_change`` after each connection and each loss."""

    def __init__(
        self,
        *,
        url: str,
        tokens: Tokens,
        ssl: tls.SSLContext | bool,
        on_event: OnEvent,
        on_change: Callable[[Connection | None], None],
    ) -> None:
        self._url = url
        self._tokens = tokens
        self._ssl = ssl
        self._on_event = on_event
        self._on_change = on_change
        self._connection: Connection | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._reconnect_at: float | None = None
        self._revoked: str | None = None
        self.last: SocialFlowError | None = None
        self.failure: BaseException | None = None

    async def close(self) -> None:
        """All that waits raises ``ClientClosed``."""
        self.failure = self.failure or ClientClosed("the client was closed")
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._tell()

    # -- what others ask of it

    async def ready(self) -> Connection:
        """The present connection, once there is one; the first caller has it opened. Raises ``failure``."""
        while True:
            if self.failure is not None:
                raise self.failure
            if self._connection is not None:
                return self._connection
            if self._task is None:
                self._task = asyncio.create_task(self._run(), name="socialflow link")
                self._task.add_done_callback(self._stopped)
            changed = self._changed
            await changed.wait()

    async def ask_once(
        self, event: str, body: dict[str, Any], *, then: Then | None = None, timeout_s: float = ACK_S
    ) -> dict[str, Any]:
        """On the present connection, and not again. Raises ``Refused`` and ``ConnectionLost``."""
        connection = await self.ready()
        try:
            async with asyncio.timeout(timeout_s):
                return await connection.call(event, body, then=then)
        except TimeoutError:
            raise ConnectionLost(f"{event} was not acknowledged within {timeout_s:g} s") from None

    async def ask(self, event: str, body: dict[str, Any], *, deadline_s: float) -> dict[str, Any]:
        """Until it is acknowledged: for what may be asked again without being carried out twice.

        A refusal with ``retry_after_s`` is waited for, if the deadline allows. Raises ``Refused`` and
        ``DeadlineExceeded``.
        """
        loop = asyncio.get_running_loop()
        ends_at, attempt = loop.time() + deadline_s, 0
        reason: SocialFlowError | None = None
        try:
            async with asyncio.timeout_at(ends_at):
                while True:
                    try:
                        return await self.ask_once(event, body)
                    except Refused as refusal:
                        wait_s = refusal.retry_after_s
                        if wait_s is None or loop.time() + wait_s > ends_at:
                            raise
                        reason = refusal
                    except ConnectionLost as lost:
                        reason, wait_s = lost, pause_s(attempt)
                        attempt += 1
                    await asyncio.sleep(wait_s)
        except TimeoutError:
            reason = reason or self.last
            raise DeadlineExceeded(f"{event}: {reason or 'no connection'}", client_id=body.get("client_id")) from reason

    # -- the connection's life

    async def _run(self) -> None:
        loop, attempt, is_renewed = asyncio.get_running_loop(), 0, False
        while self._revoked is None:
            connection = Connection(url=self._url, ssl=self._ssl, on_event=self._receive)
            try:
                token = await self._tokens.current()
                await connection.open(token)
                opened_at, is_renewed = loop.time(), False
                self._set(connection)
                await connection.ended.wait()
                attempt = 0 if loop.time() - opened_at >= STEADY_S else attempt + 1
            except (ConnectionLost, DeadlineExceeded) as error:
                self.last, attempt = error, attempt + 1
            except Refused as refusal:
                if refusal.code in TOKEN_CODES and not is_renewed:
                    is_renewed = bool(await self._tokens.renewed(token))
                    continue
                if refusal.code not in PASSING_CODES and refusal.retry_after_s is None:
                    raise _final(refusal) from None
                self.last, attempt = refusal, attempt + 1
            finally:
                self._set(None)
                await connection.close()
            if self._revoked is None:
                await asyncio.sleep(self._wait_s(attempt))
        raise SessionRevoked(self._revoked)

    def _wait_s(self, attempt: int) -> float:
        if self._reconnect_at is None:
            return pause_s(max(0, attempt - 1))
        at, self._reconnect_at = self._reconnect_at, None
        return max(0.0, at - asyncio.get_running_loop().time())

    def _receive(self, event: str, body: dict[str, Any]) -> None:
        if event == "session:revoked":
            self._revoked = str(body.get("reason", ""))
        elif event == "server:draining" and self._connection is not None:
            wait_s = min(MAX_DRAIN_S, max(0, int(body.get("reconnect_in_ms", 1000))) / 1000)
            self._reconnect_at = asyncio.get_running_loop().time() + wait_s
            self._connection.end_in(wait_s)
        self._on_event(event, body)

    def _set(self, connection: Connection | None) -> None:
        if connection is not self._connection:
            self._connection = connection
            self._on_change(connection)
            self._tell()

    def _stopped(self, task: asyncio.Task[None]) -> None:
        if self.failure is None:
            self.failure = ClientClosed("the client was closed") if task.cancelled() else task.exception()
        self._on_change(None)
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _final(refusal: Refused) -> Refused:
    if refusal.code in TOKEN_CODES or refusal.code == "token_revoked":
        return SignInRequired(refusal.code, refusal.message)
    return refusal
