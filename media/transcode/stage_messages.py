"""What a stage and the worker that mixes it say to each other: part of ``media.transcode.messages``."""

from __future__ import annotations

import msgspec

from media.transcode.stage_layout import Layout
from media.unit import Track, Unit


class StageShape(msgspec.Struct, frozen=True, array_like=True):
    """Of the picture that is made."""

    width: int = 1280
    height: int = 720
    fps: int = 30
    bit_rate: int = 2_500_000
    font: str = ""
    """The file of that in which names are written; without one there are none."""


class StageSeat(msgspec.Struct, frozen=True, array_like=True):
    """``is_shown``: on the stage, shown, with their sound unless ``is_muted``; else in the wings, as an onlooker."""

    seat: str
    is_shown: bool
    is_muted: bool
    name: str = ""


class StageJob(msgspec.Struct, frozen=True, tag="stage", array_like=True):
    """Begin: what follows is a stage."""

    number: int
    shape: StageShape


class StageSeats(msgspec.Struct, frozen=True, tag="seats", array_like=True):
    """Who is there from now on, in their order, and how they stand. ``spotlight``: a seat, or empty for the first."""

    layout: Layout
    spotlight: str
    seats: tuple[StageSeat, ...]


class StageTracks(msgspec.Struct, frozen=True, tag="tracks", array_like=True):
    """What a person sends from now on; nothing any more without tracks."""

    seat: str
    tracks: tuple[Track, ...]


class StageUnit(msgspec.Struct, frozen=True, tag="unit", array_like=True):
    seat: str
    unit: Unit


class StageTick(msgspec.Struct, frozen=True, tag="tick", array_like=True):
    """Mix all that is to be shown up to ``elapsed_ms`` after the stage's beginning; answered by ``StageMade``.

    ``at``: the wall clock then. ``wants_key``: the next picture is to be a key frame.
    """

    elapsed_ms: int
    at: float
    wants_key: bool = False


class StageMade(msgspec.Struct, frozen=True, tag="mixed", array_like=True):
    """``units``: of the stage's picture and sound. ``own``: for each seat the sound without its own. ``bad``: units
    that could not be decoded. ``keys_wanted``: seats whose pictures cannot be shown before their next key frame."""

    job: int
    units: list[Unit]
    own: list[tuple[str, Unit]]
    bad: int
    keys_wanted: list[str]
