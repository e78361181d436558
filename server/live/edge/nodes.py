"""Which node a session is on: its id ends with the tag of the node that opened it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from server.live.edge.engineio import RANDOM_CHARACTERS

MAX_TAG: Final = 12
_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz234567")
_TAG_BYTES: Final = 5  # 8 characters: two of a thousand nodes have the same one once in two million clusters

Address = tuple[str, int]
"""Host and port of a node's internal listener."""


@dataclass(frozen=True, kw_only=True)
class SessionNodes:
    """``tag``: what the ids of this node's sessions end with (``tag_of`` its name); empty for a node on its own.
    ``elsewhere``: where the node with another tag listens inside; None when there is none (any more).
    """

    tag: str = ""
    elsewhere: Callable[[str], Address | None] = lambda _: None

    def __post_init__(self) -> None:
        if self.tag and not is_tag(self.tag):
            raise ValueError(f"{self.tag!r} cannot be a node's tag")


def tag_of(name: str) -> str:
    """A node's tag, the same for the same name: 8 characters, lower case letters and digits."""
    digest = hashlib.blake2s(name.encode(), digest_size=_TAG_BYTES).digest()
    return base64.b32encode(digest).decode().lower()


def is_tag(text: str) -> bool:
    """Whether a node may have this tag."""
    return 0 < len(text) <= MAX_TAG and _ALPHABET.issuperset(text)


def tag_in(sid: str) -> str | None:
    """The tag that a session id ends with; None when it has none."""
    tag = sid[RANDOM_CHARACTERS:]
    return tag if is_tag(tag) else None


def address_in(tag: str, nodes: Iterable[tuple[str, str]]) -> Address | None:
    """Where the node with this tag listens. `nodes` are names and addresses as `http://host:port`."""
    found = next((address for name, address in nodes if tag_of(name) == tag), "")
    host, _, port = found.removeprefix("http://").rstrip("/").rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isascii() and port.isdigit() else None


ALONE: Final = SessionNodes()
