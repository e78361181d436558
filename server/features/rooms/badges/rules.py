"""Whose badge the owner of rooms may draw, and the name it has in a message's ``badges``. Pure."""

from __future__ import annotations

from typing import Final, Literal, get_args

BadgeKind = Literal["moderator", "vip", "subscriber", "follower"]
"""``follower``: who has followed the owner for ``actors.chat_rules.LONG_FOLLOWING``."""
KINDS: Final[tuple[BadgeKind, ...]] = get_args(BadgeKind)
NOUN: Final = "badge"
