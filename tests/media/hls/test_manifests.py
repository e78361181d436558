"""The DASH manifests of a stream that goes on."""

from __future__ import annotations

import re

from media.hls.answers import Rendered
from tests.media.hls.muxed import Stream, units
from tests.media.hls.sources import AUDIO, VIDEO, live


def test_live_windows_of_dash_begin_together(tmp_path):
    stream = Stream(tmp_path / "run", window_s=7.99)
    stream.publish()
    stream.feed(live(VIDEO, AUDIO, units=[]))
    for unit in units(30):
        stream.feed([unit])
        answer = stream.index.manifest(now=unit.at)
        if isinstance(answer, Rendered):
            first = re.findall(r'startNumber="(\d+)"', answer.body.decode())
            starts = re.findall(r'<Period id="(p1)" start="(PT0\.\d+S)"', answer.body.decode())
            assert len(set(first)) == len(set(starts)) == 1, first


def test_live_dash_lists_a_period_for_each_run(stream):
    stream.feed(live(VIDEO, AUDIO, units=units(5)))
    stream.interrupt()
    stream.publish()
    stream.feed(live(VIDEO, AUDIO, units=units(5, from_ms=30_000)))
    body = stream.index.manifest(now=1_700_000_040).body.decode()
    assert body.count("<Period ") == 2
    assert 'type="dynamic"' in body
    assert 'initialization="video/2/init-0.mp4"' in body
    stream.end()
    assert 'type="static"' in stream.index.manifest(now=1_700_000_041).body.decode()


def test_manifest_since_the_start_has_each_segment_once_however_long_it_runs(tmp_path):
    stream = Stream(tmp_path / "run", keep_s=600)
    stream.publish()
    for at in range(0, 120, 6):
        stream.feed(live(VIDEO, AUDIO, units=units(6, from_ms=at * 1000)))
        body = stream.index.manifest(now=float(at), dvr=True).body.decode()
        counts = [sum(int(repeat or 0) + 1 for repeat in re.findall(r'<S [^/]*?d="\d+"(?: r="(\d+)")?/>', part))
                  for part in body.split("<SegmentTemplate")[1:]]  # fmt: skip
        assert counts == [len(stream.text(name, dvr=True).segments) - 1 for name in ("video", "audio")]
