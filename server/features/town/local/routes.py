"""``/api/v1/offers``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.town.local.offers import Offers
from server.features.town.local.shapes import MadeOffer, NewOffer, OfferChange, OfferShape, OffersQuery, OffersShape
from server.http.limits import hourly
from server.http.operation import Answer, Call, Operation

TAG: Final = "local"
ONE: Final = "/api/v1/offers/{offer_id}"
OFFERING: Final = hourly("offers", 600)


class OfferRoutes:
    def __init__(self, *, offers: Offers) -> None:
        self._offers = offers

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "account_rate": OFFERING}
        return [
            Operation(
                method="GET", path="/api/v1/offers", handler=self._list, name="listOffers", tag=TAG, auth="optional",
                query=OffersQuery, answers={200: OffersShape},
                summary="What people offer: goods, jobs, help and events near a place",
            ),
            Operation(
                method="POST", path="/api/v1/offers", handler=self._make, name="makeOffer", body=NewOffer,
                answers={201: MadeOffer}, problems=frozenset({409}), idempotent_key=True, summary="Offer something",
                **mine,
            ),
            Operation(
                method="GET", path=ONE, handler=self._one, name="getOffer", tag=TAG, auth="optional",
                answers={200: OfferShape}, problems=frozenset({404}), summary="An offer",
            ),
            Operation(
                method="PATCH", path=ONE, handler=self._change, name="changeOffer", body=OfferChange,
                answers={200: OfferShape}, problems=frozenset({404}), summary="Change an offer of yours", **mine,
            ),
            Operation(
                method="DELETE", path=ONE, handler=self._remove, name="deleteOffer", answers={204: None},
                problems=frozenset({404}), summary="Take an offer of yours back", **mine,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, OffersQuery]) -> Answer:
        items, following = await self._offers.page(_viewer(call), call.query)
        return Answer(body=OffersShape(items=items, next=following))

    async def _make(self, call: Call[NewOffer, None]) -> Answer:
        return Answer(201, MadeOffer(offer=await self._offers.make(call.me.id, call.body)))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._offers.one(_viewer(call), call.path["offer_id"]))

    async def _change(self, call: Call[OfferChange, None]) -> Answer:
        given = {name: getattr(call.body, name) for name in call.body.model_fields_set}
        return Answer(body=await self._offers.change(call.me.id, call.path["offer_id"], given))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._offers.remove(call.me.id, call.path["offer_id"])
        return Answer(204)


def _viewer(call: Call[Any, Any]) -> str | None:
    return call.person.id if call.person is not None else None
