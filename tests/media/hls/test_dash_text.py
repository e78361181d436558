"""What manifests say, to the letter."""

from __future__ import annotations

import msgspec
import pytest

from media.hls.dash import History, Live, Origins, Presentation, render_mpd, render_periods
from media.hls.listing import RenditionInfo, SegmentInfo

DATE = 1_700_000_000.0
VIDEO = RenditionInfo(
    name="video", uri="video.m3u8", kind="video", codec="avc1.64001f", bandwidth=1000, average_bandwidth=900,
    width=1280, height=720, frame_rate=30.0,
)  # fmt: skip
AUDIO = RenditionInfo(
    name="audio", uri="audio.m3u8", kind="audio", codec="mp4a.40.2", bandwidth=100, average_bandwidth=90, channels=2
)


def segment(number: int, *, duration: int = 2_000, timescale: int = 1_000, **fields: object) -> SegmentInfo:
    """Two seconds from twice its number on."""
    made = SegmentInfo(
        number=number,
        uri=f"v/{number}.m4s",
        init_uri="v/init.mp4",
        media_time=number * 2 * timescale,
        duration=duration,
        timescale=timescale,
        program_date_time=DATE + number * 2,
    )
    return msgspec.structs.replace(made, **fields)


def timeline(*segments: SegmentInfo) -> list[str]:
    """The elements of the timeline of a recording."""
    text = render_mpd([Presentation(VIDEO, 0, segments)], target_s=2)
    return [line.strip() for line in text.splitlines() if "<S " in line]


def line_of(name: str, info: RenditionInfo, sample_rate: int = 0) -> str:
    lines = render_mpd([Presentation(info, sample_rate, [segment(0)])], target_s=2).splitlines()
    return next((line.strip() for line in lines if f"<{name} " in line), "")


LIVE = """\
<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" minBufferTime="PT2S" \
type="dynamic" availabilityStartTime="2023-11-14T22:13:10.000Z" publishTime="2023-11-14T22:13:50.001Z" \
minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT16.500S" suggestedPresentationDelay="PT6S">
  <Period id="p1" start="PT12.000S" duration="PT4.000S">
    <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
      <Representation id="video" codecs="avc1.64001f" bandwidth="1000" width="1280" height="720" frameRate="30">
        <SegmentTemplate timescale="1000" presentationTimeOffset="2000" startNumber="1" initialization="v/init.mp4" \
media="v/$Number$.m4s">
          <SegmentTimeline>
<S t="2000" d="2000" r="1"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
    <AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" segmentAlignment="true" startWithSAP="1">
      <Representation id="audio" codecs="mp4a.40.2" bandwidth="100" audioSamplingRate="48000">
        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
        <SegmentTemplate timescale="100" presentationTimeOffset="200" startNumber="1" initialization="v/init.mp4" \
media="v/$Number$.m4s">
          <SegmentTimeline>
<S t="200" d="200" r="1"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
  </Period>
  <Period id="p3" start="PT16.000S" duration="PT10.000S">
    <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
      <Representation id="video" codecs="avc1.64001f" bandwidth="1000" width="1280" height="720" frameRate="30">
        <SegmentTemplate timescale="1000" presentationTimeOffset="6000" startNumber="3" initialization="v/init.mp4" \
media="v/$Number$.m4s">
          <SegmentTimeline>
<S t="6000" d="2000"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
  </Period>
  <Period id="p4" start="PT26.000S">
    <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
      <Representation id="video" codecs="avc1.64001f" bandwidth="1000" width="1280" height="720" frameRate="30">
        <SegmentTemplate timescale="1000" presentationTimeOffset="8000" startNumber="4" initialization="v/init.mp4" \
media="v/$Number$.m4s">
          <SegmentTimeline>
<S t="8000" d="2500"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
  </Period>
  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="2023-11-14T22:13:50.001Z"/>
</MPD>
"""


def test_live_manifest_of_a_stream_that_was_interrupted_twice():
    video = [
        *[segment(1), segment(2)],
        segment(3, run=1, is_discontinuity=True),
        segment(4, run=2, is_discontinuity=True, program_date_time=DATE + 16, duration=2_500),
    ]
    audio = [segment(1, timescale=100, duration=200), segment(2, timescale=100, duration=200)]
    presentations = [Presentation(VIDEO, 0, video), Presentation(AUDIO, 48_000, audio)]
    live = Live(DATE - 10, DATE + 30.0006, Origins())
    assert render_mpd(presentations, target_s=2, live=live) == LIVE


def test_segments_are_addressed_by_number_whatever_else_has_that_digit():
    """The 4 of ``m4s`` is none of a segment's."""
    for number in (1, 4, 44):
        held = [segment(number, uri=f"4/{number}/{number}.m4s")]
        assert f'media="4/{number}/$Number$.m4s"' in render_mpd([Presentation(VIDEO, 0, held)], target_s=2)


def test_live_manifest_keeps_a_period_whose_first_segments_have_left_the_window():
    origins = Origins()
    render_mpd([Presentation(VIDEO, 0, [segment(5)])], target_s=2, live=Live(DATE, DATE, origins))
    held = [segment(7), segment(8), segment(9, run=1, is_discontinuity=True)]
    text = render_mpd([Presentation(VIDEO, 0, held)], target_s=2, live=Live(DATE, DATE, origins))
    assert 'timeShiftBufferDepth="PT6.000S"' in text
    assert '<Period id="p5" start="PT10.000S" duration="PT8.000S">' in text
    assert 'presentationTimeOffset="10000" startNumber="7"' in text
    text = render_mpd([Presentation(VIDEO, 0, held[:1])], target_s=2, live=Live(DATE, DATE, origins))
    assert 'timeShiftBufferDepth="PT2.000S"' in text
    assert '<Period id="p5" start="PT10.000S">' in text


def test_period_keeps_the_begin_that_was_noted_first():
    origins = Origins()
    assert origins.is_empty
    for noted in (segment(9), segment(1), segment(5), segment(5, program_date_time=DATE + 99), segment(9)):
        origins.note(noted)
        assert not origins.is_empty
    begins = [origins.of(segment(number)) for number in (1, 4, 5, 8, 9, 12)]
    assert [(begin.number, begin.at - DATE, begin.media_s) for begin in begins] == [
        *[(1, 2.0, 2.0), (1, 2.0, 2.0), (5, 10.0, 10.0), (5, 10.0, 10.0), (9, 18.0, 18.0), (9, 18.0, 18.0)]
    ]


class Held:
    """A rendition from number 0 on."""

    def __init__(self, count: int) -> None:
        self.numbers = range(count)
        self.numbered = segment


def test_history_begins_with_segment_0_also_after_a_change():
    history, renditions, track = History(), {"video": Held(4)}, Presentation(VIDEO, 0, ())

    def said():
        return render_periods([track], history.periods(renditions), target_s=2)

    assert 'startNumber="0"' in said()
    history.settle(renditions, before=3)
    assert 'startNumber="0"' in said()
    history.changed(2)
    assert 'startNumber="0"' in said()
    assert said().count("<S ") == 1


def test_empty_manifests_last_no_time():
    assert 'mediaPresentationDuration="PT0.000S"' in render_mpd([], target_s=2)
    assert 'timeShiftBufferDepth="PT0.000S"' in render_mpd([], target_s=2, live=Live(DATE, DATE, Origins()))


def test_recording_of_many_runs_lies_end_to_end_from_0_on():
    held = [segment(n, run=n, is_discontinuity=True, media_time=n * 7_000) for n in range(1, 5)]
    text = render_mpd([Presentation(VIDEO, 0, held)], target_s=2)
    starts = [line.strip() for line in text.splitlines() if "<Period " in line]
    assert starts == [
        '<Period id="p0" start="PT0.000S" duration="PT2.000S">',
        '<Period id="p1" start="PT2.000S" duration="PT2.000S">',
        '<Period id="p2" start="PT4.000S" duration="PT2.000S">',
        '<Period id="p3" start="PT6.000S">',
    ]
    assert 'type="static" mediaPresentationDuration="PT8.000S"' in text


def test_segments_of_one_length_are_one_element():
    assert timeline(segment(1)) == ['<S t="2000" d="2000"/>']
    assert timeline(*[segment(n) for n in range(1, 6)]) == ['<S t="2000" d="2000" r="4"/>']
    uneven = [segment(1), segment(2), segment(3), segment(4, media_time=8_010), segment(5, duration=500)]
    assert timeline(*uneven) == ['<S t="2000" d="2000" r="1"/>', '<S d="2010"/>', '<S d="1990"/>', '<S d="500"/>']


def test_segment_lasts_a_tick_at_least():
    assert timeline(segment(1), segment(2, media_time=2_000, duration=0)) == ['<S t="2000" d="1" r="1"/>']
    assert timeline(segment(1), segment(2, media_time=1_000, duration=1)) == ['<S t="2000" d="1" r="1"/>']


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        *[(30.0004, "30"), (30.0006, "30001/1000"), (25.0, "25"), (12.5, "12500/1000")],
        *[(29.97, "30000/1001"), (29.9745, "30000/1001"), (29.9763, "29976/1000"), (23.976, "24000/1001")],
        *[(59.94, "60000/1001"), (239.76, "240000/1001")],
    ],
)
def test_frame_rate_is_whole_or_one_of_television_or_in_thousandths(rate, text):
    info = msgspec.structs.replace(VIDEO, frame_rate=rate)
    assert line_of("Representation", info).endswith(f'frameRate="{text}">')


def test_what_is_not_known_of_a_rendition_is_not_said():
    bare = '<Representation id="video" codecs="avc1.64001f" bandwidth="1000">'
    for sizes in ({"width": 0}, {"height": 0}):
        assert line_of("Representation", msgspec.structs.replace(VIDEO, frame_rate=0.0, **sizes)) == bare
    assert line_of("Representation", AUDIO) == '<Representation id="audio" codecs="mp4a.40.2" bandwidth="100">'
    assert line_of("AudioChannelConfiguration", msgspec.structs.replace(AUDIO, channels=0)) == ""


def test_what_only_sound_has_is_not_said_of_pictures():
    odd = msgspec.structs.replace(VIDEO, channels=2)
    assert line_of("AudioChannelConfiguration", odd) == ""
    assert "audioSamplingRate" not in line_of("Representation", odd, 48_000)
