"""The content of a document: Yjs's types and updates, on Yrs through pycrdt.

What people send is decoded in a scratch document first: what does not decode never touches the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import pycrdt

ROOT: Final = "content"
"""The shared text of a document, by its name in Yjs."""
EMPTY: Final = b"\x00\x00"
"""The update that changes nothing."""
NOTHING: Final = b"\x00"
"""The state vector of who has nothing."""


class Undecodable(ValueError):
    """What was sent is no update, or no state vector, of Yjs."""


class Spoilt(Exception):
    """An update has made a content that cannot be written any more: read it anew from what is durable."""


class Content:
    def __init__(self, updates: Sequence[bytes] = ()) -> None:
        """Raises ``Undecodable``."""
        self._doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
        self._text = self._doc.get(ROOT, type=pycrdt.Text)
        for update in updates:
            _apply(self._doc, update)

    def apply(self, update: bytes) -> None:
        """The same update again changes nothing. Raises ``Undecodable`` with the content as it was, and ``Spoilt``."""
        _try(update)
        before = self._doc.get_state()
        _apply(self._doc, update)
        if _panics(lambda: self._doc.get_update(before)):
            raise Spoilt

    def whole(self) -> bytes:
        return self._doc.get_update()

    def behind(self, state_vector: bytes) -> bytes:
        """What who has this state vector lacks. Raises ``Undecodable``."""
        try:
            return self._doc.get_update(state_vector or NOTHING)
        except ValueError as error:
            raise Undecodable(str(error)) from None

    def state_vector(self) -> bytes:
        return self._doc.get_state()

    def text(self) -> str:
        return str(self._text)

    def become(self, text: str) -> bytes | None:
        """The edit that makes this text of it, which is applied; None where it is this text already."""
        before, state = self.text(), self.state_vector()
        if before == text:
            return None
        start = _shared(before, text)
        end = _shared(before[start:][::-1], text[start:][::-1])
        at = len(before[:start].encode())  # Yrs counts bytes of UTF-8
        with self._doc.transaction():
            del self._text[at : at + len(before[start : len(before) - end].encode())]
            self._text.insert(at, text[start : len(text) - end])
        return self._doc.get_update(state)


def merged(updates: Sequence[bytes]) -> bytes:
    """The updates, each of which decodes, as one."""
    return updates[0] if len(updates) == 1 else pycrdt.merge_updates(*updates)


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _try(update: bytes) -> None:
    """Raises ``Undecodable`` for what can be read and not be written again, too."""
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    if _panics(lambda: _apply(doc, update)) or _panics(doc.get_update):
        raise Undecodable("it makes no document")


def _panics(act: Callable[[], object]) -> bool:
    """Whether Yrs gives up in Rust's way, which no ``Exception`` is."""
    try:
        act()
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            return True
        raise
    return False


def _apply(doc: pycrdt.Doc[pycrdt.Text], update: bytes) -> None:
    try:
        doc.apply_update(update)
    except ValueError as error:
        raise Undecodable(str(error)) from None
