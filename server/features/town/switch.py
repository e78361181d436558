"""Rooms that the operator may switch off."""

from __future__ import annotations

from collections.abc import Sequence

from server.feature import Feature


def switched(feature: Feature, room: str, rooms: Sequence[str]) -> Feature:
    """The feature of a room; of one that is not among ``rooms`` only what it holds on people, which is exported and
    erased all the same.
    """
    return feature if room in rooms else Feature(name=feature.name, personal_data=feature.personal_data)
