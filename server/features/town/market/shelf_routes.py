"""``/api/v1/streams/{stream_id}/shelf``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.town.market.shelf import Shelf
from server.features.town.market.shelf_shapes import ShelfBody, ShelfShape
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer

SHELF: Final = "/api/v1/streams/{stream_id}/shelf"
SHOWING: Final = CallRate("shelf", per_s=1.0, burst=30)


class ShelfRoutes:
    def __init__(self, *, shelf: Shelf, addresses: MediaAddresses) -> None:
        self._shelf = shelf
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {
            "tag": "market", "auth": "required", "scope": "stream", "path": f"{SHELF}/{{listing_id}}",
            "account_rate": SHOWING,
        }  # fmt: skip
        return [
            Operation(
                method="GET", path=SHELF, handler=self._of, name="getShelf", tag="market", auth="optional",
                answers={200: ShelfShape}, problems=frozenset({403, 404}), summary="What the streamer shows for sale",
            ),
            Operation(
                method="PUT", handler=self._show, name="showListing", body=ShelfBody, body_required=False,
                answers={200: ShelfShape}, problems=frozenset({403, 404, 409}),
                summary="Show a listing of yours in a stream of yours, at once or as a drop", **mine,
            ),
            Operation(
                method="DELETE", handler=self._hide, name="hideListing", answers={204: None},
                problems=frozenset({403, 404}), summary="Show it no longer", **mine,
            ),
        ]  # fmt: skip

    async def _of(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._shelf.of(call.path["stream_id"], self._asker(call)))

    async def _show(self, call: Call[ShelfBody | None, None]) -> Answer:
        opens_in_s = call.body.opens_in_s if call.body else None
        shown = await self._shelf.show(self._asker(call), call.path["stream_id"], call.path["listing_id"], opens_in_s)
        return Answer(body=shown)

    async def _hide(self, call: Call[None, None]) -> Answer:
        await self._shelf.hide(self._asker(call), call.path["stream_id"], call.path["listing_id"])
        return Answer(204)

    def _asker(self, call: Call[Any, Any]) -> Viewer:
        return self._addresses.asker(call.person, address=call.address)
