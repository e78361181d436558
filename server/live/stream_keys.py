"""Stream keys over REST: what an encoder is set up with, and new keys in place of old ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from actors.runtime import Node
from actors.stream_messages import RotateStreamKey, StopPublisher
from server.http.errors import not_found
from server.http.operation import Answer, Call, Operation
from server.live.ingest import Ingest
from server.live.stream_access import StreamAccess
from server.live.stream_shapes import TAG, IngestShape
from storage.stream import Streams, new_stream_key


class IngestAddresses:
    """Where publishers connect: on this server as ``public_url`` has it, else as the request has it."""

    def __init__(self, *, rtmp_address: Callable[[str], str], public_url: str | None) -> None:
        """``rtmp_address`` of a host's name."""
        self._rtmp_address = rtmp_address
        self._public_url = public_url

    def of(self, call: Call[Any, Any], stream_id: str | None, key: str) -> dict[str, str]:
        origin = self._public_url or f"{call.request.scheme}://{call.request.host}"
        whip = f"{origin.rstrip('/')}/whip"
        return {
            "rtmp_url": self._rtmp_address(urlsplit(origin).hostname or "127.0.0.1"),
            "stream_key": key,
            "whip_url": f"{whip}/{stream_id}" if stream_id is not None else whip,
        }


class KeyRoutes:
    """``/api/v1/streams/{stream_id}/key`` and ``/api/v1/me/ingest``."""

    def __init__(
        self, *, ingest: Ingest, access: StreamAccess, addresses: IngestAddresses, node: Node, rows: Streams
    ) -> None:
        self._ingest = ingest
        self._access = access
        self._addresses = addresses
        self._node = node
        self._rows = rows

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/streams/{stream_id}/key/rotate", handler=self._rotate,
                name="rotateStreamKey", tag=TAG,
                summary="A new key for this stream; the old one stops at once", answers={200: IngestShape},
                problems=frozenset({403, 404, 409}), auth="required",
            ),
            Operation(
                method="GET", path="/api/v1/me/ingest", handler=self._my_ingest, name="getMyIngest", tag=TAG,
                summary="My lasting key: set up an encoder once", answers={200: IngestShape}, problems=frozenset({404}),
                auth="required",
            ),
            Operation(
                method="POST", path="/api/v1/me/ingest/rotate", handler=self._rotate_mine, name="rotateMyIngest",
                tag=TAG, summary="A new lasting key; the old one stops at once", answers={200: IngestShape},
                auth="required",
            ),
        ]  # fmt: skip

    async def _rotate(self, call: Call[None, None]) -> Answer:
        view = await self._access.owned(call)
        key = await self._node.ref("stream", view.id).ask(RotateStreamKey(new_key=new_stream_key()))
        return Answer(200, self._addresses.of(call, view.id, key))

    async def _my_ingest(self, call: Call[None, None]) -> Answer:
        key = await self._rows.lasting_key(call.me.id)
        if key is None:
            raise not_found("The account is no more")
        return Answer(200, self._addresses.of(call, None, key))

    async def _rotate_mine(self, call: Call[None, None]) -> Answer:
        key = await self._ingest.rotate_lasting_key(call.me.id)
        for published in await self._ingest.published_by(call.me.id):
            await self._node.ref("stream", published).ask(StopPublisher(reason="its key was rotated"))
        return Answer(200, self._addresses.of(call, None, key))
