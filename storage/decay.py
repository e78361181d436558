"""Sums that decay with time, kept so that their order stands and no row is computed anew.

A sum of ``weight * e ** (t / tau)`` is kept as its logarithm (forward decay: Cormode and others, ICDE 2009).
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Final

SINCE: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ADDED: Final = """
score = greatest({0}.score, excluded.score) + ln(1 + exp(-least(abs({0}.score - excluded.score), 700)))
"""
"""For ``on conflict do update set``: what is added to the ``score`` of the table ``{0}``."""


def log_weight(at: dt.datetime, weight: float, tau_s: float) -> float:
    """What is added at a moment, as tables hold it. ``weight`` is positive."""
    return (at - SINCE).total_seconds() / tau_s + math.log(weight)


def decayed(score: float, now: dt.datetime, tau_s: float) -> float:
    """What a sum is worth at a moment: the weights, each less the longer it is ago."""
    return math.exp(min(score - (now - SINCE).total_seconds() / tau_s, 700.0))
