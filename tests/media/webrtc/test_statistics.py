"""Numbers about viewers over WebRTC."""

from __future__ import annotations

import pytest

from media.webrtc import rtp
from media.webrtc.statistics import (
    MAX_ROUND_TRIP_S,
    PublishersSummary,
    PublisherStatistics,
    ViewersSummary,
    ViewerStatistics,
    publishers_summary,
    round_trip_s,
    summary,
)

AT = 1_700_000_000.25


def short(at: float) -> int:
    """The middle of an NTP time, as receiver reports have it."""
    return rtp.ntp_time(at) >> 16 & 0xFFFFFFFF


def test_the_example_of_rfc_3550_figure_2() -> None:
    """The report came at b710:8000, its last sender report was b705:2000, and it was kept for 5.250 s: 6.125 s."""
    at = rtp.ntp_seconds(0xB44D_B710_8000_0000)
    assert round_trip_s(0xB705_2000, 0x0005_4000, at) == 6.125


@pytest.mark.parametrize(
    ("last", "since"),
    [(0, 0), (short(AT + 1), 0), (short(AT), 0xFFFF_0000 - 1), (short(AT - MAX_ROUND_TRIP_S - 1), 0)],
)
def test_a_report_without_a_time_or_with_nonsense_tells_none(last: int, since: int) -> None:
    trip_s = round_trip_s(last, since, AT)
    assert trip_s is None or trip_s < MAX_ROUND_TRIP_S
    if since == 0:
        assert trip_s is None


def test_a_summary_is_of_those_who_told() -> None:
    viewers = [ViewerStatistics(rtt_s=number / 100, bitrate=1_000) for number in range(1, 21)]
    viewers += [ViewerStatistics(lost_share=0.25, stuck=2), ViewerStatistics(lost_share=0.05, stuck=1)]
    assert summary(viewers) == ViewersSummary(
        rtt_ms=pytest.approx(110), slow_rtt_ms=pytest.approx(200), bitrate=20_000, lossy=1, stuck=3
    )  # fmt: skip
    assert summary([]) == ViewersSummary(rtt_ms=0.0, slow_rtt_ms=0.0, bitrate=0, lossy=0, stuck=0)
    assert publishers_summary([PublisherStatistics(rtt_s=0.04, bitrate=9, stuck=1)]) == PublishersSummary(
        rtt_ms=40.0, slow_rtt_ms=40.0, bitrate=9, lossy=0, stuck=1
    )
