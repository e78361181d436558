"""The ports that the server listens on: free, or taken by a server that runs."""

from __future__ import annotations

import os
import socket

import aiohttp

from server.config import Settings
from server.diagnostics.findings import Finding, fine, problem


async def check_ports(settings: Settings) -> list[Finding]:
    running = await _running_version(settings)
    return [
        _port("http", settings.http_host, settings.http_port, socket.SOCK_STREAM, running),
        _port("rtmp", settings.rtmp_host, settings.rtmp_port, socket.SOCK_STREAM, running),
        _port("webrtc", "127.0.0.1", settings.webrtc_port, socket.SOCK_DGRAM, running),
        *_tcp_of_webrtc(settings, running),
    ]


def _tcp_of_webrtc(settings: Settings, running: str | None) -> list[Finding]:
    if not settings.webrtc_tcp:
        return []
    return [_port("webrtc", "127.0.0.1", settings.webrtc_port, socket.SOCK_STREAM, running, over="tcp ")]


def _port(name: str, host: str, port: int, kind: socket.SocketKind, running: str | None, *, over: str = "") -> Finding:
    subject = f"{name} {over}port"
    if port == 0:
        return fine(subject, "a free one is taken")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return _taken(subject, f"{host}:{port}", error, f"--{name}-port", running)
    return fine(subject, f"{host}:{port} is free")


def _taken(subject: str, where: str, error: OSError, flag: str, running: str | None) -> Finding:
    if running is not None:
        return fine(subject, f"{where} is in use while Social Flow {running} runs here")
    reason = os.strerror(error.errno or 0)
    return problem(subject, f"{where} cannot be used ({reason})", f"stop what listens there, or choose {flag}")


async def _running_version(settings: Settings) -> str | None:
    """The version of the Social Flow that answers on the HTTP port; None when none does."""
    if settings.http_port == 0:
        return None
    origin = settings.local_origin
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as client:
            async with client.get(f"{origin}/livez", ssl=False) as alive:
                if alive.status != 200 or (await alive.json()).get("status") != "alive":
                    return None
            async with client.get(f"{origin}/api/v1/server", ssl=False) as described:
                return str((await described.json())["version"])
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, AttributeError):
        return None
