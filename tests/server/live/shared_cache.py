"""A shared cache as CDNs run them, by RFC 9111 and RFC 9213: between viewers and the routes under test."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp.test_utils import TestClient

_DIRECTIVE = re.compile(r'([\w-]+)(?:="?([^",]*)"?)?')


@dataclass
class Stored:
    """An answer. ``is_fresh`` until ``stale_at`` of the cache's clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    stale_at: float
    stored_at: float


@dataclass
class SharedCache:
    """Collapses requests for one address while the origin is asked (RFC 9111, 4), stores what says that shared caches
    may (3), and hands on the rest. ``now`` is moved by hand; ``asked`` counts what the origin saw."""

    origin: TestClient[Any, Any]
    now: float = 0.0
    asked: Counter[str] = field(default_factory=Counter)
    unstored: set[str] = field(default_factory=set)
    _stored: dict[str, Stored] = field(default_factory=dict)
    _under_way: dict[str, asyncio.Task[Stored]] = field(default_factory=dict)

    async def get(self, path: str) -> Stored:
        held = self._stored.get(path)
        if held is not None and self.now < held.stale_at:
            return held
        under_way = self._under_way.get(path)
        if under_way is None:
            under_way = self._under_way[path] = asyncio.create_task(self._fetch(path))
            under_way.add_done_callback(lambda _: self._under_way.pop(path))
        return await asyncio.shield(under_way)

    async def _fetch(self, path: str) -> Stored:
        self.asked[path] += 1
        async with self.origin.get(path, headers={"CDN-Loop": "shared-cache"}) as answer:
            body = await answer.read()
            lifetime_s = _lifetime_s(answer.status, answer.headers)
            held = Stored(answer.status, answer.headers, body, self.now + lifetime_s, self.now)
        if lifetime_s > 0:
            self._stored[path] = held
        else:
            self.unstored.add(path)
        return held


def _lifetime_s(status: int, headers: Mapping[str, str]) -> float:
    """0 for what must not be stored, or not be used without asking (RFC 9111, 3 and 4.2.1). What is said to CDNs alone
    stands in place of Cache-Control (RFC 9213, 2.2)."""
    said = dict(_DIRECTIVE.findall(headers.get("CDN-Cache-Control") or headers.get("Cache-Control", "")))
    is_kept_out = {"no-store", "private", "no-cache"} & said.keys()
    if status != 200 or is_kept_out or headers.get("Vary", "") not in ("", "Accept-Encoding"):
        return 0.0
    if "Set-Cookie" in headers:
        return 0.0
    return float(said.get("s-maxage") or said.get("max-age") or 0) - float(headers.get("Age", 0))
