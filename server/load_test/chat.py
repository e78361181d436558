"""Sockets that read a room and notice what is lost, doubled or out of order; and the one that talks there."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from server.demo.client import Api, CallRefused, EventSocket, ServerLost, while_listening
from server.load_test.tally import Tally

HEARTBEAT_S: Final = 10.0
PAUSE_S: Final = 1.0
MAX_PAUSE_S: Final = 30.0
STAMP: Final = re.compile(r"load (\w+) (\d+) (\d+)")


def stamped(run: str, number: int) -> str:
    """Message ``number``, from 0 on, of this run, with the time."""
    return f"load {run} {number} {time.monotonic_ns()}"


class Reading:
    """What one socket has read of the room's messages of this run, which are numbered from 0 on."""

    def __init__(self, *, run: str, tally: Tally) -> None:
        self._run = run
        self._tally = tally
        self._next = 0
        self._missing: set[int] = set()

    def begin_after(self, texts: Sequence[str]) -> None:
        """What was sent before this socket came, of which these are the last, is not for it to read."""
        ours = (STAMP.fullmatch(text) for text in texts)
        self._next = max((int(found[2]) + 1 for found in ours if found and found[1] == self._run), default=0)
        self._missing.clear()

    def take(self, text: str, *, is_fresh: bool = True) -> None:
        """``is_fresh``: not one that was caught up with, whose delay is that of the connection."""
        found = STAMP.fullmatch(text)
        if found is None or found[1] != self._run:
            return
        if self._count(int(found[2])):
            self._tally.received((time.monotonic_ns() - int(found[3])) / 1e6 if is_fresh else 0.0)

    def _count(self, number: int) -> bool:
        if number >= self._next:
            self._missing.update(range(self._next, number))
            self._next = number + 1
            return True
        if number in self._missing:
            self._missing.remove(number)
            self._tally.counts["disordered"] += 1
            return True
        self._tally.counts["twice"] += 1
        return False

    def lost(self, sent: int) -> int:
        """Of ``sent`` messages."""
        return len(self._missing) + max(0, sent - self._next)


class Listener:
    """One guest: watches a stream, reads its room, and comes back where it was when its connection is lost."""

    def __init__(self, *, api: Api, stream_id: str, run: str, tally: Tally) -> None:
        self._api = api
        self._stream_id = stream_id
        self._tally = tally
        self.reading = Reading(run=run, tally=tally)
        self._position: dict[str, Any] | None = None
        self._joining: list[dict[str, Any]] | None = None
        self.is_in = asyncio.Event()

    async def stay(self) -> None:
        """Until cancelled."""
        await keep_connected(self._api, lambda: None, self._heard, self._visit, self._tally)

    async def _visit(self, socket: EventSocket) -> None:
        watched = await socket.call("stream:watch", {"stream_id": self._stream_id})
        await self._join(socket, watched["room"]["room_id"])
        self._tally.counts["sockets"] += 1
        self.is_in.set()
        try:
            while True:
                await asyncio.sleep(HEARTBEAT_S)
                await socket.call("stream:heartbeat", {"stream_id": self._stream_id})
        finally:
            self._tally.counts["sockets"] -= 1

    async def _join(self, socket: EventSocket, room_id: str) -> None:
        """What is sent while the answer is under way comes after what the answer holds."""
        self._joining = []
        while True:
            since = {"since": self._position} if self._position else {}
            joined = await socket.call("chat:join", {"room_id": room_id, **since})
            if self._position is None or not joined["recovered"]:
                self._tally.counts["reset"] += self._position is not None
                self.reading.begin_after([one.get("text") or "" for one in joined["messages"]])
            else:
                self._take(joined["messages"], is_fresh=False)
            self._position = {"epoch": joined["epoch"], "offset": joined["offset"]}
            if not joined.get("more"):
                break
        waiting, self._joining = self._joining, None
        for body in waiting:
            self._heard("chat:messages", body)

    def _heard(self, event: str, body: Any) -> None:
        if event != "chat:messages":
            return
        if self._joining is not None:
            self._joining.append(body)
            return
        self._take(body["messages"])
        offset = max((one["offset"] for one in body["messages"]), default=0)
        self._position = {"epoch": body["epoch"], "offset": max(offset, (self._position or {"offset": 0})["offset"])}

    def _take(self, messages: Sequence[dict[str, Any]], *, is_fresh: bool = True) -> None:
        for message in messages:
            self.reading.take(message.get("text") or "", is_fresh=is_fresh)


class Talker:
    """Says numbered messages at a steady rate, as the owner. One that is not acknowledged is sent again."""

    def __init__(
        self, *, api: Api, token: Callable[[], str | None], room_id: str, run: str, every_s: float, tally: Tally
    ) -> None:
        self._api = api
        self._token = token
        self._room_id = room_id
        self._run = run
        self._every_s = every_s
        self._tally = tally
        self._client_id = uuid.uuid4().hex
        self.sent = 0

    async def talk(self) -> None:
        """Until cancelled."""
        await keep_connected(self._api, self._token, lambda event, body: None, self._visit, self._tally)

    async def _visit(self, socket: EventSocket) -> None:
        await socket.call("chat:join", {"room_id": self._room_id})
        due = time.monotonic()
        while True:
            await self._say(socket)
            due = max(due + self._every_s, time.monotonic() - self._every_s)
            await asyncio.sleep(due - time.monotonic())

    async def _say(self, socket: EventSocket) -> None:
        body = {"room_id": self._room_id, "text": stamped(self._run, self.sent), "client_id": self._client_id}
        try:
            await socket.call("chat:send", body)
        except CallRefused as refusal:
            self._tally.counts["sent_refused"] += 1
            await asyncio.sleep(min(MAX_PAUSE_S, refusal.retry_after_s or PAUSE_S))
            return
        self.sent += 1
        self._tally.counts["sent"] += 1
        self._client_id = uuid.uuid4().hex


async def keep_connected(
    api: Api,
    token: Callable[[], str | None],
    received: Callable[[str, Any], None],
    visit: Callable[[EventSocket], Awaitable[None]],
    tally: Tally,
) -> None:
    """``visit`` on a connection, and on another one whenever it is lost, with pauses that grow; until cancelled."""
    pause_s = PAUSE_S
    while True:
        began_at = time.monotonic()
        try:
            socket = await api.socket(token(), received)
        except (ServerLost, CallRefused):
            tally.counts["sockets_refused"] += 1
        else:
            try:
                await while_listening(socket, visit(socket))
            except (ServerLost, CallRefused):
                tally.counts["sockets_lost"] += 1
        pause_s = PAUSE_S if time.monotonic() - began_at > MAX_PAUSE_S else min(MAX_PAUSE_S, 2 * pause_s)
        await asyncio.sleep(pause_s)
