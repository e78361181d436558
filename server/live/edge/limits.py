"""Every bound and deadline of the live edge, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeLimits:
    """Seconds and bytes; each value is a stated bound with the policy named beside it."""

    ping_interval_s: float = 25.0
    ping_timeout_s: float = 20.0  # no pong within this: the session is closed
    connect_timeout_s: float = 15.0  # no accepted namespace within this: closed
    upgrade_timeout_s: float = 10.0  # a probe that never finishes: its socket is closed, polling goes on
    head_timeout_s: float = 10.0  # an unfinished TLS handshake or request head: the connection is closed
    body_timeout_s: float = 30.0  # an unfinished polling body: 408
    body_idle_timeout_s: float = 60.0  # any other body that stalls: the connection is closed
    keepalive_timeout_s: float = 75.0  # an idle HTTP connection: closed
    close_timeout_s: float = 3.0  # the other side's close frame, or the last poll
    node_connect_timeout_s: float = 3.0  # a connection to another node: as if that node were gone

    max_head_bytes: int = 16 * 1024  # 431
    max_payload: int = 1_000_000  # a message, a polling body (413), attachments parked by one connection
    max_depth: int = 32  # nesting of a packet's payload
    max_attachments: int = 10
    max_namespaces: int = 8  # of one connection
    max_connect_attempts: int = 8  # CONNECT packets on one connection
    max_in_flight: int = 128  # events of one connection being answered by coroutines: beyond, refused with a retry
    max_waiting_events: int = 64  # that arrive while a connect is being decided: beyond, closed
    is_deflating: bool = True  # WebSockets whose clients offer it may carry compressed messages, both ways
    events_per_turn: int = 64  # of one connection before the others get their turn

    slow_bytes: int = 128 * 1024  # unsent bytes from which room messages are skipped (chat:gap)
    max_unsent_bytes: int = 2 * 1024 * 1024  # from which the connection is closed
    max_relayed_bytes: int = 16 * 1024 * 1024  # an answer that another node gives for us: 502
    slow_timeout_s: float = 30.0  # slow for this long: closed

    max_connections: int = 50_000  # of the port: 503
    max_connections_per_address: int = 1_000  # without a session: the one idle for the longest is closed, else 429
    max_sessions_per_address: int = 500  # 429; an IPv6 address counts as its /64
    limit_loopback: bool = False
    connect_rate: float = 10_000.0  # new sessions a second; those above it wait for their turn
    connect_burst: int = 2_000  # that come in at once
    connect_wait_s: float = 5.0  # 503 with a jittered Retry-After for whom it would take longer
