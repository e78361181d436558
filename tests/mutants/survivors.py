"""Mutants that no test can notice, or that none should, each with the reason. A run tells of those that are missing."""

_SAME = "the same: "
_SIZE = "a size of memory, of which nobody is promised the last one"

SURVIVORS: dict[str, dict[str, str]] = {
    "actors/rate_limits.py": {
        "module: MAX_BUCKETS = 100000 -> MAX_BUCKETS = 100001": _SIZE,
        "RateLimits.consume: wait_s > _ROUNDING_S -> wait_s >= _ROUNDING_S": "the bound is there for what is not exact",
        "_Bucket.__init__: self.since = 0.0 -> self.since = 1.0": _SAME + "set with the first that is spent",
    },
    "media/clock.py": {
        "Discipline.follow: progress_s > 0 -> progress_s >= 0": _SAME + "without progress the highest stays",
        "Discipline.follow: progress_s > 0 -> progress_s >= 0 (number 2)": _SAME + "a slew over no progress is 0",
    },
    "media/webrtc/inbound.py": {
        "Unwrapper.peek: timestamp - self._last + (1 << 31) -> timestamp - self._last - (1 << 31)": _SAME
        + "the two are 2**32 apart",
        "_Assembly.__init__: -1 -> +1": _SAME + "open() sets it before it is read",
        "_Assembly.__init__: -1 -> -2": _SAME + "open() sets it before it is read",
        "_Assembly.__init__: self.size = 0 -> self.size = 1": _SAME + "open() sets it before it is read",
        "_Assembly.__init__: self.is_broken = False -> self.is_broken = True": _SAME
        + "open() sets it before it is read",
        "VideoReceiver.__init__: self._needs_key = True -> self._needs_key = False": _SAME
        + "there is no track before the first key frame",
        "RtpTimeline._has_stood: away_s - line.progress_s(ticks) <= MAX_STAND_S -> "
        "away_s - line.progress_s(ticks) < MAX_STAND_S": "no difference of such floats is 0.3",
        "RtpTimeline._align: skew_s > 0 -> skew_s >= 0": _SAME + "without a skew nothing is moved",
    },
}
