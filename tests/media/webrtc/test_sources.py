"""Which simulcast layer is taken, on a clock moved by hand."""

from __future__ import annotations

from media.unit import VIDEO_TIMESCALE, Codec, Track
from media.webrtc import rtp
from media.webrtc.inbound import Frame, OpusReceiver, VideoReceiver
from media.webrtc.sources import MAX_PENDING, MAX_SOURCES, Sources, StreamPlan

EXTENSION = 4
WIDTHS = {"q": 320, "h": 640, "f": 1280}
SSRCS = {"q": 1, "h": 2, "f": 3}


def frame(width: int, *, is_key: bool) -> Frame:
    track = Track(kind="video", codec=Codec.H264, timescale=VIDEO_TIMESCALE, width=width, height=width // 2)
    return Frame("video", 0, is_key, b"", track)


def packet(ssrc: int, layer: str = "") -> rtp.RtpPacket:
    name = layer.encode()
    element = bytes(((EXTENSION << 4) | (len(name) - 1),)) + name if name else b""
    element += bytes(-len(element) % 4)
    extension = b"\xbe\xde" + (len(element) // 4).to_bytes(2, "big") + element
    parsed = rtp.parse(rtp.HEADER.pack(0x90, 97, 0, 0, ssrc) + extension + b"x")
    assert parsed is not None
    return parsed


class Layers:
    """A publisher with layers, of which each sends a frame at a step of the clock."""

    def __init__(self, *offered: str) -> None:
        plan = StreamPlan(
            kind="video",
            payload_type=97,
            new_receiver=lambda: VideoReceiver(codec=Codec.H264),
            layers=offered,
            layer_extension=EXTENSION,
        )
        self.sources = Sources(plan, 0.0)
        self.now = 0.0

    def send(self, *layers: str, seconds: float = 0.1, key: bool = False) -> list[str]:
        """The layers whose frames were taken, in order, a frame of each at every step of 0.1 s."""
        taken: list[str] = []
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            for layer in layers:
                taken += [self._of(one) for one in self._send(layer, is_key=key)]
        return taken

    def _send(self, layer: str, *, is_key: bool) -> list[Frame]:
        source = self.sources.find(packet(SSRCS[layer], layer), self.now)
        if source is None:
            return []
        return [one for one, _ in self.sources.admit(source, frame(WIDTHS[layer], is_key=is_key), self.now)]

    def _of(self, taken: Frame) -> str:
        return next(layer for layer, width in WIDTHS.items() if width == taken.track.width)

    @property
    def asked(self) -> str | None:
        layer = self.sources.to_go_over(self.now)
        return None if layer is None else layer.layer


def test_the_largest_layer_is_taken_from_its_first_frame_whatever_the_order_of_the_offer() -> None:
    layers = Layers("q", "h", "f")
    assert layers.send("f", "q", key=True) == []
    assert layers.send("f", "q", seconds=0.2) == []
    assert layers.send("h", "f", key=True) == ["f"]
    assert layers.send("q", "h", "f", seconds=0.3) == ["f"] * 3


def test_frames_that_came_while_the_choice_was_open_are_not_lost() -> None:
    layers = Layers("h", "q")
    assert layers.send("h", key=True) == []
    assert layers.send("h", seconds=0.2) == []
    assert layers.send("q", key=True) == []
    assert layers.send("h") == ["h"] * 4


def test_layers_that_do_not_come_are_waited_for_three_seconds() -> None:
    layers = Layers("q", "h", "f")
    assert layers.send("q", "h", key=True) == []
    assert layers.send("q", "h", seconds=2.8) == []
    taken = layers.send("q", "h", seconds=0.3)
    assert set(taken) == {"h"}
    assert len(taken) == 32


def test_when_the_layer_pauses_the_best_that_is_alive_is_taken_at_its_key_frame() -> None:
    layers = Layers("q", "h", "f")
    layers.send("q", "h", "f", key=True)
    assert layers.send("q", "h", seconds=0.9) == []
    assert layers.asked is None
    assert layers.send("q", "h", seconds=0.3) == []
    assert layers.asked == "h"
    assert layers.send("q", key=True) == []
    assert layers.send("h", key=True) == ["h"]
    assert layers.send("q", "h", seconds=0.2) == ["h", "h"]


def test_a_lesser_layer_is_taken_when_the_better_one_gives_no_key_frame() -> None:
    layers = Layers("q", "h", "f")
    layers.send("q", "h", "f", key=True)
    layers.send("q", "h", seconds=2.0)
    assert layers.send("q", key=True) == ["q"]


def test_a_better_layer_that_comes_back_is_gone_over_to_when_it_has_been_there_for_two_seconds() -> None:
    layers = Layers("f", "h")
    layers.send("h", "f", key=True)
    layers.send("h", seconds=1.1)
    assert layers.send("h", key=True) == ["h"]
    assert "f" not in layers.send("h", "f", key=True)
    assert "f" not in layers.send("h", "f", seconds=1.8)
    assert layers.asked is None
    layers.send("h", "f", seconds=0.2)
    assert layers.asked == "f"
    assert "f" not in layers.send("f")
    assert layers.send("f", key=True) == ["f"]
    assert layers.send("h", "f") == ["f"]


def test_a_lesser_layer_never_takes_the_place_of_a_better_one_that_is_alive() -> None:
    layers = Layers("f", "q")
    layers.send("q", "f", key=True)
    assert set(layers.send("q", "f", seconds=5.0, key=True)) == {"f"}
    assert layers.asked is None


def test_a_layer_that_was_not_offered_is_left_alone() -> None:
    layers = Layers("q")
    assert layers.send("f", key=True) == []
    assert layers.send("q", key=True) == ["q"]


def test_a_layer_that_says_goodbye_is_not_waited_for() -> None:
    layers = Layers("f", "h")
    layers.send("h", "f", key=True)
    next(source for source in layers.sources.known if source.layer == "f").part(layers.now)
    assert layers.asked == "h"


def test_sources_and_frames_that_wait_are_bounded() -> None:
    layers = Layers("f", "h")
    for ssrc in range(100):
        layers.sources.find(packet(ssrc, "f"), ssrc * 0.001)
    assert len(layers.sources.known) == MAX_SOURCES
    source = layers.sources.known[0]
    source.keep(frame(320, is_key=True), 0.0)
    for _ in range(MAX_PENDING):
        source.keep(frame(320, is_key=False), 0.0)
    assert not source.pending


def test_without_layers_a_second_source_waits_until_the_first_is_silent() -> None:
    sources = Sources(StreamPlan(kind="audio", payload_type=111, new_receiver=OpusReceiver), 0.0)
    first = sources.find(packet(1), 0.0)
    assert first is not None
    assert len(sources.admit(first, frame(0, is_key=True), 0.0)) == 1
    assert sources.find(packet(2), 0.9) is None
    second = sources.find(packet(2), 1.1)
    assert second is not None
    assert second.receiver is not first.receiver
    sources.admit(second, frame(0, is_key=True), 1.1)
    assert sources.current is second
