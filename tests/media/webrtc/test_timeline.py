"""RTP clocks on the media clock, on virtual time."""

from __future__ import annotations

import itertools
import random

import pytest

from media.clock import TOLERANCE_S
from media.unit import Kind
from media.webrtc.inbound import (
    MAX_EARLY_S,
    MAX_LATE_S,
    MAX_SKEW_SLEW,
    TOLERATED_SKEW_S,
    RtpTimeline,
    Unwrapper,
)
from media.webrtc.rtpclock import PAUSE_S

RATES: dict[Kind, int] = {"video": 90_000, "audio": 48_000}
NTP = 3_900_000_000.0


class Sender:
    """Sends a frame of each kind every 20 ms of its own time and reports once a second."""

    def __init__(self, *, ppm: dict[Kind, float] | None = None, inexact_s: float = 0.0, reports: bool = True) -> None:
        self.timeline = RtpTimeline(base_ms=0)
        self.placed: dict[Kind, list[float]] = {"video": [], "audio": []}
        self.now = self.began = -1.0
        self.muted: set[Kind] = set()
        self.missed_s: dict[Kind, float] = {"video": 0.0, "audio": 0.0}
        self.ntp_off_s: dict[Kind, float] = {"video": 0.0, "audio": 0.0}
        self.delay_s: dict[Kind, float] = {"video": 0.0, "audio": 0.0}
        self._pace = {kind: 1 + (ppm or {}).get(kind, 0.0) / 1e6 for kind in RATES}
        self._inexact_s = inexact_s
        self._reports = reports
        self._random = random.Random(1)

    def ticks(self, kind: Kind, at: float) -> int:
        return round((at * self._pace[kind] - self.missed_s[kind]) * RATES[kind])

    def run(self, seconds: float, *, step_s: float = 0.02) -> None:
        start = self.now
        for n in range(1, round(seconds / step_s) + 1):
            self.now = start + n * step_s
            for kind in RATES:
                if kind not in self.muted:
                    self._send(kind)
            if self._reports and n % round(1 / step_s) == 0:
                self.report()

    def _send(self, kind: Kind) -> None:
        sent = self.now - self.delay_s[kind]
        if sent >= -1:
            if not any(self.placed.values()):
                self.began = self.now
            pts = self.timeline.place(kind, self.ticks(kind, sent), rate=RATES[kind], now=self.now)
            self.placed[kind].append(pts / RATES[kind])

    def report(self) -> None:
        for kind in RATES:
            late = self._random.uniform(0, self._inexact_s)
            at = NTP + self.ntp_off_s[kind] + self.now + late
            self.timeline.on_report(kind, at=at, ticks=self.ticks(kind, self.now))

    def off(self, kind: Kind) -> float:
        """How far the newest frame is placed from real time, the way through the network left out."""
        return self.placed[kind][-1] - (self.now - self.delay_s[kind] - self.began)

    @property
    def apart_s(self) -> float:
        return self.off("audio") - self.off("video")


@pytest.mark.parametrize("inexact_ms", [0, 30, 50, 200, 500])
def test_inexact_reports_do_not_move_the_media_clock(inexact_ms: int) -> None:
    sender = Sender(inexact_s=inexact_ms / 1000)
    sender.run(600, step_s=0.1)
    assert abs(sender.off("video")) < TOLERANCE_S + inexact_ms / 1000
    assert abs(sender.apart_s) < TOLERATED_SKEW_S + inexact_ms / 1000


@pytest.mark.parametrize(("video", "audio"), [(500, 500), (-500, -500), (500, -500), (0, 500)])
@pytest.mark.parametrize("reports", [True, False])
def test_clocks_that_drift_for_hours_stay_with_real_time_and_together(video: int, audio: int, reports: bool) -> None:
    sender = Sender(ppm={"video": video, "audio": audio}, reports=reports)
    sender.run(3 * 3_600, step_s=1.0)
    assert abs(sender.off("video")) < TOLERANCE_S + 0.02
    assert abs(sender.apart_s) < (TOLERATED_SKEW_S + 0.02 if reports else 2 * TOLERANCE_S + 0.04)


def test_the_first_reports_put_the_kind_that_is_behind_in_step_at_once() -> None:
    sender = Sender()
    sender.delay_s["video"] = 0.3
    sender.run(0.5)
    assert sender.apart_s == pytest.approx(-0.3, abs=0.001)
    sender.report()
    sender.run(0.02)
    assert sender.apart_s == pytest.approx(0.0, abs=0.001)


def test_what_later_reports_tell_is_slewed() -> None:
    sender = Sender()
    sender.run(5)
    sender.ntp_off_s["audio"] = 0.4
    sender.run(20)
    steps = [after - before for before, after in itertools.pairwise(sender.placed["audio"])]
    assert max(steps) <= 0.02 * (1 + MAX_SKEW_SLEW) + 1e-4
    assert min(steps) >= 0.02 * (1 - MAX_SKEW_SLEW) - 1e-4
    sender.run(100)
    assert sender.apart_s == pytest.approx(0.4 - TOLERATED_SKEW_S, abs=0.01)


def test_reports_from_different_epochs_are_left_out() -> None:
    sender = Sender()
    sender.ntp_off_s["audio"] = 1_000_000.0
    sender.run(60)
    assert abs(sender.off("audio")) < 0.001
    assert abs(sender.off("video")) < 0.001


def test_a_sender_whose_wall_clock_is_set_is_heard_anew() -> None:
    sender = Sender()
    sender.run(10)
    sender.ntp_off_s = {"video": 2.0, "audio": 2.0}
    sender.run(30)
    assert abs(sender.apart_s) < 0.001
    assert abs(sender.off("video")) < 0.001


@pytest.mark.parametrize("jump_s", [-40_000.0, -60.0, -MAX_EARLY_S - 0.1, MAX_LATE_S + 0.1, 40_000.0])
@pytest.mark.parametrize("kinds", [("video",), ("audio",), ("video", "audio")])
def test_a_sender_that_restarts_its_timestamps_goes_on_where_it_was(jump_s: float, kinds: tuple[Kind, ...]) -> None:
    sender = Sender()
    sender.run(10)
    for kind in kinds:
        sender.missed_s[kind] = jump_s
    sender.run(10)
    for kind in RATES:
        assert abs(sender.off(kind)) < TOLERANCE_S
        assert all(before < after for before, after in itertools.pairwise(sender.placed[kind]))


@pytest.mark.parametrize("away_s", [0.5, 3.0, 12.0, 3_600.0])
@pytest.mark.parametrize("kind", ["video", "audio"])
@pytest.mark.parametrize("stands", [True, False])
@pytest.mark.parametrize("reports", [True, False])
def test_a_kind_that_pauses_comes_back_in_step(away_s: float, kind: Kind, stands: bool, reports: bool) -> None:
    sender = Sender(reports=reports)
    sender.run(5)
    sender.muted = {kind}
    sender.run(away_s, step_s=0.1)
    sender.muted = set()
    if stands and away_s > PAUSE_S:
        sender.missed_s[kind] = away_s
    sender.run(1)
    assert abs(sender.apart_s) < 0.03


def test_a_network_that_stands_still_is_not_a_pause() -> None:
    sender = Sender()
    sender.run(5)
    sender.muted = {"video", "audio"}
    sender.run(2)
    sender.muted = set()
    sender.missed_s = {"video": 2.0, "audio": 2.0}
    sender.run(0.1)
    assert sender.off("audio") == pytest.approx(-2.0, abs=0.11)
    assert sender.off("video") == pytest.approx(-2.0, abs=0.11)


def test_reports_that_stop_are_forgotten_and_arrival_counts_again() -> None:
    sender = Sender()
    sender.run(5)
    sender.ntp_off_s["audio"] = -1.0
    sender.run(10)
    sender._reports = False
    sender.run(60)
    sender.run(60)
    assert abs(sender.apart_s) < TOLERANCE_S + 0.02


def test_another_source_of_a_kind_is_placed_by_arrival_and_never_goes_back() -> None:
    timeline = RtpTimeline(base_ms=0)
    assert timeline.place("video", 900_000, rate=90_000, now=0.0) == 0
    assert timeline.place("video", 990_000, rate=90_000, now=0.5) == pytest.approx(90_000, abs=9_001)
    before = timeline.place("video", 991_000, rate=90_000, now=0.5)
    timeline.restart("video")
    timeline.on_report("video", at=0.0, ticks=0)
    assert timeline.place("video", 7, rate=90_000, now=0.5) == before + 1
    assert timeline.place("video", 90_007, rate=90_000, now=1.5) > before + 80_000


def test_timestamps_wrap_in_the_middle_of_a_broadcast() -> None:
    unwrapper, timeline = Unwrapper(), RtpTimeline(base_ms=0)
    start = 2**32 - 45_000
    placed = [
        timeline.place("video", unwrapper.unwrap((start + n * 3_000) % 2**32), rate=90_000, now=n / 30)
        for n in range(60)
    ]
    assert placed == [n * 3_000 for n in range(60)]
