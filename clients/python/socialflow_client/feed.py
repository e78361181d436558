"""The messages of a room as they are read: in order, each once, over reconnections."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any, Final, Protocol

from socialflow_client.backoff import pause_s
from socialflow_client.connection import Connection
from socialflow_client.errors import ClientClosed, ConnectionLost, DeadlineExceeded, Refused
from socialflow_client.link import Link
from socialflow_client.log import RawMessage, RoomLog
from socialflow_client.shapes import Message, Stream, shaped

HEARTBEAT_S: Final = 10.0


class Own(Protocol):
    def is_own(self, client_id: str | None) -> bool:
        """Whether this client chose it."""


class Feed:
    """Enters the room, and again after each reconnection, and keeps up with it while there is space.

    At most ``limit`` messages wait to be read. While a slow reader has that many, what follows is left on the server
    and fetched when half of them are read.
    """

    def __init__(self, *, link: Link, own: Own, room_id: str, stream_id: str | None, limit: int) -> None:
        self.room_id = room_id
        self.stream_id = stream_id
        self.stream: Stream | None = None
        self.recent: tuple[Message, ...] = ()
        self.failure: BaseException | None = None
        self._link = link
        self._own = own
        self._limit = limit
        self._log = RoomLog()
        self._queue: deque[RawMessage] = deque()
        self._arrived = asyncio.Event()
        self._stir = asyncio.Event()
        self._entered: Connection | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def next(self) -> Message:
        """Raises what ended the room for good (``SessionRevoked``, ``Refused``); after ``leave`` the iteration ends."""
        while True:
            while not self._queue:
                if isinstance(self.failure, ClientClosed):
                    raise StopAsyncIteration
                if self.failure is not None:
                    raise self.failure
                self._arrived.clear()
                await self._arrived.wait()
            raw = self._queue.popleft()
            if self._log.is_behind and self._has_space:
                self._stir.set()
            if not raw.get("deleted"):
                return self.message(raw)

    async def open(self, *, deadline_s: float) -> None:
        """Raises ``Refused``, ``DeadlineExceeded`` and what ended the client."""
        self._stir.set()
        self._tasks.append(asyncio.create_task(self._keep_up(), name=f"socialflow room {self.room_id}"))
        self._tasks[0].add_done_callback(self._stopped)
        try:
            async with asyncio.timeout(deadline_s):
                while self._log.epoch == "" and self.failure is None:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            raise DeadlineExceeded(f"the room was not entered: {self._link.last or 'no answer'}") from self._link.last
        if self.failure is not None:
            raise self.failure
        if self.stream_id is not None:
            self._tasks.append(asyncio.create_task(self._beat(), name=f"socialflow heartbeat {self.stream_id}"))

    async def end(self, failure: BaseException) -> None:
        """Ends the room's tasks; what is queued can still be read."""
        self._fail(failure)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks.clear()

    def connection_changed(self, connection: Connection | None, failure: BaseException | None) -> None:
        self._log.lost()
        self._entered = None
        if failure is not None:
            self._fail(failure)
        elif connection is not None:
            self._stir.set()

    def receive(self, event: str, body: dict[str, Any]) -> None:
        if event == "chat:messages" and body.get("room_id") == self.room_id:
            self._put(self._log.posted(body["epoch"], body["messages"], space=self._space))
        elif event == "chat:gap" and body.get("room_id") == self.room_id:
            self._log.lost()
        elif event == "stream:state" and body.get("id") == self.stream_id:
            self.stream = shaped(Stream, body)
        if self._log.is_behind and self._entered is not None and self._has_space:
            self._stir.set()

    @property
    def is_entered(self) -> bool:
        return self._entered is not None

    @property
    def _space(self) -> int:
        return self._limit - len(self._queue)

    @property
    def _has_space(self) -> bool:
        return len(self._queue) <= self._limit // 2

    def _put(self, messages: list[RawMessage]) -> None:
        self._queue.extend(messages)
        if messages:
            self._arrived.set()

    async def _keep_up(self) -> None:
        attempt = 0
        while True:
            await self._stir.wait()
            self._stir.clear()
            try:
                await self._catch_up()
                attempt = 0
                continue
            except ConnectionLost:
                wait_s = pause_s(attempt)
            except Refused as refusal:
                if refusal.retry_after_s is None:
                    raise
                wait_s = refusal.retry_after_s
            attempt += 1
            await asyncio.sleep(wait_s)
            self._stir.set()

    async def _catch_up(self) -> None:
        connection = await self._link.ready()
        if self.stream_id is not None and self._entered is not connection:
            self._log.lost()  # what the answer holds is not sent again as events
            await self._link.ask_once("stream:watch", {"stream_id": self.stream_id}, then=self._watched)
        while self._log.is_behind and self._has_space:
            since = {"epoch": self._log.epoch, "offset": self._log.offset}
            body = {"room_id": self.room_id, **({"since": since} if self._log.epoch else {})}
            await self._link.ask_once("chat:join", body, then=self._joined)
        self._entered = connection

    def _watched(self, answer: dict[str, Any]) -> None:
        self.stream = shaped(Stream, answer["stream"])
        if not self._log.epoch:
            self.room_id = answer["room"]["room_id"]
            self._begin(answer["room"])

    def _joined(self, answer: dict[str, Any]) -> None:
        if not self._log.epoch:
            self._begin(answer)
        else:
            self._put(self._log.caught_up(answer, space=self._space))

    def _begin(self, state: dict[str, Any]) -> None:
        self.recent = tuple(self.message(one) for one in state["messages"] if not one.get("deleted"))
        self._log.begin(state["epoch"], state["offset"])
        self._arrived.set()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            with contextlib.suppress(Refused, ConnectionLost):
                await self._link.ask_once("stream:heartbeat", {"stream_id": self.stream_id})

    def _stopped(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._fail(task.exception() or ClientClosed("the room has ended"))

    def _fail(self, failure: BaseException) -> None:
        self.failure = self.failure or failure
        self._arrived.set()

    def message(self, raw: RawMessage) -> Message:
        return shaped(Message, {**raw, "is_mine": self._own.is_own(raw.get("client_id"))})
