"""Rooms that the operator may switch off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from server.feature import Feature


def switched(feature: Feature, room: str, rooms: Sequence[str], *, goes_on: bool = False) -> Feature:
    """The feature of a room; of one that is not among ``rooms`` only what it holds on people, which is exported and
    erased all the same. ``goes_on``: what is under way comes to its end, by its clocks, and nothing new begins.
    """
    if room in rooms:
        return feature
    off = Feature(name=feature.name, personal_data=feature.personal_data)
    return replace(off, consumers=feature.consumers, schedules=feature.schedules) if goes_on else off
