"""A test picture and a tone, published over RTMP in real time: the child process of the demo.

It reads one line from its standard input, ``URL WIDTH HEIGHT BITS_PER_SECOND``, so that the key in the URL is in no
list of processes. It publishes until its input is closed, and so never outlives its parent. Exit codes: 0 asked to
stop, 1 refused or cut off (the reason is on the standard error).
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

FPS: Final = 30
GOP: Final = 2 * FPS
SAMPLE_RATE: Final = 48_000
SAMPLES: Final = 1024
AUDIO_BITS: Final = 96_000
MAX_BEHIND_S: Final = 2.0


def main() -> int:
    import av

    av.logging.set_level(av.logging.PANIC)
    url, width, height, bits = sys.stdin.readline().split()
    closed = threading.Event()
    threading.Thread(target=_watch_input, args=(closed,), name="input", daemon=True).start()
    try:
        _publish(url, int(width), int(height), int(bits), closed)
    except OSError as error:
        print(error.strerror or error, file=sys.stderr)
        return 1
    return 0


def _watch_input(closed: threading.Event) -> None:
    sys.stdin.read()
    closed.set()


def _publish(url: str, width: int, height: int, bits: int, closed: threading.Event) -> None:
    import av
    from av.video.frame import PictureType

    pictures, sounds = _pictures(width, height), _sounds()
    with av.open(url, "w", format="flv") as out:
        video, audio = _video(out, width, height, bits), _audio(out)
        started_at, frame, sound = time.monotonic(), 0, 0
        while not closed.is_set():
            picture = next(pictures)
            # The filter calls each of its pictures a key frame, which the encoder would take for an order.
            picture.pict_type = PictureType.NONE
            out.mux(video.encode(picture))
            frame += 1
            while sound * SAMPLES * FPS <= frame * SAMPLE_RATE:
                out.mux(audio.encode(next(sounds)))
                sound += 1
            ahead_s = started_at + frame / FPS - time.monotonic()
            if ahead_s < -MAX_BEHIND_S:
                # The machine was too busy, or asleep: go on from now instead of sending the backlog at once.
                started_at -= ahead_s
            closed.wait(max(0.0, ahead_s))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))


def _pictures(width: int, height: int) -> Iterator[Any]:
    """Colour bars with moving parts and a running clock (FFmpeg's testsrc2), as frames of the encoder's format."""
    from av.filter import Graph

    graph = Graph()
    return _chained(
        graph,
        graph.add("testsrc2", size=f"{width}x{height}", rate=str(FPS)),
        graph.add("format", pix_fmts="yuv420p"),
        graph.add("buffersink"),
    )


def _sounds() -> Iterator[Any]:
    """A quiet tone with a beep every second."""
    from av.filter import Graph

    graph = Graph()
    tone = {"frequency": "220", "beep_factor": "4", "sample_rate": str(SAMPLE_RATE), "samples_per_frame": str(SAMPLES)}
    return _chained(
        graph,
        graph.add("sine", **tone),
        graph.add("volume", "0.2"),
        graph.add("aformat", sample_fmts="fltp", channel_layouts="stereo"),
        graph.add("abuffersink"),
    )


def _chained(graph: Any, *steps: Any) -> Iterator[Any]:
    """What comes out of the last step, each linked to the one before it."""
    for left, right in itertools.pairwise(steps):
        left.link_to(right)
    graph.configure()
    # The graph is named here for as long as frames are wanted: its steps do not keep it.
    while graph is not None:
        yield steps[-1].pull()


def _video(out: Any, width: int, height: int, bits: int) -> Any:
    """H.264 baseline, no B-frames, a key frame every two seconds whatever the picture: WebRTC and HLS take it as is."""
    options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "g": str(GOP),
        "keyint_min": str(GOP),
        "sc_threshold": "0",
        "bf": "0",
        "maxrate": str(bits),
        "bufsize": str(bits),
    }
    stream = out.add_stream("libx264", rate=FPS, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.bit_rate = bits
    stream.codec_context.thread_count = 1
    return stream


def _audio(out: Any) -> Any:
    stream = out.add_stream("aac", rate=SAMPLE_RATE)
    stream.bit_rate, stream.layout = AUDIO_BITS, "stereo"
    return stream


if __name__ == "__main__":
    sys.exit(main())
