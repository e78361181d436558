"""What there is to play of a run, as ``playback.renditions`` shows it. Sans-I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from media.hls.events import Event, InitReady, PlannedRendition
from media.unit import Kind

#: A bitrate is told anew when it has changed by more than this, so that not every second has another list.
_CHANGE = 0.25


class Shown:
    """The publisher's own pictures as ``source``, what is made of them, and the sound as ``audio``: the best first."""

    def __init__(self) -> None:
        self._inits: dict[str, InitReady] = {}
        self._told: dict[str, int] = {}

    def note(self, event: Event) -> None:
        """An event of the publisher's own renditions."""
        if isinstance(event, InitReady):
            self._inits[event.kind] = event

    def renditions(
        self, planned: Sequence[PlannedRendition], *, bit_rates: Mapping[Kind, int]
    ) -> tuple[dict[str, Any], ...]:
        """``bit_rates`` are those measured lately, by kind of track."""
        video, audio = self._inits.get("video"), self._inits.get("audio")
        made = [_made(each, audio) for each in planned] if video is not None else []
        sound = [] if audio is None else [self._sent("audio" if video is not None else "source", [audio], bit_rates)]
        best = [] if video is None else [self._sent("source", [video, *([audio] if audio else [])], bit_rates)]
        return (*best, *made, *sound)

    def _sent(self, name: str, inits: Sequence[InitReady], bit_rates: Mapping[Kind, int]) -> dict[str, Any]:
        rate = sum(bit_rates.get("video" if init.kind == "video" else "audio", 0) for init in inits)
        told = self._told.get(name, 0)
        if abs(rate - told) > told * _CHANGE:
            told = self._told[name] = round(rate, -3)
        first = inits[0]
        return {
            "name": name,
            "width": first.width,
            "height": first.height,
            "fps": first.frame_rate,
            "bitrate": told,
            "codecs": ",".join(init.codec for init in inits),
            "state": "live",
        }


def _made(planned: PlannedRendition, audio: InitReady | None) -> dict[str, Any]:
    return {
        "name": planned.name,
        "width": planned.width,
        "height": planned.height,
        "fps": planned.fps,
        "bitrate": planned.bitrate,
        "codecs": ",".join([planned.codec, *([audio.codec] if audio else [])]),
        "state": planned.state,
    }
