"""The limits that clients are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.chat import MAX_TEXT
from server.config import Settings


def told_limits(settings: Settings) -> Mapping[str, Any]:
    return {
        "chat_text_characters": MAX_TEXT,
        "chat_client_id_characters": 64,
        "chat_messages_per_second": settings.chat_rate,
        "chat_burst": settings.chat_burst,
        "socket_payload_bytes": settings.max_payload_bytes,
        "socket_events_per_second": settings.socket_event_rate,
        "socket_event_burst": settings.socket_event_burst,
        "sockets": settings.max_sockets,
        "sockets_per_address": settings.max_sockets_per_address,
        "sockets_per_account": settings.max_sockets_per_account,
        "socket_connects_per_second": settings.connect_rate,
        "streams": settings.max_streams,
        "whep_viewers": settings.max_whep_viewers,
        "offers_per_account": settings.max_offers_per_account,
        "offers_per_address": settings.max_offers_per_address,
        "sdp_bytes": 65_536,
        "body_bytes": 65_536,
        "history_messages": 100,
        "catch_up_messages": 500,
        "stream_title_characters": 140,
        "stream_grace_seconds": settings.grace_s,
    }
