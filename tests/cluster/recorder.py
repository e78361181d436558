"""People who talk in rooms through everything that happens, and write down what they were acknowledged and shown."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable
from typing import Any

import socketio
import socketio.exceptions

from storage.postgres import Database
from tests.e2e.waiting import until_true

PAUSE_S = 0.02
ANSWER_S = 20.0

_numbers = itertools.count(1)


class ChatRecorder:
    """One person in one room, with the official client as it comes: it reconnects by itself, and then joins from where
    it was. A message is sent again under its ``client_id`` until it is acknowledged.
    """

    def __init__(self, *, url: str, token: str, room_id: str) -> None:
        self.room_id = room_id
        self.acked: dict[str, tuple[str, int]] = {}
        self.acked_at: list[float] = []
        self.refusals: list[dict[str, Any]] = []
        self.seen: list[tuple[str, int]] = []
        self.wrongs: list[str] = []
        self.drains: list[int] = []
        self.connects = 0
        self.offset = -1
        self._url = url
        self._token = token
        self._epoch = ""
        self._first = 0
        self._name = f"w{next(_numbers)}"
        self._gone = asyncio.Event()
        self._here = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.client = socketio.AsyncClient(
            reconnection_delay=0.1, reconnection_delay_max=0.4, randomization_factor=0.2, handle_sigint=False
        )
        self.client.on("connect", self._connected)
        self.client.on("disconnect", self._disconnected)
        self.client.on("chat:messages", lambda body: self._see(body["epoch"], body["messages"]))
        self.client.on("chat:gap", lambda body: self.wrongs.append(f"a gap: {body}"))
        self.client.on("server:draining", lambda body: self.drains.append(body["reconnect_in_ms"]))

    async def open(self) -> ChatRecorder:
        await self.client.connect(self._url, auth={"token": self._token}, transports=["websocket"], wait_timeout=30)
        await until_true(lambda: self.offset >= 0, what="the first join")
        self._speaking = asyncio.create_task(self._speak(), name=f"{self._name} speaks")
        return self

    async def hush(self) -> None:
        """Says nothing new; what is under way comes to its end."""
        self._speaking.cancel()
        await asyncio.gather(self._speaking, return_exceptions=True)

    async def close(self) -> None:
        await self.hush()
        for task in self._tasks:
            task.cancel()
        await self.client.disconnect()
        await self.client.shutdown()
        if self.client.eio.http is not None and not self.client.eio.http.closed:
            await self.client.eio.http.close()

    # coming and going

    async def _connected(self) -> None:
        self.connects += 1
        self._gone = asyncio.Event()
        self._here.set()
        await self._join()

    def _disconnected(self, *_: Any) -> None:
        self._here.clear()
        self._gone.set()

    async def _join(self) -> None:
        body: dict[str, Any] = {"room_id": self.room_id}
        if self._epoch:
            body["since"] = {"epoch": self._epoch, "offset": self.offset}
        await self.client.emit("chat:join", body, callback=self._joined)

    def _joined(self, answer: dict[str, Any]) -> None:
        if not answer["ok"]:
            self._later(answer["error"].get("retry_after_ms", 200) / 1000)
            return
        if not self._epoch:
            self._epoch, self._first, self.offset = answer["epoch"], answer["offset"], answer["offset"]
            return
        if not answer["recovered"]:
            self.wrongs.append(f"not recovered from {self.offset}: {answer['epoch']} {answer['offset']}")
        self._see(answer["epoch"], answer["messages"])
        if answer.get("more"):
            self._later(0.0)

    def _later(self, pause_s: float) -> None:
        task = asyncio.get_running_loop().create_task(self._join_after(pause_s), name="join later")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join_after(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        if self.client.connected:
            try:
                await self._join()
            except socketio.exceptions.SocketIOError:
                return  # whoever connects again joins again

    def _see(self, epoch: str, messages: Iterable[dict[str, Any]]) -> None:
        if epoch != self._epoch:
            self.wrongs.append(f"another epoch: {epoch}")
        for message in messages:
            if message["offset"] != self.offset + 1:
                self.wrongs.append(f"{message['offset']} after {self.offset}")
            self.offset = max(self.offset, message["offset"])
            self.seen.append((message["id"], message["offset"]))

    # talking

    async def _speak(self) -> None:
        for number in itertools.count(1):
            client_id = f"{self._name}-{number}"
            while not await self._said(client_id):
                pass
            await asyncio.sleep(PAUSE_S)

    async def _said(self, client_id: str) -> bool:
        """Whether it was acknowledged; a refusal is waited for as it says."""
        await self._here.wait()
        answer = await self._asked({"room_id": self.room_id, "text": f"says {client_id}", "client_id": client_id})
        if answer is None:
            return False
        if answer["ok"]:
            self.acked[client_id] = answer["id"], answer["offset"]
            self.acked_at.append(time.monotonic())
            return True
        self.refusals.append(answer["error"])
        if "retry_after_ms" not in answer["error"]:
            self.wrongs.append(f"refused for good: {answer['error']}")
        await asyncio.sleep(min(1.0, answer["error"].get("retry_after_ms", 100) / 1000))
        return False

    async def _asked(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer, or None when the connection went before it came."""
        gone = asyncio.ensure_future(self._gone.wait())
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        try:
            await self.client.emit("chat:send", body, callback=lambda got: answer.done() or answer.set_result(got))
            await asyncio.wait([gone, answer], timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        except socketio.exceptions.SocketIOError:
            await asyncio.sleep(PAUSE_S)
            return None
        finally:
            gone.cancel()
        if answer.done():
            return answer.result()
        if not gone.done():
            self.wrongs.append(f"no answer within {ANSWER_S} s")
        return None

    def longest_silence_s(self, since: float) -> float:
        """Between two acknowledgements, of those after ``since``."""
        times = [since, *(at for at in self.acked_at if at > since)]
        return max((after - before for before, after in itertools.pairwise(times)), default=0.0)


async def wrongs_of(recorders: Iterable[ChatRecorder], database_url: str) -> list[str]:
    """What the witnesses were told that is not so in the database, in words; empty when all is well."""
    everybody = list(recorders)
    db = await Database.connect(database_url, max_connections=1)
    try:
        found = [f"{one.room_id}: {wrong}" for one in everybody for wrong in one.wrongs]
        for room_id in {one.room_id for one in everybody}:
            rows = await db.fetch(
                'select id::text, "offset", client_id from chat_messages where room_id = $1 order by "offset"', room_id
            )
            found += _compare(rows, [one for one in everybody if one.room_id == room_id])
    finally:
        await db.close()
    return found


def _compare(rows: list[Any], recorders: list[ChatRecorder]) -> list[str]:
    logged = [(row["id"], row["offset"]) for row in rows]
    by_client_id = {row["client_id"]: (row["id"], row["offset"]) for row in rows}
    found = []
    if [offset for _, offset in logged] != list(range(1, len(logged) + 1)):
        found.append("the log has holes or repeats")
    for one in recorders:
        lost = [key for key, told in one.acked.items() if by_client_id.get(key) != told]
        if lost:
            found.append(f"acknowledged and not so in the log: {lost[:5]} of {len(one.acked)}")
        if one.seen != logged[one._first :]:
            found.append(f"shown {len(one.seen)} from {one._first}, logged {len(logged)}; at {one.offset}")
    return found
