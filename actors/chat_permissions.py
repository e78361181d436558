"""Who may act in a room now: its rules, the budgets of people, and their relationships to the owner."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from actors.chat_rules import Author, ChatRules, Relationship
from actors.events import ChatMessage
from actors.rate_limits import RateLimits
from actors.runtime import Clock, DomainError
from actors.screening import ALLOW, Reason, Screen, Verdict

MAX_RELATIONSHIPS = 4_096
RELATIONSHIP_AGE_S = 30.0
CHANGEABLE = timedelta(minutes=15)
STRANGER = Relationship()
REFUSALS: dict[Reason | None, str] = {
    "word": "A word in this message is not allowed here.",
    "link": "Links like this one are not allowed here.",
    "repeats": "This message repeats itself too much.",
    "capitals": "Please don't write in capitals.",
    "judge": "This message is not allowed here.",
}


class Permissions:
    """Judges at once by a relationship that was read lately; ``read_relationship`` comes before where none was."""

    def __init__(
        self,
        *,
        rules: ChatRules,
        screen: Screen,
        rate_limits: RateLimits,
        read_relationship: Callable[[str], Awaitable[Relationship]],
        clock: Clock,
        now: Callable[[], datetime],
    ) -> None:
        self.rules = rules
        self.screen = screen
        self._rate_limits = rate_limits
        self._read_relationship = read_relationship
        self._clock = clock
        self.now = now
        self._known: OrderedDict[str, tuple[float, Relationship]] = OrderedDict()

    def known_relationship(self, author: Author) -> Relationship | None:
        """What was read lately; None where it is too old, or refuses what the author may mend in a moment."""
        known = self._known.get(author.id)
        if known is None or known[0] < self._clock.monotonic():
            return None
        return None if self.rules.lacks_relationship(author, known[1]) else known[1]

    async def read_relationship(self, user_id: str) -> Relationship:
        """Read and remember it. Raises ``Unavailable``."""
        relationship = await self._read_relationship(user_id)
        if relationship.is_verified:  # an address that is not verified may be in a moment
            self._known[user_id] = (self._clock.monotonic() + RELATIONSHIP_AGE_S, relationship)
        while len(self._known) > MAX_RELATIONSHIPS:
            self._known.popitem(last=False)
        return relationship

    def forget_relationship(self, user_id: str) -> None:
        self._known.pop(user_id, None)

    def badges(self, author: Author, *, at: datetime) -> tuple[str, ...]:
        """Those of the relationship that was read last; none of it where that is forgotten."""
        known = self._known.get(author.id)
        return self.rules.badges(author, STRANGER if known is None else known[1], now=at)

    # posting

    def judge_writer(self, author: Author, relationship: Relationship) -> None:
        """Raise the ``DomainError`` that says why this person may write nothing now."""
        self.rules.judge_writer(author, relationship=relationship, now=self.now(), at=self._clock.monotonic())

    def admit(
        self, author: Author, text: str, relationship: Relationship, *, is_announcement: bool = False
    ) -> tuple[datetime, Verdict]:
        """The time at which the message counts as posted, and whether it is held for a moderator. Raises the
        ``DomainError`` that says why it may not be. What moderators write is not screened.
        """
        if is_announcement:
            self.require_moderator(author)
        now, at = self.now(), self._clock.monotonic()
        self.consume("chat", author)
        self.rules.judge(author, text, relationship=relationship, now=now, at=at)
        verdict = ALLOW if self.rules.is_moderator(author) else self.screen.judge(text)
        if verdict.action == "refuse":
            raise DomainError("screened", REFUSALS[verdict.reason], field="text")
        self.rules.posted(author, text, now=now, at=at)
        return now, verdict

    def take_back(self, author: Author, text: str, *, sent_at: datetime) -> None:
        """A message that was admitted at ``sent_at`` was not written: it counts for nothing."""
        self.forget_text(author, text, sent_at=sent_at)
        self._rate_limits.refund("chat", self.rules.role(author), author.id, at=self._clock.monotonic())

    def forget_text(self, author: Author, text: str, *, sent_at: datetime) -> None:
        """A message that was admitted is refused: it counts for the budget, and for no mode."""
        self.rules.taken_back(author, text, now=sent_at)

    async def require_writer(self, author: Author) -> None:
        """Raises the ``DomainError`` of who may write nothing here now, and ``Unavailable``."""
        relationship = self.known_relationship(author) or await self.read_relationship(author.id)
        self.judge_writer(author, relationship)

    def require_changeable(self, message: ChatMessage) -> None:
        """Raises ``too_late`` for a message of a private room that is older than ``CHANGEABLE``."""
        if self.now() - message.sent_at > CHANGEABLE:
            raise DomainError("too_late", "A message can be changed within 15 minutes.", field="message_id")

    # moderating

    def consume(self, action: str, by: Author) -> None:
        """Take the action out of the person's budget. Raises ``DomainError("rate_limited")``."""
        self._rate_limits.consume(action, self.rules.role(by), by.id, at=self._clock.monotonic())

    def require_owner(self, author: Author) -> None:
        if self.rules.role(author) not in ("owner", "admin"):
            raise DomainError("forbidden", "Only the owner of the room may do this.")

    def require_moderator(self, author: Author) -> None:
        if not self.rules.is_moderator(author):
            raise DomainError("forbidden", "Only the owner and moderators of the room may do this.")
        self.rules.judge_sanction(author, at=self._clock.monotonic())
