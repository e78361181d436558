"""What was lost on the way, counted for operators."""

from __future__ import annotations

import msgspec


class Losses(msgspec.Struct):
    """Totals of all sessions of an endpoint since it was made, of publishers or of viewers.

    ``asked_again`` is how often a publisher got a NACK for a packet, ``gaps`` counts places where some stayed away for
    good, and ``repeated`` packets that viewers got once more because they had asked.
    """

    received: int = 0
    asked_again: int = 0
    gaps: int = 0
    repeated: int = 0
