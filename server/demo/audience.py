"""Who watches, talks and reacts: one connection each, reconnecting as a browser would."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter, deque
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from server.demo.client import Api, CallRefused, EventSocket, ServerLost, while_listening
from server.demo.people import Company, DemoMember
from server.demo.script import EMOJI, HOST, HOST_LINES, LINES, REPLIES, TIP_CENTS, TIP_LINES

HEARTBEAT_S: Final = 10.0
MAX_FAILURES: Final = 20
STEADY_S: Final = 15.0
REPLY_SHARE: Final = 0.2
REACTION_SHARE: Final = 0.35
TIP_PAUSE_S: Final = 20.0


class Audience:
    """The people of one stream and what was counted of them."""

    def __init__(self, *, api: Api, company: Company, stream_id: str, chance: Random) -> None:
        self._api = api
        self._company = company
        self._stream_id = stream_id
        self._chance = chance
        self._seen: deque[dict[str, Any]] = deque(maxlen=20)
        self.counts: Counter[str] = Counter()

    async def attend(self, member: DemoMember | None) -> None:
        """Watch, and unless a guest (None) talk, until cancelled. Raises ``ServerLost`` when nothing works any more."""
        failures = 0
        while True:
            came_at = time.monotonic()
            try:
                await self._visit(member)
            except* (ServerLost, CallRefused) as reasons:
                failures = failures + 1 if time.monotonic() - came_at < STEADY_S else 1
                if failures >= MAX_FAILURES:
                    raise ServerLost(str(reasons.exceptions[0])) from None
            await asyncio.sleep(self._chance.uniform(0.5, 3.0) * min(failures, 5))

    async def _visit(self, member: DemoMember | None) -> None:
        try:
            socket = await self._api.socket(member.token if member else None, self._heard)
        except CallRefused:
            # The access token has expired: it lives for minutes, the demo for as long as one likes.
            if member is not None:
                await self._company.sign_in(member)
            raise
        await while_listening(socket, self._stay(socket, member))

    async def _stay(self, socket: EventSocket, member: DemoMember | None) -> None:
        watched = await socket.call("stream:watch", {"stream_id": self._stream_id})
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat(socket), name="heartbeat")
            if member is not None:
                group.create_task(self._talk(socket, member, watched["room"]["room_id"]), name="talk")

    async def _beat(self, socket: EventSocket) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await _took(socket, "stream:heartbeat", {"stream_id": self._stream_id})

    async def _talk(self, socket: EventSocket, member: DemoMember, room_id: str) -> None:
        while True:
            await asyncio.sleep(min(60.0, self._chance.expovariate(1 / member.persona.pause_s)))
            if self._chance.random() < REACTION_SHARE:
                react = {"stream_id": self._stream_id, "emoji": self._chance.choice(EMOJI)}
                self.counts["reactions"] += await _took(socket, "stream:react", react)
            said = {"room_id": room_id, **self._words(member)}
            self.counts["messages"] += await _took(socket, "chat:send", said)

    async def tip(self, members: Sequence[DemoMember]) -> None:
        """Give tips of test money until cancelled, or until the server takes none."""
        while True:
            await asyncio.sleep(min(90.0, self._chance.expovariate(1 / TIP_PAUSE_S)))
            member, amount = self._chance.choice(members), self._chance.choice(TIP_CENTS)
            tip = {"stream_id": self._stream_id, "amount": amount, "currency": "USD"}
            try:
                given = {**tip, "message": self._chance.choice(TIP_LINES)}
                await self._api.call("POST", "/api/v1/tips", token=member.token, body=given)
                self.counts["tips"] += 1
            except CallRefused as refusal:
                if refusal.status == 401:
                    await self._company.sign_in(member)
                elif refusal.status == 503:
                    return

    def _words(self, member: DemoMember) -> dict[str, Any]:
        said: dict[str, Any] = {"client_id": uuid.uuid4().hex}
        if member.persona is HOST:
            return {**said, "text": self._chance.choice(HOST_LINES)}
        others = [message for message in self._seen if message["user"]["username"] != member.username]
        if others and self._chance.random() < REPLY_SHARE:
            return {**said, "text": self._chance.choice(REPLIES), "reply_to": self._chance.choice(others)["id"]}
        return {**said, "text": self._chance.choice(LINES)}

    def _heard(self, event: str, body: Any) -> None:
        if event == "chat:messages":
            fresh = {message["id"] for message in self._seen}
            self._seen.extend(one for one in body["messages"] if "user" in one and one["id"] not in fresh)
        elif event == "stream:viewers":
            self.counts["viewers"] = body["viewers"]


async def _took(socket: EventSocket, event: str, body: Any) -> bool:
    """Whether the server took it; a refusal (too fast, a slow mode) is waited out and forgotten."""
    try:
        await socket.call(event, body)
    except CallRefused as refusal:
        await asyncio.sleep(min(30.0, refusal.retry_after_s or 1.0))
        return False
    return True
