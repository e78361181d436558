"""The pictures of a file to segments of H.264 renditions: one decoder, an encoder for each. Imports the codecs.

All renditions have key frames at the same times and no B-frames, so pts and dts are the same. Times are ticks of
``VIDEO_TIMESCALE`` from the file's beginning. A segment that would have no picture repeats the one before it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain

import av
from av.codec.context import Flags
from av.filter import Graph
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from media.hls.codecs import codec_string
from media.hls.fmp4 import init_segment
from media.transcode.ladder import Tier
from media.unit import VIDEO_TIMESCALE, Codec, Track
from media.vod.cutter import Cutter
from media.vod.messages import KEY_S, SEGMENT_S, EncodePictures, LaneMade, SegmentMade
from media.vod.source import begin_s, decoded, opened, pictures_of

_TICK = Fraction(1, VIDEO_TIMESCALE)
_SEGMENT_TICKS = SEGMENT_S * VIDEO_TIMESCALE
_KEY_TICKS = KEY_S * VIDEO_TIMESCALE
_MAX_FPS = 60
_LEAST_TICKS = VIDEO_TIMESCALE // _MAX_FPS * 9 // 10
_THREADS = max(1, min(8, os.cpu_count() or 1))
_ENCODER_THREADS = _THREADS * 3 // 2
"""As x264 would take by itself: some wait for others."""
_AHEAD = 8
"""Pictures of a lane that wait for its encoder at most."""
_OPTIONS = {
    "preset": "veryfast",
    "profile": "main",
    "bf": "0",
    "forced-idr": "1",
    "x264-params": "annexb=0:keyint=infinite:scenecut=0",
}
_TURNS = {90: "cclock", 180: "hflip,vflip", 270: "clock"}

Made = LaneMade | SegmentMade


def encode_pictures(order: EncodePictures) -> Iterator[Made]:
    """Each lane's initialisation, then its segments. Raises ``SourceRefusedError``, ``av.FFmpegError``."""
    first = min(order.have)
    frames = _timed(order.path, 0 if order.offset else first)
    placed = ((pts + order.offset, frame) for pts, frame in frames)
    with ExitStack() as threads:
        lanes = [
            threads.enter_context(Lane(index, tier, have=have))
            for index, (tier, have) in enumerate(zip(order.tiers, order.have, strict=True))
        ]
        last: av.VideoFrame | None = None
        for pts, frame in filled(placed, first=first, start=order.start):
            if frame is last:  # shown again, at another time: that of a picture that waits would change
                yield from chain.from_iterable(lane.done(waiting=0) for lane in lanes)
            picture = last = frame
            for lane in lanes:
                if lane.wants(pts):
                    yield from lane.done(waiting=_AHEAD - 1)
                    picture = lane.scaled(picture)
                    lane.encode(picture, pts)
        yield from chain.from_iterable(lane.finish() for lane in lanes)


def filled(
    frames: Iterator[tuple[int, av.VideoFrame]], *, first: int, start: int = 0
) -> Iterator[tuple[int, av.VideoFrame]]:
    """From segment ``first`` and the time ``start`` on: in order, at most ``_MAX_FPS``, and no segment without a
    picture. The first picture of a file is shown from the beginning, whenever it comes."""
    following = first * _SEGMENT_TICKS
    start = due = max(start, following)
    last: av.VideoFrame | None = None
    for came, frame in frames:
        pts = start if last is None and came > start else came
        while last is not None and pts >= following + _SEGMENT_TICKS:
            yield following, last
            following += _SEGMENT_TICKS
        last = frame
        if pts < start:
            continue
        if pts >= following:
            following = (pts // _SEGMENT_TICKS + 1) * _SEGMENT_TICKS
        elif pts < due:
            continue
        due = pts + _LEAST_TICKS
        yield pts, frame


def _timed(path: str, first: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """The pictures, from one that is not later than the beginning of segment ``first``, turned upright."""
    wanted = first * SEGMENT_S
    with opened(path) as container:
        stream = pictures_of(container)
        stream.thread_type, stream.codec_context.thread_count = "AUTO", _THREADS
        begin = begin_s(container)
        if wanted:
            container.seek(int((begin + max(0, wanted - KEY_S)) * av.time_base), backward=True)
        turn = Turn(stream)
        for frame in decoded(container, stream):
            if frame.pts is None or frame.time_base is None:
                continue
            pts = round((float(frame.pts * frame.time_base) - begin) * VIDEO_TIMESCALE)
            yield pts, turn.upright(frame)


class Turn:
    """Turns pictures as the file says that they are to be shown."""

    def __init__(self, stream: av.VideoStream) -> None:
        self._stream = stream
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str, int] | None = None

    def upright(self, frame: av.VideoFrame) -> av.VideoFrame:
        rotation = round(frame.rotation / 90) * 90 % 360
        if not rotation:
            return frame
        shape = (frame.width, frame.height, frame.format.name, rotation)
        if self._graph is None or self._shape != shape:
            self._graph, self._shape = self._made(frame, _TURNS[rotation]), shape
        self._graph.push(frame)
        turned = self._graph.pull()
        assert isinstance(turned, av.VideoFrame)
        return turned

    def _made(self, frame: av.VideoFrame, turn: str) -> Graph:
        graph = Graph()
        last = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or _TICK
        )
        steps = [("transpose", f"dir={turn}")] if "," not in turn else [("hflip", ""), ("vflip", "")]
        for name, options in [*steps, ("buffersink", "")]:
            following = graph.add(name, options) if options else graph.add(name)
            last.link_to(following)
            last = following
        graph.configure()
        return graph


class Lane:
    """One rendition. It has all pictures that it is given, or an even share of them, from each key frame on.

    Encoded by a thread of its own, in order, while the next pictures are decoded and scaled.
    """

    def __init__(self, index: int, tier: Tier, *, have: int) -> None:
        self._index = index
        self._tier = tier
        self._have = have
        self._step = round(VIDEO_TIMESCALE / tier.fps * 0.9)
        self._due = self._key = -1
        self._scaler = VideoReformatter()
        self._encoder: av.VideoCodecContext | None = None
        self._cutter = Cutter(lane=index, timescale=VIDEO_TIMESCALE, have=have, usual=round(VIDEO_TIMESCALE / tier.fps))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"lane {tier.name}")
        self._waiting: deque[Future[list[Made]]] = deque()

    def __enter__(self) -> Lane:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def wants(self, pts: int) -> bool:
        """The first picture of every key interval, so that all lanes begin with the same ones."""
        if pts // _SEGMENT_TICKS < self._have:
            return False
        return pts >= self._due or pts // _KEY_TICKS != self._key

    def scaled(self, picture: av.VideoFrame) -> av.VideoFrame:
        return self._scaler.reformat(
            picture, width=self._tier.width, height=self._tier.height, format="yuv420p", threads=_THREADS
        )

    def encode(self, picture: av.VideoFrame, pts: int) -> None:
        """``picture`` is as ``scaled`` made it; lanes may share one, and encode it at the same time."""
        is_key = pts // _KEY_TICKS != self._key
        self._key, self._due = pts // _KEY_TICKS, pts + self._step
        picture.pts, picture.time_base = pts, _TICK
        picture.pict_type = PictureType.I if is_key else PictureType.NONE
        self._waiting.append(self._thread.submit(self._encoded, picture))

    def done(self, *, waiting: int) -> Iterator[Made]:
        """What is made of all pictures but the last ``waiting``."""
        while len(self._waiting) > waiting:
            yield from self._waiting.popleft().result()

    def finish(self) -> Iterator[Made]:
        yield from self.done(waiting=0)
        if self._encoder is not None:
            yield from self._cut(self._encoder.encode(None))
        yield from self._cutter.finish()

    def _encoded(self, picture: av.VideoFrame) -> list[Made]:
        made: list[Made] = []
        if self._encoder is None:
            self._encoder = self._opened()
            made.append(self._described(self._encoder))
        return [*made, *self._cut(self._encoder.encode(picture))]

    def _cut(self, packets: list[av.Packet[av.VideoStream]]) -> Iterator[SegmentMade]:
        for packet in packets:
            assert packet.pts is not None
            yield from self._cutter.add(packet.pts, is_key=packet.is_keyframe, data=bytes(packet))

    def _described(self, encoder: av.VideoCodecContext) -> LaneMade:
        track = self._track(encoder)
        return LaneMade(
            lane=self._index,
            init=init_segment(track),
            codec=codec_string(track),
            timescale=VIDEO_TIMESCALE,
            width=track.width,
            height=track.height,
            fps=track.fps,
        )

    def _track(self, encoder: av.VideoCodecContext) -> Track:
        return Track(
            kind="video",
            codec=Codec.H264,
            timescale=VIDEO_TIMESCALE,
            config=bytes(encoder.extradata or b""),
            width=self._tier.width,
            height=self._tier.height,
            fps=self._tier.fps,
        )

    def _opened(self) -> av.VideoCodecContext:
        tier = self._tier
        encoder = av.VideoCodecContext.create("libx264", "w")
        assert isinstance(encoder, av.VideoCodecContext)
        encoder.width, encoder.height, encoder.pix_fmt = tier.width, tier.height, "yuv420p"
        encoder.time_base, encoder.framerate = _TICK, Fraction(tier.fps).limit_denominator(1001)
        encoder.bit_rate, encoder.thread_count = tier.bit_rate, _ENCODER_THREADS
        encoder.flags |= Flags.global_header
        rate = {"maxrate": str(tier.bit_rate * 5 // 4), "bufsize": str(tier.bit_rate * 2)}
        encoder.options = {**_OPTIONS, **rate, "level": f"{tier.level / 10:.1f}"}
        encoder.open()
        return encoder
