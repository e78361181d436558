"""Whom a text mentions. Pure."""

from __future__ import annotations

import re
from typing import Final

MAX_MENTIONED: Final = 10

# Behind a letter, digit or dot of ASCII it is an address of mail, or of another network; other scripts write without a
# space in between, as Arabic does behind a conjunction.
_MENTION: Final = re.compile(r"(?<![A-Za-z0-9_@./])@([A-Za-z0-9_]{3,30})(?![A-Za-z0-9_@]|\.[A-Za-z0-9])")


def mentioned_in(text: str) -> list[str]:
    """The usernames that a text mentions, each once in lower case: the first ``MAX_MENTIONED``."""
    return list(dict.fromkeys(name.lower() for name in _MENTION.findall(text)))[:MAX_MENTIONED]
