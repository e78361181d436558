"""Who may do what in a community. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

Access = Literal["open", "approval", "invite"]
Role = Literal["owner", "moderator", "member"]
State = Literal["member", "asked", "invited", "banned"]

MAX_TITLE: Final = 100
MAX_DESCRIPTION: Final = 2_000
MAX_RULES: Final = 5_000
_RANKS: Final[dict[str | None, int]] = {None: 0, "member": 1, "moderator": 2, "owner": 3}


def folded(text: str) -> str:
    """The text as it is compared."""
    return unicodedata.normalize("NFKC", text).casefold()


def pattern_of(text: str) -> str:
    """For ``like``: anything that has the text somewhere in it."""
    escaped = folded(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def state_of_entering(access: Access, state: State | None) -> State | None:
    """How a person is in the community who asks to be in it, being in ``state``; None: not at all."""
    if state == "banned":
        return None
    if state in ("member", "invited") or access == "open":
        return "member"
    return "asked" if access == "approval" else None


def outranks(role: Role | None, other: Role | None) -> bool:
    """Whether a member of the one role decides about those of the other; None: who is no member."""
    return _RANKS[role] > _RANKS[other]
