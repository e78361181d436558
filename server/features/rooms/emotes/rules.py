"""What an emote may be. Pure."""

from __future__ import annotations

from typing import Final

NAME: Final = "^[A-Za-z0-9_]{2,32}$"
"""As it is written between colons; letters are told apart by their case."""
NOUN: Final = "emote"
