"""Whose badge the owner of rooms may draw, and the name it has in a message's ``badges``. Pure."""

from __future__ import annotations

from typing import Final, Literal, get_args

BadgeKind = Literal[
    "moderator", "vip", "subscriber", "subscriber_3", "subscriber_6", "subscriber_12", "subscriber_24", "follower"
]
"""``subscriber_…``: who has paid for so many months, ``actors.chat_rules.SUBSCRIBER_MONTHS``.
``follower``: who has followed the owner for ``actors.chat_rules.LONG_FOLLOWING``."""
KINDS: Final[tuple[BadgeKind, ...]] = get_args(BadgeKind)
NOUN: Final = "badge"
