"""Mutants that no test can notice, or that none should, each with the reason. A run tells of those that are missing."""

_SAME = "the same: "
_WHOLE = "any number above those of parts"
_BEGIN = _SAME + "begin() sets it before it is read"
_FIRST = _SAME + "the first header of a chunk stream sets it"
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
    "media/hls/dash.py": {
        "Timeline.__init__: self._ticks = 0 -> self._ticks = 1": _SAME + "the first segment sets it",
        "Periods.__init__: -1 -> -2": _SAME + "any number below 0",
        "History.changed: number < self._next -> number <= self._next": _SAME + "cut once more",
        "History.periods: default=0 -> default=1": _SAME + "no rendition has either number",
        "_cut: default=0 -> default=1": _SAME + "no rendition has either number",
        "Origins.note: segment.program_date_time or 0.0 -> segment.program_date_time or 1.0": _SAME
        + "a live segment has a date",
        "_mpd_line: (0.0, 0.0) -> (1.0, 0.0)": _SAME + "no span is written below 0",
        "_rate: abs(frame_rate - whole) < 0.0005 -> abs(frame_rate - whole) <= 0.0005": "no difference is just that",
        "_rate: abs(whole / 1.001 - frame_rate) < 0.005 -> abs(whole / 1.001 - frame_rate) <= 0.005": "no difference is"
        " just that",
    },
    "media/hls/filler.py": {
        "_Lane.__init__: self.start = 0 -> self.start = 1": _BEGIN,
        "_Lane.__init__: self.is_filled = False -> self.is_filled = True": _BEGIN,
        "_Lane.__init__: self._heard_s = 0.0 -> self._heard_s = 1.0": _BEGIN,
        "_Lane.__init__: self._heard_at = 0.0 -> self._heard_at = 1.0": _BEGIN,
        "_Lane.end_s: self.end or 0 -> self.end or 1": "a tick",
        "_Lane.duration: self.silence.ticks if self.silence is not None else 0"
        " -> self.silence.ticks if self.silence is not None else 1": "a tick",
        "Filler.__init__: self._at = 0.0 -> self._at = 1.0": _SAME + "only what passes after the first unit counts",
        "Filler.__init__: self._clock_s = 0.0 -> self._clock_s = 1.0": _SAME
        + "only what passes after the first unit counts",
    },
    "media/hls/blocking.py": {
        "module: 1 << 30 -> 2 << 30": _WHOLE,
        "module: 1 << 30 -> 1 << 31": _WHOLE,
    },
    "media/hls/playlist.py": {
        "MediaPlaylist._parts_count: max(1, self._count_back(_PARTS_TARGETS * self.target_s))"
        " -> max(2, self._count_back(_PARTS_TARGETS * self.target_s))": _SAME
        + "no last segment is as long as three target durations, so that of two or more it takes two",
        "MediaPlaylist._meant: until.segment + 1 -> until.segment + 2": _SAME + "neither is there, neither is too far",
        "MediaPlaylist._meant: Position(until.segment + 1, 0) -> Position(until.segment + 1, 1)": _SAME
        + "neither is there, neither is too far",
        "MediaPlaylist._part_limit: self.part_target_s >= 1 -> self.part_target_s > 1": _SAME
        + "at one second both branches say three",
    },
    "media/hls/start.py": {
        "Start.__init__: self._waits = False -> self._waits = True": _SAME + "tracks come before units and set it",
    },
    "media/rtmp/chunk.py": {
        "module: range(64) -> range(65)": _SAME + "chunk streams with continuations of one byte end at 63",
        "_ChunkStream.__init__: self.delta = 0 -> self.delta = 1": _FIRST,
        "_ChunkStream.__init__: self.extended = False -> self.extended = True": _FIRST,
        "_ChunkStream.__init__: self.length = 0 -> self.length = 1": _FIRST,
        "_ChunkStream.__init__: self.type = 0 -> self.type = 1": _FIRST,
        "ChunkReader.__init__: self._left = 0 -> self._left = 1": _SAME + "each header sets it",
        "ChunkReader._start: -1 -> -2": _SAME + "any number below 0",
        "ChunkReader._continue: -1 -> -2": _SAME + "any number below 0",
        "ChunkReader._read_payload: end - start <= left -> end - start < left": _SAME + "a run of no chunks",
        "ChunkReader._read_payload: stream.id > 63 -> stream.id >= 63": _SAME + "a run is taken chunk by chunk",
        "ChunkReader._read_run: start + left + after + (after + size - 1) // size -> "
        "start + left + after - (after + size - 1) // size": _SAME + "a run is taken in several",
        "ChunkReader._add: not isinstance(taken, bytearray) -> not not isinstance(taken, bytearray)": _SAME
        + "with more copies",
        "ChunkWriter.write: len(payload) <= size -> len(payload) < size": _SAME + "one piece has nothing between",
    },
    "media/rtmp/timeline.py": {
        "RtmpTimeline.__init__: self._moved_at = 0 -> self._moved_at = 1": _SAME
        + "read only after a jump, which sets it",
        "SampleClock.__init__: -1 -> -2": _SAME + "no packet is placed before 0",
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
    "media/webrtc/jitter.py": {
        "JitterBuffer.__init__: -1 -> -2": _SAME + "any number below 0",
        "JitterBuffer.__init__: -1 -> +1 (number 2)": _SAME + "the first packet sets it",
        "JitterBuffer.__init__: -1 -> -2 (number 2)": _SAME + "the first packet sets it",
        "JitterBuffer._unwrapped: sequence - self._highest + _HALF -> sequence - self._highest - _HALF": _SAME
        + "the two are 2**16 apart",
    },
    "media/webrtc/rtp.py": {
        "_nacked: range(16) -> range(17)": _SAME + "a mask has 16 bits",
        "nack: -1 -> -2": _SAME + "any number below 0",
        "nack: (-1, 0) -> (-1, 1)": _SAME + "the first number sets it",
    },
    "media/webrtc/stun.py": {
        "module: MAX_DATAGRAM = 1500 -> MAX_DATAGRAM = 1501": _SAME + "a message has whole words",
        "parse_request: position + 4 > len(data) -> position + 4 >= len(data)": _SAME + "what ends there is not signed",
        "parse_request: position + 4 -> position + 5": _SAME + "what ends there is not signed",
    },
}
