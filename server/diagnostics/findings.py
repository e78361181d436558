"""What a check found, as one line of the diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the diagnosis. A problem must be mended before Social Flow works, a note need not be."""

    subject: str
    state: State
    says: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f" -> {self.advice}" if self.advice else ""
        return f"{self.state:<8} {self.subject:<13} {self.says}{advice}"


def fine(subject: str, says: str) -> Finding:
    return Finding(subject=subject, state="ok", says=says)


def note(subject: str, says: str, advice: str) -> Finding:
    return Finding(subject=subject, state="note", says=says, advice=advice)


def problem(subject: str, says: str, advice: str) -> Finding:
    return Finding(subject=subject, state="problem", says=says, advice=advice)
