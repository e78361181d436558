"""The limits that the settings stand for, as clients are told them, and what the parts of a node take from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from actors.chat_moderation import MAX_ROLES
from actors.chat_review import MAX_HELD, MAX_HELD_OF_ONE
from actors.chat_rules import MAX_TEXT
from actors.rate_limits import Rate, RateLimits
from actors.screening import MAX_HOSTS, MAX_WORDS
from server.config import Settings
from server.features.messages.settings import IceSettings
from server.http.limits import Budget, CallRate, Taken, TokenBuckets
from server.live.admission import ConnectionQuota
from server.live.edge.limits import EdgeLimits
from server.live.ice_servers import IceServers
from server.live.whip import OfferLimits
from server.media_config import MediaConfig
from storage.redis import Limit, RedisRateLimiter
from storage.rights import MAX_GUESTS

CONNECT_BURST_S: Final = 0.2


class SharedRates:
    """``server.http.limits.RateLimiter`` over Redis: one budget for all nodes, and each node's own while it is away."""

    def __init__(self, *, limiter: RedisRateLimiter) -> None:
        self._limiter = limiter
        self._own = TokenBuckets()

    async def take(self, key: str, rate: CallRate) -> Taken:
        verdict = await self._limiter.take(f"{rate.name}:{key}", rate=rate.per_s, burst=rate.burst)
        if verdict.is_blind:
            return await self._own.take(key, rate)
        return Taken(wait_s=verdict.retry_after_s, remaining=verdict.remaining, full_in_s=verdict.full_in_s)

    async def take_all(self, budgets: Sequence[Budget]) -> float:
        verdict = await self._limiter.take_all(_limits(budgets))
        return await self._own.take_all(budgets) if verdict.is_blind else verdict.retry_after_s

    async def refund(self, budgets: Sequence[Budget]) -> None:
        verdict = await self._limiter.take_all(_limits(budgets), cost=-1)
        if verdict.is_blind:
            await self._own.refund(budgets)


def _limits(budgets: Sequence[Budget]) -> list[Limit]:
    return [Limit(f"{rate.name}:{key}", rate.per_s, rate.burst) for key, rate in budgets]


def public_limits(settings: Settings) -> Mapping[str, Any]:
    return {
        "chat_text_characters": MAX_TEXT,
        "chat_client_id_characters": 64,
        "chat_messages_per_second": settings.chat_rate,
        "chat_burst": settings.chat_burst,
        "chat_room_roles": MAX_ROLES,
        "chat_filter_words": MAX_WORDS,
        "chat_filter_hosts": MAX_HOSTS,
        "chat_held_messages": MAX_HELD,
        "chat_held_messages_of_one": MAX_HELD_OF_ONE,
        "reactions_per_second": settings.reaction_rate,
        "reaction_burst": settings.reaction_burst,
        "moderation_per_second": settings.moderation_rate,
        "moderation_burst": settings.moderation_burst,
        "owner_rate_factor": settings.owner_rate_factor,
        "moderator_rate_factor": settings.moderator_rate_factor,
        "admin_rate_factor": settings.admin_rate_factor,
        "socket_payload_bytes": settings.max_payload_bytes,
        "socket_events_per_second": settings.socket_event_rate,
        "socket_event_burst": settings.socket_event_burst,
        "sockets": settings.max_sockets,
        "sockets_per_address": settings.max_sockets_per_address,
        "connections_per_address": connections_per_address(settings),
        "sockets_per_account": settings.max_sockets_per_account,
        "sockets_per_staff_account": settings.max_sockets_per_staff_account,
        "guest_sockets": settings.max_guest_sockets,
        "socket_connects_per_second": settings.connect_rate,
        "streams": settings.max_streams,
        "whep_viewers": settings.max_whep_viewers,
        "encodings": encodings(settings),
        "offers_per_account": settings.max_offers_per_account,
        "offers_per_address": settings.max_offers_per_address,
        "players_per_address": settings.max_players_per_address,
        "rtmp_connections": settings.max_rtmp_connections,
        "rtmp_waiting_per_address": settings.max_rtmp_waiting_per_address,
        "new_streams_per_hour": settings.max_new_streams_per_hour,
        "sdp_bytes": 65_536,
        "body_bytes": 65_536,
        "request_head_bytes": EdgeLimits().max_head_bytes,
        "socket_event_levels": EdgeLimits().max_depth,
        "history_messages": 100,
        "catch_up_messages": 500,
        "stream_title_characters": 140,
        "stream_grace_seconds": settings.grace_s,
        "stream_guests": MAX_GUESTS,
    }


def connections_per_address(settings: Settings) -> int:
    """How many HTTP connections one address may hold: never so many that there is no room for the others."""
    return max(1, min(settings.max_connections_per_address, settings.max_sockets // 2))


def encodings(settings: Settings) -> int:
    """How many streams' pictures are re-encoded at the same time: a 720p one takes a quarter to half a processor."""
    return settings.max_encodings or len(os.sched_getaffinity(0))


def rate_limits(settings: Settings) -> RateLimits:
    return RateLimits(
        rates={
            "chat": Rate(per_s=settings.chat_rate, burst=settings.chat_burst),
            "reaction": Rate(per_s=settings.reaction_rate, burst=settings.reaction_burst),
            "moderation": Rate(per_s=settings.moderation_rate, burst=settings.moderation_burst),
        },
        factors={
            "viewer": 1.0,
            "owner": settings.owner_rate_factor,
            "moderator": settings.moderator_rate_factor,
            "admin": settings.admin_rate_factor,
        },
    )


def connection_quota(settings: Settings) -> ConnectionQuota:
    return ConnectionQuota(
        per_account=settings.max_sockets_per_account,
        per_staff_account=settings.max_sockets_per_staff_account,
        guests=settings.max_guest_sockets,
    )


def ice_servers(settings: IceSettings, *, now: Callable[[], datetime]) -> IceServers:
    return IceServers(
        stun_urls=settings.stun_urls,
        turn_urls=settings.turn_urls,
        turn_secret=settings.turn_secret,
        turn_ttl_s=settings.turn_ttl_s,
        now=now,
    )


def offer_limits(settings: Settings) -> OfferLimits:
    return OfferLimits(
        per_account=settings.max_offers_per_account,
        per_address=settings.max_offers_per_address,
        limit_loopback=settings.limit_loopback,
    )


def edge_limits(settings: Settings) -> EdgeLimits:
    return EdgeLimits(
        max_payload=settings.max_payload_bytes,
        is_deflating=settings.compress_sockets,
        max_connections=settings.max_sockets,
        max_sessions_per_address=settings.max_sockets_per_address,
        max_connections_per_address=connections_per_address(settings),
        limit_loopback=settings.limit_loopback,
        connect_rate=settings.connect_rate,
        connect_burst=max(1, int(settings.connect_rate * CONNECT_BURST_S)),
    )


def media_config(settings: Settings, *, run_dir: Path, object_store: str) -> MediaConfig:
    return MediaConfig(
        run_dir=str(run_dir),
        object_store=object_store,
        webrtc_port=settings.webrtc_port,
        webrtc_addresses=settings.webrtc_addresses,
        webrtc_tcp=settings.webrtc_tcp,
        max_streams=settings.max_streams,
        max_whep_viewers=settings.max_whep_viewers,
        max_encodings=encodings(settings),
        max_ladders=settings.max_ladders or len(os.sched_getaffinity(0)),
        max_stages=settings.max_stages or max(1, len(os.sched_getaffinity(0)) // 2),
        transcode=settings.transcode,
        max_rtmp_connections=settings.max_rtmp_connections,
        max_rtmp_waiting_per_address=settings.max_rtmp_waiting_per_address,
        max_run_bytes=settings.max_run_bytes,
        allow_private_targets=settings.allow_private_targets,
        log_format=settings.log_format,
        log_level=settings.log_level,
        tls_cert=str(settings.tls_cert) if settings.tls_cert else None,
        tls_key=str(settings.tls_key) if settings.tls_key else None,
    )
