"""A process that decodes and encodes: ``python -m media.transcode.worker <fd>``.

One socket to the media process, nothing else: no files, no network. It holds no state that matters, so it is ended by
killing it, and it ends by itself when its parent does.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from media.confinement import confine
from media.transcode import messages
from media.transcode.messages import (
    CodecLane,
    DecodeUnits,
    Finish,
    Finished,
    Job,
    LadderJob,
    Made,
    MakePicture,
    MakeSlate,
    MeasureSound,
    Opened,
    Order,
    PictureMade,
    SlateMade,
    SoundMeasured,
    WorkerAnswer,
    WorkerReady,
)
from media.transcode.stage_messages import StageJob, StageMade, StageSeats, StageTick, StageTracks, StageUnit

if TYPE_CHECKING:
    from media.transcode.audio import AudioLane
    from media.transcode.ladder_lane import LadderLane
    from media.transcode.stage_mixer import Mixer
    from media.transcode.video import VideoLane
    from media.unit import Kind, Track, Unit

LADDER_NICENESS = 5
"""More than others: a ladder is the first to have less when there is not enough."""
MAX_MEMORY_BYTES = 2 * 1024 * 1024 * 1024
_READ_BYTES = 256 * 1024


class Worker:
    """Orders in, answers out."""

    def __init__(self) -> None:
        self._number = 0
        self._lanes: list[tuple[Kind, AudioLane | VideoLane]] = []
        self._ladder: LadderLane | None = None
        self._opened: dict[int, Track] = {}
        self._is_nice = False
        self._mixer: Mixer | None = None

    def obey(self, order: Order) -> Iterator[WorkerAnswer]:
        """Carry out one order."""
        match order:
            case Job(number, lanes):
                self._begin(number, lanes)
            case LadderJob():
                self._begin_ladder(order)
            case DecodeUnits(units):
                yield from self._feed(units)
            case Finish():
                yield from self._finish()
            case MakePicture(number, track, unit):
                from media.transcode.image import take

                yield PictureMade(number, take(track, unit))
            case MeasureSound(number, track, units):
                from media.transcode.loudness import measure

                yield SoundMeasured(number, measure(track, units))
            case MakeSlate(number, shape, picture):
                from media.transcode.slate import make

                made = make(shape, picture)
                yield SlateMade(number, *(made or (None, [])))
            case StageJob():
                yield from self._begin_stage(order)
            case StageSeats() | StageTracks() | StageUnit() | StageTick() if self._mixer is not None:
                yield from self._mix(order, self._mixer)

    def _begin(self, number: int, lanes: tuple[CodecLane, ...]) -> None:
        self._number = number
        self._opened = {}
        self._lanes, self._ladder = [(lane.source.kind, _open(lane)) for lane in lanes], None

    def _begin_ladder(self, job: LadderJob) -> None:
        from media.transcode.ladder_lane import LadderLane

        self._number, self._opened, self._lanes = job.number, {}, []
        self._ladder = LadderLane(job.source, job.tiers, now=time.time, after=job.after, part_ms=job.part_ms)

    def _begin_stage(self, job: StageJob) -> Iterator[WorkerAnswer]:
        from media.transcode.stage_mixer import Mixer

        self._number, self._mixer = job.number, Mixer(job.shape)
        for lane, track in enumerate(self._mixer.tracks):
            yield Opened(job.number, lane, track)

    def _mix(self, order: StageSeats | StageTracks | StageUnit | StageTick, mixer: Mixer) -> Iterator[WorkerAnswer]:
        match order:
            case StageSeats():
                mixer.arrange(order)
            case StageTracks(seat, tracks):
                mixer.configure(seat, tracks)
            case StageUnit(seat, unit):
                mixer.feed(seat, unit)
            case StageTick():
                units, own = mixer.advance(order)
                yield StageMade(self._number, units, own, mixer.bad, mixer.keys_wanted)

    def _feed(self, units: list[Unit]) -> Iterator[WorkerAnswer]:
        """Sound is answered together, which is little; every picture at once, as a viewer waits for it."""
        made: list[tuple[int, Unit]] = []
        fed = bad = 0
        for unit in units:
            fed += 1
            bad += self._convert(unit, made)
            if unit.kind == "video":
                yield from self._answers(made, fed, bad)
                made, fed, bad = [], 0, 0
        yield from self._answers(made, fed, bad)

    def _convert(self, unit: Unit, made: list[tuple[int, Unit]]) -> int:
        """How many lanes could not decode it."""
        import av

        bad = 0
        for index, (kind, lane) in enumerate(self._lanes):
            if kind == unit.kind:
                try:
                    made += [(index, each) for each in lane.feed(unit)]
                except av.FFmpegError:
                    bad += 1
        if self._ladder is not None and unit.kind == "video":
            try:
                made += self._ladder.feed(unit)
            except av.FFmpegError:
                bad += 1
            self._yield_once_caught_up(self._ladder)
        return bad

    def _yield_once_caught_up(self, ladder: LadderLane) -> None:
        """A client waits for a ladder that begins: only one that has caught up with its source gives way to others."""
        if not self._is_nice and not ladder.is_catching_up:
            self._is_nice = True
            os.nice(LADDER_NICENESS)

    @property
    def _tracks(self) -> list[tuple[int, Track | None]]:
        """What each lane makes, None while that is not known."""
        made = self._ladder.tracks.items() if self._ladder is not None else ()
        return [*((index, lane.track) for index, (_, lane) in enumerate(self._lanes)), *made]

    def _answers(self, made: list[tuple[int, Unit]], fed: int, bad: int) -> Iterator[WorkerAnswer]:
        for index, track in self._tracks:
            if track is not None and self._opened.get(index) != track:
                self._opened[index] = track
                yield Opened(self._number, index, track)
        if fed or made:
            yield Made(self._number, made, fed, bad)

    def _finish(self) -> Iterator[WorkerAnswer]:
        rest = [(index, unit) for index, (_, lane) in enumerate(self._lanes) for unit in lane.finish()]
        if self._ladder is not None:
            rest += self._ladder.finish()
        yield from self._answers(rest, 0, 0)
        yield Finished(self._number)
        self._lanes, self._ladder = [], None


def _open(lane: CodecLane) -> AudioLane | VideoLane:
    from media.transcode.audio import AudioLane
    from media.transcode.video import VideoLane

    return AudioLane(lane) if lane.source.kind == "audio" else VideoLane(lane, now=time.time)


def warm() -> None:
    """Load the codecs and run each once: their tables are built at first use."""
    from media.transcode import audio, image, rehearsal

    del audio, image
    rehearsal.run()


def serve(connection: socket.socket) -> None:
    """Obey until the other side is gone."""
    frames = messages.Frames()
    worker = Worker()
    while data := connection.recv(_READ_BYTES):
        for body in frames.feed(data):
            order = messages.orders.decode(body)
            for answer in worker.obey(order):
                connection.sendall(messages.pack(answer))


def main(arguments: list[str]) -> None:
    descriptor, parent = int(arguments[0]), int(arguments[1])
    confine(parent, memory_bytes=MAX_MEMORY_BYTES)
    with socket.socket(fileno=descriptor) as connection:
        try:
            warm()
            connection.sendall(messages.pack(WorkerReady()))
            serve(connection)
        except (BrokenPipeError, ConnectionResetError):
            return


if __name__ == "__main__":
    main(sys.argv[1:])
