"""A process that decodes and encodes: ``python -m media.transcode.worker <fd>``.

One socket to the media process, nothing else: no files, no network. It holds no state that matters, so it is ended by
killing it, and it ends by itself when its parent does.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
from typing import TYPE_CHECKING

from media.transcode import wire
from media.transcode.wire import Answer, Feed, Finish, Finished, Job, Lane, Made, Order, Picture, Pictured, Ready

if TYPE_CHECKING:
    from media.transcode.audio import AudioLane
    from media.unit import Unit

NICENESS = 5
MAX_MEMORY_BYTES = 2 * 1024 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
_READ_BYTES = 256 * 1024


class Workshop:
    """Orders in, answers out."""

    def __init__(self) -> None:
        self._number = 0
        self._lanes: list[AudioLane] = []

    def obey(self, order: Order) -> Answer | None:
        """Carry out one order."""
        match order:
            case Job(number, lanes):
                self._begin(number, lanes)
                return None
            case Feed(units):
                return self._feed(units)
            case Finish():
                return self._finish()
            case Picture(number, track, unit):
                from media.transcode.image import take

                return Pictured(number, take(track, unit))

    def close(self) -> Answer | None:
        """What the job still holds, before it is finished."""
        rest = [(index, unit) for index, lane in enumerate(self._lanes) for unit in lane.finish()]
        return Made(self._number, rest, 0, 0) if rest else None

    def _begin(self, number: int, lanes: tuple[Lane, ...]) -> None:
        from media.transcode.audio import AudioLane

        self._number = number
        self._lanes = [AudioLane(lane) for lane in lanes]

    def _finish(self) -> Answer:
        self._lanes = []
        return Finished(self._number)

    def _feed(self, units: list[Unit]) -> Answer:
        import av

        made: list[tuple[int, Unit]] = []
        bad = 0
        for unit in units:
            for index, lane in enumerate(self._lanes):
                try:
                    made += [(index, each) for each in lane.feed(unit)]
                except av.FFmpegError:
                    bad += 1
        return Made(self._number, made, len(units), bad)


def warm() -> None:
    """Load the codecs and run each once: their tables are built at first use."""
    from media.transcode import audio, image, rehearsal

    del audio, image
    rehearsal.run()


def serve(connection: socket.socket) -> None:
    """Obey until the other side is gone."""
    frames = wire.Frames()
    workshop = Workshop()
    while data := connection.recv(_READ_BYTES):
        for body in frames.feed(data):
            order = wire.orders.decode(body)
            answers = [workshop.close()] if isinstance(order, Finish) else []
            for answer in [*answers, workshop.obey(order)]:
                if answer is not None:
                    connection.sendall(wire.pack(answer))


def confine(parent: int) -> None:
    """Die with the parent, give way to it, and neither dump core nor take all memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the media process is gone")
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))


def main(arguments: list[str]) -> None:
    descriptor, parent = int(arguments[0]), int(arguments[1])
    confine(parent)
    with socket.socket(fileno=descriptor) as connection:
        try:
            warm()
            connection.sendall(wire.pack(Ready()))
            serve(connection)
        except (BrokenPipeError, ConnectionResetError):
            return


if __name__ == "__main__":
    main(sys.argv[1:])
