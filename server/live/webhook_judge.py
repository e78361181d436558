"""A judge of chat messages behind an address that the operator has set: ``actors.chat_judging.Judge`` over HTTP."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from actors.chat_judging import LATE_S
from actors.chat_rules import Author
from actors.runtime import Unavailable
from actors.screening import Verdict
from server.outbound.http import PublicHttp
from server.outbound.public_addresses import PublicAddresses

MAX_OPEN: Final = 100
"""Requests at a time; who comes then gets no verdict."""
MAX_ANSWER: Final = 4_096
HEADERS: Final = {"Content-Type": "application/json", "Accept": "application/json"}


class _User(msgspec.Struct, frozen=True):
    id: str
    username: str


class _Question(msgspec.Struct, frozen=True):
    room_id: str
    user: _User
    text: str


class _Answer(msgspec.Struct, frozen=True):
    action: Literal["allow", "refuse", "hold"]


class WebhookJudge:
    """POSTs ``{room_id, user: {id, username}, text}`` and reads ``{action: "allow" | "refuse" | "hold"}``.

    The address is the operator's own, so it need not be a public one. Redirects are not followed.
    """

    def __init__(self, *, url: str) -> None:
        self._url = url
        self._http = PublicHttp(addresses=PublicAddresses(allow_private=True))
        self._open = 0

    async def judge(self, author: Author, text: str, *, room_id: str) -> Verdict:
        """Raises ``Unavailable``."""
        if self._open >= MAX_OPEN:
            raise Unavailable("judge", "it is asked too much at once")
        self._open += 1
        try:
            return await self._ask(_Question(room_id, _User(author.id, author.username), text))
        except (OSError, TimeoutError) as error:
            raise Unavailable("judge", str(error) or "it does not answer") from None
        finally:
            self._open -= 1

    async def _ask(self, question: _Question) -> Verdict:
        body = msgspec.json.encode(question)
        reply = await self._http.post(self._url, body=body, headers=HEADERS, timeout_s=LATE_S, max_bytes=MAX_ANSWER)
        if reply.status != 200:
            raise Unavailable("judge", f"it answered {reply.status}")
        try:
            action = msgspec.json.decode(reply.beginning, type=_Answer).action
        except msgspec.DecodeError:
            raise Unavailable("judge", "its answer is no verdict") from None
        return Verdict(action=action, reason=None if action == "allow" else "judge")

    async def close(self) -> None:
        await self._http.close()
