"""The OpenAPI document of this version without a running server: ``python -m server.describe > openapi.json``.

Operations are declared by their features, so that the features alone are made here, with nothing behind them. The web
client's types are generated from what this prints. AsyncAPI joins here once the socket's events are declared as well.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from server.features.auth.routes import Auth
from server.features.cluster import ClusterRoutes
from server.features.export import Export
from server.features.jobs import JobRoutes
from server.features.people import People
from server.features.readers import ReaderRoutes
from server.features.users import Users
from server.http import openapi
from server.http.application import DESCRIPTION
from server.http.feature import Feature, Operation
from server.http.health import Health, ServerInfo
from server.live.guests import GuestRoutes
from server.live.hls import HlsRoutes
from server.live.stream import StreamRoutes
from server.live.whip import WebrtcRoutes

FEATURES: Final[Sequence[type[Feature]]] = (
    Health,
    ServerInfo,
    Auth,
    Export,
    Users,
    GuestRoutes,
    People,
    StreamRoutes,
    HlsRoutes,
    WebrtcRoutes,
    ClusterRoutes,
    JobRoutes,
    ReaderRoutes,
)


class _Absent(dict[str, Any]):
    """In place of what a feature calls when it answers a request, which here it never does: also an empty mapping."""

    def __getattr__(self, name: str) -> _Absent:
        return self

    def __call__(self, *args: object, **kwargs: object) -> _Absent:
        return self


def operations() -> list[Operation]:
    return [one for kind in FEATURES for one in _made(kind).operations()]


def _made(kind: type[Feature]) -> Feature:
    needed = [name for name, one in inspect.signature(kind).parameters.items() if one.default is one.empty]
    made: Feature = cast(Any, kind)(**{name: _Absent() for name in needed})
    return made


def main() -> None:
    document = openapi.document(operations=operations(), title="Social Flow", version="0", description=DESCRIPTION)
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document)) + b"\n")


if __name__ == "__main__":
    main()
