"""Who may post what in a chat room, and what of a text is kept. Pure: the caller gives the time."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from actors.rate_limits import Role, role_of
from actors.runtime import DomainError
from actors.text import clean_message

MAX_TEXT = 500
UNIQUE_WINDOW = 200
LONG_FOLLOWING = timedelta(days=90)
"""From here on a follower has a badge of their own."""

_EMOTES_ONLY = re.compile(
    r"(?:\s|:[a-zA-Z0-9_+-]{1,32}:|[\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\u200d]|[\U0001f000-\U0001faff])+"
)


SUBSCRIBER_MONTHS: Final = (3, 6, 12, 24)
"""For so many paid months a subscriber has a badge beside the first."""


def subscriber_badges(months: int) -> tuple[str, ...]:
    """The one for the longest time that ``months`` reach; none below the first of ``SUBSCRIBER_MONTHS``."""
    reached = [least for least in SUBSCRIBER_MONTHS if months >= least]
    return (f"subscriber_{reached[-1]}",) if reached else ()


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """A person who acts in a room, with the roles of their account."""

    id: str
    username: str
    display_name: str
    roles: tuple[str, ...] = ()


class ChatMode(msgspec.Struct, frozen=True, kw_only=True):
    """Who may post how: all off by default. ``followers_only_seconds`` of 0 means any follower.

    ``shield`` makes it slow, for followers of some time, and unique, or leaves it stricter than that; without it again
    all is as it was before.
    """

    slow_seconds: int = 0
    followers_only_seconds: int | None = None
    subscribers_only: bool = False
    emotes_only: bool = False
    unique: bool = False
    shield: bool = False


SHIELD_SLOW_S = 30
SHIELD_FOLLOWERS_S = 600


def enforced(mode: ChatMode) -> ChatMode:
    """The mode that holds: with ``shield``, the stricter of each setting and that of the shield."""
    if not mode.shield:
        return mode
    followers_s = mode.followers_only_seconds
    return ChatMode(
        slow_seconds=max(mode.slow_seconds, SHIELD_SLOW_S),
        followers_only_seconds=SHIELD_FOLLOWERS_S if followers_s is None else max(followers_s, SHIELD_FOLLOWERS_S),
        subscribers_only=mode.subscribers_only,
        emotes_only=mode.emotes_only,
        unique=True,
        shield=True,
    )


RoomRole = Literal["moderator", "vip"]
"""What the owner of a room makes of a person there. A ``vip`` writes whatever the mode is."""


class Sanction(msgspec.Struct, frozen=True, kw_only=True):
    """``until`` None: for good."""

    until: datetime | None


RESTRICTED: Final = "restricted"
Standing = Literal["member", "asked", "stranger", "silent"]
"""``asked``: has yet to accept that they are in the room. ``silent``: nobody may write there now."""


class Relationship(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is to the room's owner; ``is_verified``: their address is, or need not be.

    ``subscribed_months``: how many were paid, in all. ``standing``: what the person is in a private room.
    ``restricted_until``: moderators of the server let the person write nowhere before.
    """

    following_since: datetime | None = None
    is_subscriber: bool = False
    subscribed_months: int = 0
    is_blocked: bool = False
    is_verified: bool = True
    restricted_until: datetime | None = None
    standing: Standing = "member"


def restricted(until: datetime) -> DomainError:
    """What a person is told whom moderators of the server do not let write or go live."""
    message = f"Moderators do not let you write or go live until {until.isoformat(timespec='minutes')}."
    return DomainError(RESTRICTED, message)


def clean_text(text: str, *, may_be_empty: bool = False) -> str:
    """The message that a room keeps of a text: cleaned, on one line, 1 to 500 characters of which one shows; none where
    it ``may_be_empty``.

    Raises ``DomainError``: ``empty_text`` or ``text_too_long``.
    """
    is_far_too_long = len(text) > 4 * MAX_TEXT  # whatever is taken out of it; cleaning costs time
    kept = "" if is_far_too_long else clean_message(text)
    if not kept and not is_far_too_long and not may_be_empty:
        raise DomainError("empty_text", "A message needs at least one visible character.", field="text")
    if is_far_too_long or len(kept) > MAX_TEXT:
        raise DomainError("text_too_long", f"A message may have at most {MAX_TEXT} characters.", field="text")
    return kept


class ChatRules:
    """Who may post what, now. It remembers only what the rules need.

    ``now`` is wall clock, for what is kept and shown; ``at`` is monotonic seconds, for every wait that begins here.
    """

    def __init__(
        self,
        *,
        owner_id: str,
        moderators: frozenset[str],
        mode: ChatMode,
        sanctions: Mapping[str, Sanction],
        now: datetime,
        at: float,
        vips: frozenset[str] = frozenset(),
        is_private: bool = False,
    ) -> None:
        """``is_private``: everybody in it is a member like any other, whatever the roles of their account."""
        self.owner_id = owner_id
        self.is_private = is_private
        self.moderators = moderators
        self.vips = vips
        self.set_mode(mode)
        self._sanctions: dict[str, float] = {}  # until when, in monotonic seconds
        for user_id, sanction in sanctions.items():
            self.sanction(user_id, sanction, now=now, at=at)
        self._last_at: OrderedDict[str, tuple[float, datetime]] = OrderedDict()
        self._recent_texts: OrderedDict[str, None] = OrderedDict()  # the last ``UNIQUE_WINDOW`` of them

    def set_mode(self, mode: ChatMode) -> None:
        """``chosen`` is what moderators have set, ``mode`` what holds."""
        self.chosen = mode
        self.mode = enforced(mode)

    def set_role(self, user_id: str, role: RoomRole | None) -> None:
        self.moderators = self.moderators - {user_id} | ({user_id} if role == "moderator" else set())
        self.vips = self.vips - {user_id} | ({user_id} if role == "vip" else set())

    def is_moderator(self, author: Author) -> bool:
        return self.role(author) != "viewer"

    def is_free_of_mode(self, author: Author) -> bool:
        return author.id in self.vips or self.is_moderator(author)

    def role(self, author: Author) -> Role:
        if self.is_private:
            return "viewer"
        return role_of(author.id, author.roles, owner_id=self.owner_id, moderators=self.moderators)

    def badges(self, author: Author, relationship: Relationship, *, now: datetime) -> tuple[str, ...]:
        """In the order of ``chat_recent.BADGES``."""
        badges: tuple[str, ...] = ()
        if author.id == self.owner_id:
            badges += ("owner",)
        if author.id in self.moderators:
            badges += ("moderator",)
        if author.id in self.vips:
            badges += ("vip",)
        if "admin" in author.roles and not self.is_private:
            badges += ("admin",)
        if relationship.is_subscriber:
            badges += ("subscriber", *subscriber_badges(relationship.subscribed_months))
        if relationship.following_since is not None and now - relationship.following_since >= LONG_FOLLOWING:
            badges += ("follower",)
        return badges

    def sanction(self, user_id: str, sanction: Sanction, *, now: datetime, at: float) -> None:
        """From here on it holds: a clock that is set anew changes nothing about its length."""
        self._sanctions[user_id] = math.inf if sanction.until is None else at + (sanction.until - now).total_seconds()

    def pardon(self, user_id: str) -> bool:
        """Whether there was anything to pardon."""
        return self._sanctions.pop(user_id, None) is not None

    def judge(self, author: Author, text: str, *, relationship: Relationship, now: datetime, at: float) -> None:
        """Raise the ``DomainError`` that says why this may not be posted now."""
        self.judge_writer(author, relationship=relationship, now=now, at=at)
        if self.is_free_of_mode(author):
            return
        self._judge_text(text)
        self._judge_pace(author, at)

    def judge_writer(self, author: Author, *, relationship: Relationship, now: datetime, at: float) -> None:
        """Raise the ``DomainError`` that says why this person may write nothing now, whatever the text."""
        if relationship.standing != "member":
            raise _outside(relationship.standing)
        if not relationship.is_verified:
            raise DomainError("email_not_verified", "Verify your e-mail address before you write.")
        if relationship.restricted_until is not None and relationship.restricted_until > now:
            raise restricted(relationship.restricted_until)
        self.judge_sanction(author, at=at)
        if relationship.is_blocked and not self._cannot_be_silenced(author):
            raise DomainError("blocked", "The owner of this room has blocked you.")
        if not self.is_free_of_mode(author):
            self._judge_person(relationship, now)

    def judge_sanction(self, author: Author, *, at: float) -> None:
        """Raise the ``DomainError`` of a ban or timeout, which moderators may have as well as viewers."""
        wait_s = self._sanctions.get(author.id, at) - at
        if wait_s > 0 and not self._cannot_be_silenced(author):
            raise _sanctioned(wait_s)

    def _cannot_be_silenced(self, author: Author) -> bool:
        return self.role(author) in ("owner", "admin")

    def posted(self, author: Author, text: str, *, now: datetime, at: float) -> None:
        """Remember an accepted message for slow and unique mode."""
        self._remember(text.casefold())
        if self.mode.slow_seconds:
            self._last_at[author.id] = at, now
            self._last_at.move_to_end(author.id)
            self._forget_old(at)

    def taken_back(self, author: Author, text: str, *, now: datetime) -> None:
        """What was ``posted`` at ``now`` could not be written: it counts for nothing."""
        last = self._last_at.get(author.id)
        if last is not None and last[1] == now:
            del self._last_at[author.id]
        self._recent_texts.pop(text.casefold(), None)

    def lacks_relationship(self, author: Author, relationship: Relationship) -> bool:
        """Whether the mode wants them to follow or to subscribe, which they do not yet."""
        is_asked_to_follow = self.mode.followers_only_seconds is not None and relationship.following_since is None
        is_asked_to_subscribe = self.mode.subscribers_only and not relationship.is_subscriber
        return (is_asked_to_follow or is_asked_to_subscribe) and not self.is_free_of_mode(author)

    def _judge_person(self, relationship: Relationship, now: datetime) -> None:
        if self.mode.subscribers_only and not relationship.is_subscriber:
            raise DomainError("subscribers_only", "Only subscribers may write here at the moment.")
        self._judge_follower(relationship, now)

    def _judge_follower(self, relationship: Relationship, now: datetime) -> None:
        needed_s = self.mode.followers_only_seconds
        if needed_s is None:
            return
        if relationship.following_since is None:
            raise DomainError("followers_only", "Only followers may write here at the moment.")
        wait_s = needed_s - max(0.0, (now - relationship.following_since).total_seconds())
        if wait_s > 0:
            raise DomainError(
                "followers_only",
                f"You may write {wait_s:.0f} s from now: follow a little longer.",
                retry_after_s=wait_s,
            )

    def _judge_text(self, text: str) -> None:
        if self.mode.emotes_only and not _EMOTES_ONLY.fullmatch(text):
            raise DomainError("emotes_only", "Only emotes may be posted here at the moment.", field="text")
        if self.mode.unique and text.casefold() in self._recent_texts:
            raise DomainError(
                "not_unique", "Somebody has just posted exactly this: say it in your own words.", field="text"
            )

    def _judge_pace(self, author: Author, at: float) -> None:
        last = self._last_at.get(author.id)
        if not self.mode.slow_seconds or last is None:
            return
        wait_s = last[0] + self.mode.slow_seconds - at
        if wait_s > 0:
            raise DomainError("slow_mode", f"Slow mode: you may write again in {wait_s:.0f} s.", retry_after_s=wait_s)

    def _remember(self, text: str) -> None:
        self._recent_texts[text] = None
        self._recent_texts.move_to_end(text)
        if len(self._recent_texts) > UNIQUE_WINDOW:
            self._recent_texts.popitem(last=False)

    def _forget_old(self, at: float) -> None:
        oldest_kept = at - self.mode.slow_seconds
        while self._last_at and next(iter(self._last_at.values()))[0] < oldest_kept:
            self._last_at.popitem(last=False)


def _outside(standing: Standing) -> DomainError:
    if standing == "asked":
        return DomainError("not_accepted", "Accept the request before you write.", field="room_id")
    if standing == "silent":
        return DomainError("closed", "Nobody can write in this conversation now.", field="room_id")
    return DomainError("not_found", "There is no such room.", field="room_id")


def _sanctioned(wait_s: float) -> DomainError:
    if wait_s == math.inf:
        return DomainError("banned", "You are banned from this room.")
    return DomainError("timed_out", f"You may write again in {wait_s:.0f} s.", retry_after_s=wait_s)


def changed_mode(mode: ChatMode, changes: Mapping[str, int | bool | None]) -> ChatMode:
    """The mode with what ``changes`` names replaced; ``DomainError`` for a value out of range."""
    slow = changes.get("slow_seconds", mode.slow_seconds) or 0
    followers = changes.get("followers_only_seconds", mode.followers_only_seconds)
    if not 0 <= int(slow) <= 3600:
        raise DomainError("invalid", "slow_seconds is between 0 and 3600.", field="mode.slow_seconds")
    if followers is not None and not 0 <= int(followers) <= 90 * 24 * 3600:
        raise DomainError(
            "invalid", "followers_only_seconds is between 0 and 90 days.", field="mode.followers_only_seconds"
        )
    return ChatMode(
        slow_seconds=int(slow),
        followers_only_seconds=None if followers is None else int(followers),
        subscribers_only=bool(changes.get("subscribers_only", mode.subscribers_only)),
        emotes_only=bool(changes.get("emotes_only", mode.emotes_only)),
        unique=bool(changes.get("unique", mode.unique)),
        shield=bool(changes.get("shield", mode.shield)),
    )
