"""The OpenAPI document of this version without a running server: ``python -m server.describe > openapi.json``; and the
AsyncAPI document of its Socket.IO events: ``python -m server.describe events``.

Features are installed on parts that are not there: what they declare needs none of them. The web client's types are
generated from what this prints.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, cast

import msgspec
from prometheus_client import CollectorRegistry

from server.assembly import live, realtime
from server.assembly.outside import server_features
from server.config import Settings
from server.feature import Feature
from server.features.install import install
from server.http import asyncapi, openapi
from server.http.application import DESCRIPTION
from server.http.health import Health
from server.outbound.settings import Site


class _Absent(dict[str, Any]):
    """In place of what a feature calls when it answers a request, which here it never does: also an empty mapping."""

    def __getattr__(self, name: str) -> _Absent:
        return self

    def __call__(self, *args: object, **kwargs: object) -> _Absent:
        return self


def features() -> list[Feature]:
    """All of a node's, none of which can answer."""
    absent, settings = cast(Any, _Absent()), Settings.model_construct()
    site = Site(name="Social Flow", origin="http://localhost")
    installed = install(absent, core=absent, settings=settings, passwords=absent, site=site, is_https=False).features
    health = Health(dependencies={}, is_draining=lambda: False, registry=CollectorRegistry())
    sockets = realtime.assemble(
        settings=settings,
        identity=absent,
        node=absent,
        fanout=absent,
        mirrors=absent,
        log=absent,
        streams=absent,
        presence=absent,
        others=absent,
        rate_limits=absent,
        connection_quota=absent,
        rights=absent,
        traces=absent,
        new_id=absent,
        now=absent,
        country_of=absent,
        attachments=absent,
    )
    core = live.features(settings, absent, absent, absent, absent, ports=absent, hasher=absent)
    return [*server_features(settings, health, installed), *sockets.features, *core, *installed]


def document(declared: Iterable[Feature]) -> dict[str, Any]:
    made = list(declared)
    return openapi.document(
        operations=[operation for feature in made for operation in feature.operations],
        outgoing=[call for feature in made for call in feature.outgoing],
        title="Social Flow",
        version="0",
        description=DESCRIPTION,
    )


def events(declared: Iterable[Feature]) -> dict[str, Any]:
    """The AsyncAPI document."""
    made = list(declared)
    return asyncapi.document(
        client_events=[event for feature in made for event in feature.events],
        server_events=[event for feature in made for event in feature.sent],
        title="Social Flow",
        version="0",
    )


def main() -> None:
    describe = events if sys.argv[1:] == ["events"] else document
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(describe(features()))) + b"\n")


if __name__ == "__main__":
    main()
