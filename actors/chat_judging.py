"""A slower look at messages than a screen's: a judge has a deadline, and a stated outcome where it is late.

Every message is looked at from the moment it comes, all of them at once. Those of one person are decided on in their
order; the messages of others do not wait for them. A message is decided on ``DEADLINE_S`` after it came at the latest:
it is shown and taken away again if the judge refuses it within ``LATE_S``, or it is held for a moderator.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Final, Literal, Protocol

import msgspec

from actors.chat_log import Appended
from actors.chat_messages import PostChat
from actors.chat_rules import Author
from actors.runtime import ActorError, Context, DomainError
from actors.runtime.clock import Handle
from actors.screening import ALLOW, Verdict

DEADLINE_S: Final = 0.05
LATE_S: Final = 10.0
MAX_LOOKS: Final = 256
HOLD: Final = Verdict(action="hold", reason="judge")


class Judge(Protocol):
    """Tells whether a text may be shown in a room. It may take for ever, and is cancelled then."""

    async def judge(self, author: Author, text: str, *, room_id: str) -> Verdict:
        """Raises ``Unavailable`` where there is no verdict to be had."""


class SlowJudge(msgspec.Struct, frozen=True, kw_only=True):
    """A judge, and what becomes of a message that it is late for."""

    judge: Judge
    when_late: Literal["allow", "hold"] = "allow"


class Look:
    """A message that is looked at. ``verdict``: None until it is decided on."""

    __slots__ = ("commit", "deadline", "message", "sent_at", "text", "verdict")

    def __init__(self, message: PostChat, text: str, sent_at: datetime) -> None:
        self.message = message
        self.text = text
        self.sent_at = sent_at
        self.verdict: Verdict | None = None
        self.deadline: Handle | None = None
        self.commit: asyncio.Future[Appended] | None = None


class Looks:
    """Those of one room; at most ``MAX_LOOKS`` at a time, a message above that is decided on as if the judge were late.

    ``decided`` is called with each message in the order of its author's; it sets ``commit`` to what the
    log makes of it. ``remove`` deletes one that was shown. All ends with the actor: what was not decided on was not
    posted, and its asker asks the next owner of the room. A verdict that comes after that is lost.
    """

    def __init__(
        self,
        *,
        context: Context,
        room_id: str,
        by: SlowJudge,
        decided: Callable[[Look, Verdict], None],
        remove: Callable[[str], Awaitable[None]],
    ) -> None:
        self._context = context
        self._room_id = room_id
        self._judge = by.judge
        self._when_late = ALLOW if by.when_late == "allow" else HOLD
        self._decided = decided
        self._remove = remove
        self._of: dict[str, deque[Look]] = {}
        self._asked = 0
        self._settling: list[asyncio.Future[None]] = []

    def add(self, message: PostChat, text: str, sent_at: datetime) -> None:
        look = Look(message, text, sent_at)
        self._of.setdefault(message.author.id, deque()).append(look)
        if self._asked >= MAX_LOOKS:
            self._decide(look, self._when_late)
            return
        try:
            task = self._context.spawn(self._ask(look), name="judge")
        except ActorError:
            self._decide(look, self._when_late)
            return
        clock = self._context.clock
        look.deadline = clock.call_later(DEADLINE_S, partial(self._expire, look))
        self._asked += 1
        task.add_done_callback(partial(self._answered, clock.call_later(LATE_S, task.cancel)))

    async def settle(self) -> None:
        """Wait until all that were added before are decided on: ``DEADLINE_S`` at most."""
        if self._of and self._context.is_open:
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._settling.append(settled)
            await settled

    def _answered(self, given_up: Handle, _: asyncio.Task[None]) -> None:
        self._asked -= 1
        given_up.cancel()

    async def _ask(self, look: Look) -> None:
        verdict = None
        try:
            verdict = await self._judge.judge(look.message.author, look.text, room_id=self._room_id)
        except ActorError as error:
            self._context.log.debug("no verdict: %s", error)
        if look.verdict is None:
            self._decide(look, verdict or self._when_late)
        elif verdict is not None and verdict.action == "refuse" and look.commit is not None:
            await self._take_away(look.commit)

    async def _take_away(self, commit: asyncio.Future[Appended]) -> None:
        try:
            appended = await asyncio.shield(commit)
            if not appended.is_duplicate:
                await self._remove(appended.id)
        except (DomainError, ActorError) as error:
            self._context.log.info("a message that was refused late stays: %s", error)

    def _expire(self, look: Look) -> None:
        if self._context.is_open:
            self._decide(look, self._when_late)

    def _decide(self, look: Look, verdict: Verdict) -> None:
        if look.verdict is not None:
            return
        look.verdict = verdict
        if look.deadline is not None:
            look.deadline.cancel()
        self._advance(look.message.author.id)

    def _advance(self, user_id: str) -> None:
        looks = self._of[user_id]
        while looks and looks[0].verdict is not None:
            look = looks.popleft()
            self._decided(look, look.verdict or self._when_late)
        if not looks:
            del self._of[user_id]
        if not self._of:
            settling, self._settling = self._settling, []
            for settled in settling:
                settled.set_result(None)
