"""What a stage is to be like, as the node has it, and how it fares. Told again whenever anybody looks or comes."""

from __future__ import annotations

import msgspec

from media.transcode.stage_layout import Layout
from media.transcode.stage_messages import StageSeat

MAX_PEOPLE = 6


class StagePlan(msgspec.Struct, frozen=True, kw_only=True):
    """``revision`` grows with each change: an older plan than the last one known changes nothing. ``key``: the stream
    key that it publishes with while anybody is there, empty while it is not to be on the air. Without seats the stage
    ends."""

    stream_id: str
    revision: int
    layout: Layout = "grid"
    spotlight: str = ""
    seats: tuple[StageSeat, ...] = ()
    key: str = ""


class StageState(msgspec.Struct, frozen=True, kw_only=True):
    """``present``: the seats of those who send. ``trouble``: why it is not on the air although it is to be."""

    is_on_air: bool = False
    present: tuple[str, ...] = ()
    trouble: str = ""
