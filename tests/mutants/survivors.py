"""Mutants that no test can notice, or that none should, each with the reason. A run tells of those that are missing."""

_SAME = "the same: "
_WHOLE = "any number above those of parts"
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
    "media/hls/playlist.py": {
        "module: 1 << 30 -> 2 << 30": _WHOLE,
        "module: 1 << 30 -> 1 << 31": _WHOLE,
        "MediaPlaylist._parts_count: max(1, self._count_back(_PARTS_TARGETS * self.target_s))"
        " -> max(2, self._count_back(_PARTS_TARGETS * self.target_s))": _SAME
        + "no last segment is as long as three target durations, so that of two or more it takes two",
        "MediaPlaylist._meant: until.segment + 1 -> until.segment + 2": _SAME + "neither is there, neither is too far",
        "MediaPlaylist._meant: Position(until.segment + 1, 0) -> Position(until.segment + 1, 1)": _SAME
        + "neither is there, neither is too far",
        "MediaPlaylist._part_limit: self.part_target_s >= 1 -> self.part_target_s > 1": _SAME
        + "at one second both branches say three",
    },
}
