"""What becomes of the pictures and sounds of a stage's people. Time is told, so nothing is waited for."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import features

from media.transcode.audio import open_audio_decoder
from media.transcode.stage_layout import Layout
from media.transcode.stage_messages import StageSeat, StageSeats, StageShape, StageTick
from media.transcode.stage_mixer import Mixer
from media.transcode.video import open_decoder, packet_of
from media.unit import VIDEO_TIMESCALE, Codec, Track, Unit
from tests.media.transcode.sources import sound, tone
from tests.tools import needs

FONT = Path("server/web/dist/fonts/DejaVuSans.ttf")
SHAPE = StageShape(320, 180, 10, 300_000)
LEFT, RIGHT = (80, 90), (240, 90)


def picture(luma: int, *, width: int = 160, height: int = 120) -> tuple[Track, Unit]:
    """One even grey as a key frame of VP8."""
    encoder = av.VideoCodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "yuv420p", Fraction(1, 30)
    encoder.options = {"lag-in-frames": "0"}
    whole = np.full((height * 3 // 2, width), 128, np.uint8)
    whole[:height] = luma
    frame = av.VideoFrame.from_ndarray(whole, format="yuv420p")
    frame.pts, frame.time_base = 0, Fraction(1, 30)
    (packet,) = [*encoder.encode(frame), *encoder.encode(None)]
    track = Track(kind="video", codec=Codec.VP8, timescale=VIDEO_TIMESCALE, width=width, height=height)
    return track, Unit(kind="video", pts=0, dts=0, is_key=True, data=bytes(packet), at=0.0)


class Shown:
    """Decodes what a mixer makes."""

    def __init__(self, mixer: Mixer) -> None:
        self._decoder = open_decoder(mixer.tracks[0])
        self.luma = np.zeros((0, 0), np.uint8)

    def see(self, units: list[Unit]) -> None:
        for unit in units:
            if unit.kind == "video":
                for frame in self._decoder.decode(packet_of(unit)):
                    self.luma = frame.to_ndarray()[: frame.height].astype(np.uint8)

    def at(self, point: tuple[int, int]) -> int:
        x, y = point
        return int(self.luma[y, x])


def seats(*names: str, layout: Layout = "grid", spotlight: str = "", muted: str = "", waiting: str = "") -> StageSeats:
    return StageSeats(layout, spotlight, tuple(StageSeat(name, name != waiting, name == muted) for name in names))


def show(mixer: Mixer, shown: Shown, ms: int) -> None:
    shown.see(mixer.advance(StageTick(ms, 0.0))[0])


def on_stage(*people: tuple[str, int]) -> tuple[Mixer, Shown]:
    mixer = Mixer(SHAPE)
    mixer.arrange(seats(*(name for name, _ in people)))
    for name, luma in people:
        track, unit = picture(luma)
        mixer.configure(name, (track,))
        mixer.feed(name, unit)
    return mixer, Shown(mixer)


def test_two_people_stand_side_by_side_and_one_who_goes_leaves_the_whole_picture() -> None:
    mixer, shown = on_stage(("ada", 60), ("bob", 200))
    show(mixer, shown, 100)
    assert shown.at(LEFT) == pytest.approx(60, abs=8)
    assert shown.at(RIGHT) == pytest.approx(200, abs=8)
    mixer.configure("bob", ())
    show(mixer, shown, 200)
    assert shown.at(LEFT) == pytest.approx(60, abs=8)
    assert shown.at(RIGHT) == pytest.approx(60, abs=8)


@needs(FONT.exists(), "the font of the page")
def test_names_stand_at_the_lower_left_of_those_who_have_one_that_the_font_can_write() -> None:
    mixer = Mixer(StageShape(640, 360, 10, 900_000, str(FONT)))
    names = {"a": "Ada", "b": "\u0645\u0631\u062d\u0628\u0627", "c": "\u5f20\u4f1f", "d": "x" * 50}
    mixer.arrange(StageSeats("grid", "", tuple(StageSeat(seat, True, False, name) for seat, name in names.items())))
    for seat in names:
        track, unit = picture(100, width=320, height=180)
        mixer.configure(seat, (track,))
        mixer.feed(seat, unit)
    shown = Shown(mixer)
    show(mixer, shown, 100)
    lower_left = {"a": (0, 164), "b": (320, 164), "c": (0, 344), "d": (320, 344)}
    strips = {seat: shown.luma[y : y + 14, x : x + 20] for seat, (x, y) in lower_left.items()}
    named = {seat for seat, strip in strips.items() if strip.min() < 40 and strip.max() > 180}
    assert named == ({"a", "b", "d"} if features.check("raqm") else {"a", "d"}), "rather none than mirrored ones"
    assert strips["c"].min() > 80, "rather none than boxes"
    assert shown.at((320 + 240, 350)) == pytest.approx(100, abs=12), "a long one is cut short"


def test_without_the_font_there_are_pictures_without_names() -> None:
    mixer = Mixer(StageShape(320, 180, 10, 300_000, "/nowhere/font.ttf"))
    mixer.arrange(StageSeats("grid", "", (StageSeat("ada", True, False, "Ada"),)))
    track, unit = picture(100)
    mixer.configure("ada", (track,))
    mixer.feed("ada", unit)
    shown = Shown(mixer)
    show(mixer, shown, 100)
    assert shown.at((8, 172)) == pytest.approx(100, abs=8)


def test_who_comes_back_has_their_old_place() -> None:
    mixer, shown = on_stage(("ada", 60), ("bob", 200))
    mixer.configure("ada", ())
    track, unit = picture(100)
    mixer.configure("ada", (track,))
    mixer.feed("ada", unit)
    show(mixer, shown, 100)
    assert shown.at(LEFT) == pytest.approx(100, abs=8)
    assert shown.at(RIGHT) == pytest.approx(200, abs=8)


def test_the_layout_is_switched_while_it_runs() -> None:
    mixer, shown = on_stage(("ada", 60), ("bob", 200))
    mixer.arrange(seats("ada", "bob", layout="pip", spotlight="bob"))
    show(mixer, shown, 100)
    assert shown.at(LEFT) == pytest.approx(200, abs=8)
    assert shown.at((280, 155)) == pytest.approx(60, abs=8)


def test_who_waits_is_not_shown() -> None:
    mixer, shown = on_stage(("ada", 60), ("bob", 200))
    mixer.arrange(seats("ada", "bob", waiting="bob"))
    show(mixer, shown, 100)
    assert shown.at(RIGHT) == pytest.approx(60, abs=8)


def test_what_cannot_be_decoded_is_counted_and_a_key_frame_wanted() -> None:
    mixer, shown = on_stage(("ada", 60))
    assert mixer.keys_wanted == []
    mixer.feed("ada", Unit(kind="video", pts=1, dts=1, is_key=False, data=b"\xff" * 40, at=0.0))
    assert (mixer.bad, mixer.keys_wanted) == (1, ["ada"])
    mixer.feed("ada", picture(150)[1])
    show(mixer, shown, 100)
    assert mixer.keys_wanted == []
    assert shown.at(LEFT) == pytest.approx(150, abs=8)


def test_pictures_come_at_the_rate_that_is_asked_for_whatever_the_ticks_are() -> None:
    mixer, _ = on_stage(("ada", 60))
    made = [unit for ms in range(0, 1_000, 20) for unit in mixer.advance(StageTick(ms, 0.0))[0]]
    pictures = [unit for unit in made if unit.kind == "video"]
    assert [unit.pts for unit in pictures] == [number * VIDEO_TIMESCALE // SHAPE.fps for number in range(SHAPE.fps)]
    assert [unit.is_key for unit in pictures] == [True] + [False] * (SHAPE.fps - 1)


def test_a_key_frame_that_is_asked_for_comes_with_the_next_picture() -> None:
    mixer, _ = on_stage(("ada", 60))
    mixer.advance(StageTick(0, 0.0))
    assert {unit.kind for unit in mixer.advance(StageTick(20, 0.0, wants_key=True))[0]} == {"audio"}
    (next_one,) = [unit for unit in mixer.advance(StageTick(100, 0.0))[0] if unit.kind == "video"]
    assert next_one.is_key


# sound


def speaking(mixer: Mixer, name: str, frequency: float) -> None:
    track, units = sound(Codec.OPUS, tone(frequency), seconds=1.0)
    mixer.configure(name, (track,))
    for unit in units[:14]:  # what a mixer holds at most
        mixer.feed(name, unit)


def heard(units: list[Unit], track: Track) -> dict[int, float]:
    """How strong the two tones of these tests are in a sound."""
    decoder = open_audio_decoder(track)
    frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]
    resampler = av.AudioResampler(format="flt", layout="mono", rate=48_000)
    samples = np.concatenate([r.to_ndarray().reshape(-1) for frame in frames for r in resampler.resample(frame)])
    samples = samples[2_880:]  # after the decoder's run-up
    times = np.arange(len(samples)) / 48_000
    return {
        frequency: abs(complex(np.mean(samples * np.exp(-2j * math.pi * frequency * times)))) * 2
        for frequency in (440, 1_000)
    }


def mixed(mixer: Mixer) -> tuple[dict[int, float], dict[str, dict[int, float]]]:
    units: list[Unit] = []
    own: dict[str, list[Unit]] = {}
    for ms in range(0, 220, 20):
        made, own_made = mixer.advance(StageTick(ms, 0.0))
        units += [unit for unit in made if unit.kind == "audio"]
        for seat, unit in own_made:
            own.setdefault(seat, []).append(unit)
    track = mixer.tracks[1]
    return heard(units, track), {seat: heard(theirs, track) for seat, theirs in own.items()}


def test_all_are_heard_together_and_everybody_hears_the_others_only() -> None:
    mixer = Mixer(SHAPE)
    mixer.arrange(seats("ada", "bob"))
    speaking(mixer, "ada", 440)
    speaking(mixer, "bob", 1_000)
    stage, own = mixed(mixer)
    assert stage[440] > 0.15
    assert stage[1_000] > 0.15
    assert own["ada"][440] < 0.02
    assert own["ada"][1_000] > 0.15
    assert own["bob"][1_000] < 0.02
    assert own["bob"][440] > 0.15


@pytest.mark.parametrize("how", ["muted", "waiting"])
def test_who_is_muted_or_waits_is_not_heard_but_hears(how: str) -> None:
    mixer = Mixer(SHAPE)
    mixer.arrange(seats("ada", "bob", muted="bob") if how == "muted" else seats("ada", "bob", waiting="bob"))
    speaking(mixer, "ada", 440)
    speaking(mixer, "bob", 1_000)
    stage, own = mixed(mixer)
    assert stage[440] > 0.15
    assert stage[1_000] < 0.02
    assert own["bob"][440] > 0.15


def test_after_a_pause_of_the_machine_sound_goes_on_at_the_present() -> None:
    mixer = Mixer(SHAPE)
    mixer.arrange(seats("ada"))
    mixer.advance(StageTick(0, 0.0))
    late = [unit for unit in mixer.advance(StageTick(60_000, 0.0))[0] if unit.kind == "audio"]
    following = [unit for unit in mixer.advance(StageTick(60_020, 0.0))[0] if unit.kind == "audio"]
    assert not late
    assert [unit.pts for unit in following] == [60_000 * 48]
