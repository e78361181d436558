"""The media playlist of a rendition that is whole (RFC 8216), and what manifests list of it. Sans-I/O."""

from __future__ import annotations

from collections.abc import Sequence

from media.hls.listing import SegmentInfo


def render_captions(uri: str, *, seconds: float) -> str:
    """Of WebVTT that is one segment."""
    head = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n"
    return f"{head}#EXT-X-TARGETDURATION:{max(1, round(seconds))}\n#EXTINF:{seconds:.3f},\n{uri}\n#EXT-X-ENDLIST\n"


def render_vod(segments: Sequence[SegmentInfo]) -> str:
    """Of at least one segment; all have one initialisation."""
    target = max(1, round(max(segment.duration_s for segment in segments)))
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{target}",
        f"#EXT-X-MEDIA-SEQUENCE:{segments[0].number}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{segments[0].init_uri}"',
    ]
    for segment in segments:
        lines += [f"#EXTINF:{segment.duration_s:.5f},", segment.uri]
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"
