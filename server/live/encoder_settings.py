"""What OBS is set up with when it encodes several renditions itself (its "multitrack video").

OBS 30.2 and newer posts what it has to an address, and takes from the answer which encoders to start; what is in the
answer can be pasted into its settings as well. Source of both shapes: OBS's own client, which knows them as its "go
live" configuration, version 2025-01-25. Which renditions there are is decided as for those that the server makes.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from media.transcode.ladder import Tier, plan
from media.unit import VIDEO_TIMESCALE, Codec, Track
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Shape
from server.live.stream_keys import IngestAddresses
from server.live.stream_shapes import TAG

SCHEMA_VERSION: Final = "2025-01-25"
KEYFRAME_INTERVAL_S: Final = 2
AUDIO_KBPS: Final = 160
MAX_TRACKS: Final = 6
#: H.264 encoders of OBS, those of graphics cards first: four of software are too much for most machines.
ENCODERS: Final = (
    "obs_nvenc_h264_tex",
    "jim_nvenc",
    "com.apple.videotoolbox.videoencoder.ave.avc",
    "h264_texture_amf",
    "obs_qsv11_v2",
    "obs_x264",
)
#: The shorter side in pixels, and kbit/s at up to 40 frames a second, of what is sent best.
_BEST_KBPS = {1080: 6_000, 720: 4_000, 480: 1_500, 0: 900}
_LARGEST_KBPS = 9_000
_FAST_SHARE = 1.25
_FAST_FPS = 40

_Side = Annotated[int, Field(ge=16, le=16_384)]


class _Sent(BaseModel):
    """Part of what OBS posts; newer versions say more, which is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class FrameRate(_Sent):
    numerator: Annotated[int, Field(ge=1, le=1_000_000)]
    denominator: Annotated[int, Field(ge=1, le=1_000_000)] = 1

    @property
    def fps(self) -> float:
        return self.numerator / self.denominator


class Canvas(_Sent):
    width: _Side
    height: _Side
    framerate: FrameRate


class Preferences(_Sent):
    """Up to version 2024-06-04 the size is its own, later that of the first canvas. Bitrates are in kbit/s."""

    canvases: Annotated[list[Canvas], Field(max_length=8)] = []
    width: _Side = 1920
    height: _Side = 1080
    framerate: FrameRate = FrameRate(numerator=30)
    maximum_aggregate_bitrate: Annotated[int, Field(ge=100, le=1_000_000)] | None = None
    maximum_video_tracks: Annotated[int, Field(ge=1, le=32)] | None = None

    @property
    def canvas(self) -> Canvas:
        own = Canvas(width=self.width, height=self.height, framerate=self.framerate)
        return self.canvases[0] if self.canvases else own


class Client(_Sent):
    supported_encoders: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=200)] = []


class EncoderRequest(_Sent):
    """Posted by OBS. The stream key in it is not looked at: it is judged when OBS publishes."""

    client: Client = Client()
    preferences: Preferences = Preferences()


class EncoderOptions(Shape):
    """One rendition. ``settings`` are those of the encoder ``type`` of OBS."""

    type: str
    width: int
    height: int
    framerate: FrameRate
    gpu_scale_type: str = "OBS_SCALE_BICUBIC"
    canvas_index: int = 0
    settings: dict[str, str | int | bool]


class SoundOptions(Shape):
    codec: str = "ffmpeg_aac"
    track_id: int = 1
    channels: int = 2
    settings: dict[str, int]


class Sounds(Shape):
    live: list[SoundOptions]


class Endpoint(Shape):
    protocol: str
    url_template: str


class Meta(Shape):
    service: str = "Social Flow"
    schema_version: str = SCHEMA_VERSION
    config_id: str


class EncoderConfiguration(Shape):
    """The best rendition first, which is the source; the others have its key frames."""

    meta: Meta
    ingest_endpoints: list[Endpoint]
    encoder_configurations: list[EncoderOptions]
    audio_configurations: Sounds


def configuration(request: EncoderRequest, *, rtmp_url: str, config_id: str) -> EncoderConfiguration:
    """The renditions for this canvas and machine. Pure."""
    preferences, encoder = request.preferences, _encoder(request.client.supported_encoders)
    canvas = preferences.canvas
    tiers = _within(_tiers(canvas), preferences)
    is_tls = rtmp_url.startswith("rtmps:")
    return EncoderConfiguration(
        meta=Meta(config_id=config_id),
        ingest_endpoints=[
            Endpoint(protocol="RTMPS" if is_tls else "RTMP", url_template=f"{rtmp_url.rstrip('/')}/{{stream_key}}")
        ],
        encoder_configurations=[_options(tier, canvas, encoder) for tier in tiers],
        audio_configurations=Sounds(live=[SoundOptions(settings={"bitrate": AUDIO_KBPS})]),
    )


def _encoder(supported: Sequence[str]) -> str:
    """Versions that do not say what they have all have the one in software."""
    return next((name for name in ENCODERS if name in supported), ENCODERS[-1])


def _tiers(canvas: Canvas) -> list[Tier]:
    """The whole canvas, and what is made of a source of that size."""
    fps = canvas.framerate.fps
    source = Track(
        kind="video", codec=Codec.H264, timescale=VIDEO_TIMESCALE, width=canvas.width, height=canvas.height, fps=fps
    )
    return [_best(canvas), *plan(source)]


def _best(canvas: Canvas) -> Tier:
    short, fps = min(canvas.width, canvas.height), canvas.framerate.fps
    kbps = next(rate for lines, rate in _BEST_KBPS.items() if short >= lines) if short <= 1_080 else _LARGEST_KBPS
    kbps = round(kbps * (_FAST_SHARE if fps > _FAST_FPS else 1))
    return Tier(
        name="source", width=canvas.width & ~1, height=canvas.height & ~1, fps=fps, bit_rate=kbps * 1000, level=0
    )


def _within(tiers: Sequence[Tier], preferences: Preferences) -> list[Tier]:
    """What the streamer's connection and machine can do: the best and the smallest stay longest."""
    kept = list(tiers)
    most = min(preferences.maximum_video_tracks or MAX_TRACKS, MAX_TRACKS)
    kbps = preferences.maximum_aggregate_bitrate
    while len(kept) > 1 and (len(kept) > most or (kbps and _kbps(kept) > kbps)):
        del kept[1]
    return kept


def _kbps(tiers: Sequence[Tier]) -> int:
    return sum(tier.bit_rate for tier in tiers) // 1000 + AUDIO_KBPS


def _options(tier: Tier, canvas: Canvas, encoder: str) -> EncoderOptions:
    parts = max(1, round(canvas.framerate.fps / tier.fps)) if tier.fps else 1
    rate = FrameRate(numerator=canvas.framerate.numerator, denominator=canvas.framerate.denominator * parts)
    return EncoderOptions(
        type=encoder, width=tier.width, height=tier.height, framerate=rate, settings=_settings(tier, encoder)
    )


def _settings(tier: Tier, encoder: str) -> dict[str, str | int | bool]:
    """Without B-frames, which WebRTC has none of, and with key frames at the same times for all."""
    settings: dict[str, str | int | bool] = {
        "rate_control": "CBR",
        "bitrate": tier.bit_rate // 1000,
        "keyint_sec": KEYFRAME_INTERVAL_S,
        "profile": "main",
        "bf": 0,
    }
    return settings | {"preset": "veryfast"} if encoder == "obs_x264" else settings


class EncoderRoutes:
    """``/api/v1/ingest/obs``."""

    def __init__(self, *, addresses: IngestAddresses) -> None:
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/ingest/obs", handler=self._configure, name="configureObs", tag=TAG,
                summary="The encoders that OBS starts to send several renditions (its multitrack video)",
                description="OBS posts here when it is started with `--config-url` and this address.",
                body=EncoderRequest, answers={200: EncoderConfiguration},
            ),
        ]  # fmt: skip

    async def _configure(self, call: Call[EncoderRequest, Any]) -> Answer:
        address = self._addresses.of(call, None, "")["rtmp_url"]
        return Answer(200, configuration(call.body, rtmp_url=address, config_id=str(uuid.uuid4())))
