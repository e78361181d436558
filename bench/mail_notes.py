"""What the processes of the bench of mails note, in one file that all append to, and what that says of each mail.

A line is ``WHAT MESSAGE-ID PROCESS``. For one taking of a mail they come in this order, as far as nobody is killed:
``gives`` (a node is about to hand the mail over), ``taken`` (the server has it, and is about to answer), ``answered``
(its answer is on its way), ``read`` (the node has it), ``marked`` (the row says that the mail is sent).
``killed - PROCESS`` stands among them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

import msgspec

Why = Literal["unanswered", "unread", "unmarked", "needless"]
NOBODY: Final = "-"


class Notes:
    """A file of lines, each written at once: what a process that is killed has written stays."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, what: str, message_id: str, process: int | None = None) -> None:
        os.write(self._file, f"{what} {message_id} {process or os.getpid()}\n".encode())


class _Taking(msgspec.Struct):
    """How far one hand-over of a mail came."""

    node: str
    is_taken: bool = False
    is_answered: bool = False
    is_read: bool = False
    is_marked: bool = False


class MailNotes(msgspec.Struct, frozen=True, kw_only=True):
    """``taken``: mails that the server has. ``again``: how often one was taken once more, by what went wrong with the
    taking before: the server was killed before it answered, the node before it read the answer, the node before the
    row was marked; or nothing of the kind.
    """

    taken: int
    again: dict[Why, int]


def read_notes(lines: Iterable[str]) -> MailNotes:
    takings: dict[str, list[_Taking]] = {}
    killed: set[str] = set()
    again: Counter[Why] = Counter()
    for line in lines:
        what, message_id, process = line.split()
        if what == "killed":
            killed.add(process)
            continue
        of_mail = takings.setdefault(message_id, [])
        if what == "gives":
            of_mail.append(_Taking(process))
            continue
        if what == "taken":
            again.update(_why(one, killed) for one in of_mail[:-1] if one.is_taken)
        _advance(of_mail, what, process)
    had = sum(any(one.is_taken for one in of_mail) for of_mail in takings.values())
    return MailNotes(taken=had, again=dict(again))


def _advance(of_mail: list[_Taking], what: str, process: str) -> None:
    """The server knows no node: what it notes is of the newest hand-over."""
    if what in ("taken", "answered"):
        setattr(of_mail[-1], f"is_{what}", True)
        return
    own = next(one for one in reversed(of_mail) if one.node == process)
    setattr(own, f"is_{what}", True)


def _why(before: _Taking, killed: set[str]) -> Why:
    if not before.is_answered:
        return "unanswered"
    if before.is_marked or before.node not in killed:
        return "needless"
    return "unmarked" if before.is_read else "unread"
