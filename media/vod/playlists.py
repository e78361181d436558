"""The media playlist of a rendition (RFC 8216), and what manifests list of it. Sans-I/O."""

from __future__ import annotations

from collections.abc import Sequence

from media.hls.listing import SegmentInfo
from media.vod.messages import SEGMENT_S


def render_captions(uri: str, *, seconds: float) -> str:
    """Of WebVTT that is one segment."""
    head = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n"
    return f"{head}#EXT-X-TARGETDURATION:{max(1, round(seconds))}\n#EXTINF:{seconds:.3f},\n{uri}\n#EXT-X-ENDLIST\n"


def render_vod(segments: Sequence[SegmentInfo], *, is_whole: bool = True) -> str:
    """Of at least one segment; all have one initialisation. Of one that is not whole the rest follows: it is an event,
    whose target duration is above that of any segment that may come."""
    longest = round(max(segment.duration_s for segment in segments))
    target = max(1, longest) if is_whole else max(longest, SEGMENT_S + 2)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{target}",
        f"#EXT-X-MEDIA-SEQUENCE:{segments[0].number}",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if is_whole else 'EVENT'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{segments[0].init_uri}"',
    ]
    for segment in segments:
        lines += [f"#EXTINF:{segment.duration_s:.5f},", segment.uri]
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if is_whole else [])]) + "\n"
