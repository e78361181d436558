"""What an AudioSpecificConfig says."""

from __future__ import annotations

import pytest

from media.errors import ProtocolError
from media.rtmp.codecs.aac import parse_aac

#: What ffmpeg's AAC encoder writes for 5.1(side): no channel configuration, a program_config_element instead.
SIDE_5_1 = "118004c805000108800c4c61766336332e312e31303256e500"


@pytest.mark.parametrize(
    ("config", "rate", "channels", "samples"),
    [
        ("1190", 48_000, 2, 1024),
        ("1208", 44_100, 1, 1024),
        ("1194", 48_000, 2, 960),
        ("2b118800", 48_000, 2, 2048),
        ("eb098800", 48_000, 2, 2048),
        ("131056e598", 48_000, 2, 2048),
        ("1210", 44_100, 2, 1024),
        (SIDE_5_1, 48_000, 6, 1024),
        ("11e056e500", 48_000, 8, 1024),
    ],
    ids=["lc", "mono", "960", "he", "he-v2", "sbr-behind", "44100", "5.1(side)", "7.1"],
)
def test_audio_specific_configs(config: str, rate: int, channels: int, samples: int) -> None:
    parsed = parse_aac(bytes.fromhex(config))
    assert (parsed.sample_rate, parsed.channels, parsed.unit_samples) == (rate, channels, samples)


@pytest.mark.parametrize("config", ["", "11", "1690", "1780000000", "1180", "11800400000000"])
def test_impossible_audio_configs_are_protocol_errors(config: str) -> None:
    with pytest.raises(ProtocolError):
        parse_aac(bytes.fromhex(config))
