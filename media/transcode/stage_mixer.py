"""Decodes what the people of a stage send, and makes the stage's picture and sound of it, inside a worker.

Time is told by the orders: what is made depends on nothing else. Importing this imports the codecs.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import av
import numpy as np
from av.codec.context import Flags
from av.video.frame import PictureType

from media.transcode.audio import open_audio_decoder
from media.transcode.stage_layout import Box, boxes
from media.transcode.stage_messages import StageSeat, StageSeats, StageShape, StageTick
from media.transcode.stage_names import name_strip
from media.transcode.stage_pictures import Canvas, Picture, Plane
from media.transcode.stage_sound import BLOCK, Samples, SoundBuffer, mix
from media.transcode.tracks import OPUS_BIT_RATE, RATE, opus_track
from media.unit import VIDEO_TIMESCALE, Codec, Track, Unit

KEY_INTERVAL_S: Final = 2
#: After a longer pause what should have been mixed meanwhile is left out.
MAX_BEHIND: Final = 10 * BLOCK
SOUND: Final = opus_track(2)
_TICK: Final = Fraction(1, VIDEO_TIMESCALE)


class Speech:
    """One person's sound, decoded, and what goes back to them, encoded."""

    def __init__(self, track: Track) -> None:
        self.buffer = SoundBuffer()
        self._decoder = open_audio_decoder(track)
        self._resampler = av.AudioResampler(format="flt", layout="stereo", rate=RATE)

    def feed(self, unit: Unit) -> None:
        """Raises ``av.FFmpegError`` for one that cannot be decoded."""
        packet = av.Packet(unit.data)
        for frame in self._decoder.decode(packet):
            frame.pts = None
            for resampled in self._resampler.resample(frame):
                self.buffer.put(np.asarray(resampled.to_ndarray(), np.float32).reshape(-1, 2))


class Person:
    def __init__(self) -> None:
        self.picture: Picture | None = None
        self.speech: Speech | None = None

    def configure(self, tracks: tuple[Track, ...]) -> None:
        kinds = {track.kind: track for track in tracks}
        video, audio = kinds.get("video"), kinds.get("audio")
        self.picture = Picture(video) if video is not None else None
        self.speech = Speech(audio) if audio is not None else None

    @property
    def is_there(self) -> bool:
        return self.picture is not None or self.speech is not None

    def feed(self, unit: Unit) -> None:
        taker = self.picture if unit.kind == "video" else self.speech
        if taker is not None:
            taker.feed(unit)


class Mixer:
    """``tracks``: of what it makes, pictures and sound."""

    def __init__(self, shape: StageShape) -> None:
        self._shape = shape
        self._canvas = Canvas(shape.width, shape.height)
        self._encoder = _video_encoder(shape)
        video = Track(
            kind="video", codec=Codec.H264, timescale=VIDEO_TIMESCALE, config=bytes(self._encoder.extradata or b""),
            width=shape.width, height=shape.height, fps=float(shape.fps),
        )  # fmt: skip
        self.tracks = (video, SOUND)
        self._seats = StageSeats("grid", "", ())
        self._people: dict[str, Person] = {}
        self._sound = _Encoder()
        self._own: dict[str, _Encoder] = {}
        self._frame = -1
        self._key_frame: int | None = None
        self._block: int | None = None
        self.bad = 0

    def arrange(self, seats: StageSeats) -> None:
        self._seats = seats
        known = {one.seat for one in seats.seats}
        self._people = {seat: person for seat, person in self._people.items() if seat in known}
        self._own = {seat: encoder for seat, encoder in self._own.items() if seat in known}

    def configure(self, seat: str, tracks: tuple[Track, ...]) -> None:
        """What a person sends from now on, whatever they sent before."""
        self._people.setdefault(seat, Person()).configure(tracks)

    def feed(self, seat: str, unit: Unit) -> None:
        """A unit that cannot be decoded is counted."""
        person = self._people.get(seat)
        if person is None:
            return
        try:
            person.feed(unit)
        except (av.FFmpegError, ValueError):
            self.bad += 1

    @property
    def keys_wanted(self) -> list[str]:
        """Who is not seen before their next key frame."""
        pictures = ((seat, person.picture) for seat, person in self._people.items())
        return [seat for seat, picture in pictures if picture is not None and picture.needs_key]

    def advance(self, tick: StageTick) -> tuple[list[Unit], list[tuple[str, Unit]]]:
        """All that is due: of the stage, and for each seat the sound without its own."""
        units: list[Unit] = list(self._pictured(tick))
        own: list[tuple[str, Unit]] = []
        for number in self._blocks(tick.elapsed_ms * RATE // 1000):
            self._mix(number * BLOCK, tick.at, units, own)
        return units, own

    def _on_stage(self) -> list[StageSeat]:
        """Those who are there, the one in the spotlight first."""
        there = [one for one in self._seats.seats if one.is_shown and self._is_there(one.seat)]
        return sorted(there, key=lambda one: one.seat != self._seats.spotlight)

    def _is_there(self, seat: str) -> bool:
        person = self._people.get(seat)
        return person is not None and person.is_there

    def _pictured(self, tick: StageTick) -> Iterator[Unit]:
        number = tick.elapsed_ms * self._shape.fps // 1000
        if number <= self._frame:
            if tick.wants_key:
                self._key_frame = None
            return
        self._frame = number
        frame = self._draw()
        pts = number * VIDEO_TIMESCALE // self._shape.fps
        is_due = self._key_frame is None or number - self._key_frame >= KEY_INTERVAL_S * self._shape.fps
        if is_due or tick.wants_key:
            self._key_frame = number
        frame.pts, frame.time_base = pts, _TICK
        frame.pict_type = PictureType.I if self._key_frame == number else PictureType.NONE
        for packet in self._encoder.encode(frame):
            yield Unit(kind="video", pts=pts, dts=pts, is_key=packet.is_keyframe, data=bytes(packet), at=tick.at)

    def _draw(self) -> av.VideoFrame:
        people = self._on_stage()
        places = boxes(self._seats.layout, len(people), width=self._shape.width, height=self._shape.height)
        return self._canvas.draw([self._shown(box, one) for box, one in zip(places, people, strict=True)])

    def _shown(self, box: Box, one: StageSeat) -> tuple[Box, Picture | None, Plane | None]:
        name = name_strip(one.name, self._shape.font, box._replace(left=0, top=0)) if self._shape.font else None
        return box, self._people[one.seat].picture, name

    def _blocks(self, until: int) -> Iterator[int]:
        """The blocks that are over by then."""
        last = until // BLOCK
        if self._block is None or (last - self._block) * BLOCK > MAX_BEHIND:
            self._block = last
        yield from range(self._block, last)
        self._block = last

    def _mix(self, pts: int, at: float, units: list[Unit], own: list[tuple[str, Unit]]) -> None:
        blocks = {seat: person.speech.buffer.take() for seat, person in self._people.items() if person.speech}
        allowed = {one.seat for one in self._on_stage() if not one.is_muted}
        everything, without = mix(
            {seat: block for seat, block in blocks.items() if block is not None and seat in allowed}
        )
        units += self._sound.encode(everything, pts, at)
        for one in self._seats.seats:
            encoder = self._own.setdefault(one.seat, _Encoder())
            own += [(one.seat, unit) for unit in encoder.encode(without.get(one.seat, everything), pts, at)]


class _Encoder:
    """Opus, a packet a block."""

    def __init__(self) -> None:
        encoder = av.AudioCodecContext.create("libopus", "w")
        assert isinstance(encoder, av.AudioCodecContext)
        encoder.sample_rate, encoder.layout, encoder.format = RATE, "stereo", "flt"
        encoder.bit_rate, encoder.time_base = OPUS_BIT_RATE, Fraction(1, RATE)
        encoder.options = {"application": "lowdelay"}
        encoder.open()
        self._encoder = encoder

    def encode(self, samples: Samples, pts: int, at: float) -> Iterator[Unit]:
        block = np.ascontiguousarray(samples, np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, pts, Fraction(1, RATE)
        for packet in self._encoder.encode(frame):
            yield Unit(kind="audio", pts=pts, dts=pts, is_key=True, data=bytes(packet), at=at)


def _video_encoder(shape: StageShape) -> av.VideoCodecContext:
    """As every browser shows it: constrained baseline without reordering, so that a picture leaves at once."""
    encoder = av.VideoCodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = shape.width, shape.height, "yuv420p"
    encoder.time_base, encoder.framerate = _TICK, Fraction(shape.fps)
    encoder.bit_rate = shape.bit_rate
    encoder.thread_count = 2
    encoder.flags |= Flags.global_header
    encoder.options = {
        "preset": "superfast",
        "tune": "zerolatency",
        "profile": "baseline",
        "forced-idr": "1",
        "maxrate": str(shape.bit_rate),
        "bufsize": str(shape.bit_rate // 2),
        "x264-params": "annexb=0:keyint=infinite:scenecut=0",
    }
    encoder.open()
    return encoder
