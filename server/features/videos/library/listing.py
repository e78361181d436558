"""Videos as lists show them: for this room, and for rooms above that list some by their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.features.videos.library.library import Library, VideoRow
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer
from storage.postgres import Row


class Listing:
    def __init__(self, *, library: Library, addresses: MediaAddresses) -> None:
        self._library = library
        self._addresses = addresses

    async def listed(self, ids: Sequence[str], viewer: Viewer) -> dict[str, dict[str, Any]]:
        """Id → video, of those of the ids that lists show this viewer."""
        rows = await self._library.listed(ids, viewer)
        return {item["id"]: item for item in await self.shown(rows, viewer)}

    async def shown(self, videos: Sequence[VideoRow], viewer: Viewer) -> list[dict[str, Any]]:
        renditions = await self._library.renditions(videos)
        return [self._shape(video, viewer, renditions[video.id]) for video in videos]

    def _shape(self, video: VideoRow, viewer: Viewer, renditions: Sequence[Row]) -> dict[str, Any]:
        size = video.source or {}
        return {
            "id": video.id,
            "state": video.state,
            "progress": video.progress,
            "reason": video.reason if viewer.id == video.owner_id else "",
            "watch_seconds": video.watched_ms // 1000 if viewer.id == video.owner_id else None,
            "owner": {
                "id": video.owner_id,
                "username": video.username,
                "display_name": video.display_name,
                "avatar_url": video.avatar_url,
            },
            **{name: getattr(video, name) for name in SAME},
            "chapters": [
                {"at_ms": one.at_ms - video.begin_ms, "label": one.label}
                for one in video.chapters
                if 0 <= one.at_ms - video.begin_ms < max(1, video.duration_ms)
            ],
            "width": size.get("width"),
            "height": size.get("height"),
            "playback": self._playback(video, viewer, renditions),
        }

    def _playback(self, video: VideoRow, viewer: Viewer, renditions: Sequence[Row]) -> Mapping[str, Any]:
        is_there = video.is_recording or bool(renditions)
        vod = self._addresses.base("/vod", video.id, viewer, is_open=video.is_open)
        base = self._addresses.base("/hls", video.id, viewer, is_open=video.is_open) if video.is_recording else vod
        has_picture = video.is_recording or video.has_poster or video.has_own_poster
        pictures = vod if video.has_own_poster else base
        return {
            "hls": f"{base}/index.m3u8" if is_there else None,
            "dash": f"{base}/manifest.mpd"
            if video.is_recording or any(row["is_whole"] for row in renditions)
            else None,
            "mp4": f"{base}/recording.mp4" if video.has_file else self._file(video, viewer),
            "storyboard": f"{base}/storyboard.vtt" if is_there else None,
            "thumbnail": f"{pictures}/thumbnail.webp" if has_picture else None,
            "renditions": [_rendition(row) for row in renditions],
        }

    def _file(self, video: VideoRow, viewer: Viewer) -> str | None:
        """Of an upload there is one for its owner alone, so that its address is always theirs."""
        if video.is_recording or video.file_bytes is None or viewer.id != video.owner_id:
            return None
        return f"{self._addresses.base('/vod', video.id, viewer, is_open=False)}/video.mp4"


SAME: Final = (
    *("title", "description", "visibility", "stream_id", "duration_ms", "views", "created_at", "ready_at"),
)  # fmt: skip


def _rendition(row: Row) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("name", "width", "height", "fps")},
        "bitrate": row["average_rate"],
        "codecs": row["codec"],
        "state": "ready",
    }
