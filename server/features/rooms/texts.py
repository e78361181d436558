"""Questions and what one may choose from, as people see them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.runtime import DomainError
from actors.text import clean_line

MIN_CHOICES: Final = 2
MAX_CHOICES: Final = 10
MAX_QUESTION: Final = 200
MAX_CHOICE: Final = 80


def cleaned_question(question: str) -> str:
    """On one line. Raises ``invalid``."""
    return cleaned(question, "question", MAX_QUESTION)


def cleaned_choices(choices: Sequence[str], field: str) -> list[str]:
    """Between two and ten that differ. Raises ``invalid``."""
    if not MIN_CHOICES <= len(choices) <= MAX_CHOICES:
        raise DomainError("invalid", f"There are between {MIN_CHOICES} and {MAX_CHOICES} {field}.", field=field)
    lines = [cleaned(choice, f"{field}.{n}", MAX_CHOICE) for n, choice in enumerate(choices)]
    if len({line.casefold() for line in lines}) < len(lines):
        raise DomainError("invalid", f"Two of the {field} are the same.", field=field)
    return lines


def cleaned(text: str, field: str, at_most: int) -> str:
    """On one line, with a character that shows. Raises ``invalid``."""
    line = clean_line(text)
    if not line:
        raise DomainError("invalid", "It must have a character that shows.", field=field)
    if len(line) > at_most:
        raise DomainError("invalid", f"It must have at most {at_most} characters.", field=field)
    return line
