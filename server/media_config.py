"""What a media process is told at its start. Apart from it, so that a node imports nothing of the media plane."""

from __future__ import annotations

import msgspec

from media.transcode.ladder import Policy


class MediaConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the node tells its media process at birth. ``sockets`` are inherited file descriptors by name."""

    run_dir: str
    object_store: str
    webrtc_port: int
    webrtc_addresses: tuple[str, ...]
    webrtc_tcp: bool
    max_streams: int
    max_whep_viewers: int
    max_encodings: int
    max_ladders: int = 1
    max_stages: int = 1
    transcode: Policy = "auto"
    max_rtmp_connections: int
    max_rtmp_waiting_per_address: int
    max_run_bytes: int
    allow_private_targets: bool = False
    log_format: str
    log_level: str
    tls_cert: str | None = None
    tls_key: str | None = None
    sockets: dict[str, int] = {}
