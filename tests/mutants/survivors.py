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
}
