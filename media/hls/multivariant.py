"""The multivariant playlist (RFC 8216bis, 4.4.6) as text. Sans-I/O."""

from __future__ import annotations

from collections.abc import Sequence

from media.hls.listing import RenditionInfo


def render_multivariant(
    renditions: Sequence[RenditionInfo],
    keys: Sequence[RenditionInfo] = (),
    texts: Sequence[tuple[str, str]] = (),
) -> str:
    """All video renditions with the sound beside them, in their order, then the sound alone, and the I-frame playlists
    ``keys``. ``texts``: languages of captions with the addresses of their playlists. Names must differ."""
    sounds = [rendition for rendition in renditions if rendition.kind == "audio"]
    videos = [rendition for rendition in renditions if rendition.kind == "video"]
    lines = ["#EXTM3U", "#EXT-X-VERSION:9"]
    captions = dict.fromkeys(name for video in videos for name in video.captions)
    lines += [_captions_line(name) for name in captions]
    if videos:
        lines += [_text_line(language, uri) for language, uri in texts]
        lines += [_media_line(sound, is_default=sound is sounds[0]) for sound in sounds]
    for rendition in videos:
        lines += [_stream_line(rendition, sounds) + (',SUBTITLES="text"' if texts else ""), rendition.uri]
    for sound in sounds:
        lines += [_stream_line(sound, [sound] if videos else []), sound.uri]
    lines += [_key_line(each) for each in keys]
    return "\n".join(lines) + "\n"


def _media_line(sound: RenditionInfo, *, is_default: bool) -> str:
    channels = f',CHANNELS="{sound.channels}"' if sound.channels else ""
    default = "YES" if is_default else "NO"
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="{sound.name}",DEFAULT={default},AUTOSELECT=YES'
        f'{channels},URI="{sound.uri}"'
    )


def _stream_line(rendition: RenditionInfo, sounds: Sequence[RenditionInfo]) -> str:
    codecs = ",".join(dict.fromkeys([rendition.codec, *(sound.codec for sound in sounds)]))
    beside = [sound for sound in sounds if sound is not rendition]
    peak = rendition.bandwidth + max((sound.bandwidth for sound in beside), default=0)
    average = rendition.average_bandwidth + max((sound.average_bandwidth for sound in beside), default=0)
    line = f'#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS="{codecs}"'
    if rendition.width and rendition.height:
        line += f",RESOLUTION={rendition.width}x{rendition.height}"
    if rendition.frame_rate:
        line += f",FRAME-RATE={rendition.frame_rate:.3f}"
    if rendition.video_range:
        line += f",VIDEO-RANGE={rendition.video_range}"
    if rendition.captions:
        line += ',CLOSED-CAPTIONS="captions"'
    return line + (',AUDIO="audio"' if sounds else "")


def _captions_line(name: str) -> str:
    """Captions inside of the pictures: they have no address (RFC 8216bis, 4.4.6.1)."""
    return (
        f'#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="captions",NAME="{name}",INSTREAM-ID="{name}",'
        "DEFAULT=NO,AUTOSELECT=YES"
    )


def _text_line(language: str, uri: str) -> str:
    return (
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="{language}",LANGUAGE="{language}",DEFAULT=NO,'
        f'AUTOSELECT=YES,FORCED=NO,URI="{uri}"'
    )


def _key_line(keys: RenditionInfo) -> str:
    line = f"#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={keys.bandwidth},AVERAGE-BANDWIDTH={keys.average_bandwidth}"
    line += f',CODECS="{keys.codec}"'
    if keys.width and keys.height:
        line += f",RESOLUTION={keys.width}x{keys.height}"
    if keys.video_range:
        line += f",VIDEO-RANGE={keys.video_range}"
    return f'{line},URI="{keys.uri}"'
