"""``/api/v1/ads/campaigns`` and ``/api/v1/admin/ads/creatives``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.commerce.ads.campaigns import Campaigns
from server.features.commerce.ads.creatives import Creatives
from server.features.commerce.ads.shapes import (
    CampaignChange,
    CampaignShape,
    CampaignsShape,
    CreativeBody,
    CreativesQuery,
    CreativesShape,
    MadeCampaign,
    MadeCreative,
    NewCampaign,
    OpenedPayment,
    PaymentBody,
    VerdictBody,
)
from server.http.cursors import after_id, page_of
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import PageQuery

TAG: Final = "ads"
ALL: Final = "/api/v1/ads/campaigns"
ONE: Final = "/api/v1/ads/campaigns/{campaign_id}"
ADMIN: Final = "/api/v1/admin/ads/creatives"
RATE: Final = CallRate("ad_campaigns", per_s=1.0, burst=60)
MODERATORS: Final = frozenset({"moderator", "admin"})


class CampaignRoutes:
    def __init__(self, *, campaigns: Campaigns, creatives: Creatives) -> None:
        self._campaigns = campaigns
        self._creatives = creatives

    def operations(self) -> Sequence[Operation]:
        reads: dict[str, Any] = {"method": "GET", "tag": TAG, "auth": "required", "scope": "money"}
        writes: dict[str, Any] = {
            "tag": TAG, "auth": "required", "scope": "money", "account_rate": RATE, "problems": frozenset({404, 409}),
        }  # fmt: skip
        return [
            Operation(
                method="POST", path=ALL, handler=self._make, name="makeCampaign", body=NewCampaign,
                answers={201: MadeCampaign}, idempotent_key=True, summary="Prepare a campaign", **writes,
            ),
            Operation(
                path=ALL, handler=self._list, name="listCampaigns", query=PageQuery, answers={200: CampaignsShape},
                summary="Your campaigns, the newest first", **reads,
            ),
            Operation(
                path=ONE, handler=self._one, name="getCampaign", answers={200: CampaignShape},
                problems=frozenset({404}), summary="A campaign of yours", **reads,
            ),
            Operation(
                method="PATCH", path=ONE, handler=self._change, name="changeCampaign", body=CampaignChange,
                answers={200: CampaignShape}, summary="Change a campaign of yours, pause it or go on", **writes,
            ),
            Operation(
                method="DELETE", path=ONE, handler=self._end, name="endCampaign", answers={204: None},
                summary="End a campaign of yours; what it has not spent goes back", **writes,
            ),
            Operation(
                method="POST", path=f"{ONE}/payments", handler=self._pay, name="payCampaign", body=PaymentBody,
                answers={201: OpenedPayment}, idempotent_key=True, summary="Pay for a campaign in advance",
                **{**writes, "problems": frozenset({404, 409, 503})},
            ),
            Operation(
                method="POST", path=f"{ONE}/creatives", handler=self._add, name="addCreative", body=CreativeBody,
                answers={201: MadeCreative}, idempotent_key=True,
                summary="Give a campaign a video, which moderators look at first", **writes,
            ),
            Operation(
                path=f"{ONE}/creatives", handler=self._creatives_of, name="listCreatives",
                answers={200: CreativesShape}, problems=frozenset({404}), summary="The videos of a campaign", **reads,
            ),
            Operation(
                method="DELETE", path=f"{ONE}/creatives/{{creative_id}}", handler=self._remove, name="removeCreative",
                answers={204: None}, summary="Take a video out of a campaign", **writes,
            ),
            *self._for_moderators(),
        ]  # fmt: skip

    def _for_moderators(self) -> Sequence[Operation]:
        theirs: dict[str, Any] = {"tag": "admin", "auth": "required", "roles": MODERATORS}
        return [
            Operation(
                method="GET", path=ADMIN, handler=self._by_state, name="listCreativesToJudge", query=CreativesQuery,
                answers={200: CreativesShape}, problems=frozenset({403}),
                summary="The videos of advertisers by state, the oldest first", **theirs,
            ),
            Operation(
                method="PUT", path=f"{ADMIN}/{{creative_id}}", handler=self._decide, name="judgeCreative",
                body=VerdictBody, answers={200: MadeCreative}, problems=frozenset({403, 404, 409}),
                account_rate=RATE, summary="Approve or refuse an advertisement", **theirs,
            ),
        ]  # fmt: skip

    async def _make(self, call: Call[NewCampaign, None]) -> Answer:
        return Answer(201, {"campaign": await self._campaigns.make(call.me.id, call.body)})

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows = await self._campaigns.listed(call.me.id, before=after_id(query.cursor), limit=query.limit + 1)
        shown, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(200, {"items": shown, "next": following})

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._campaigns.one(call.me.id, call.path["campaign_id"]))

    async def _change(self, call: Call[CampaignChange, None]) -> Answer:
        return Answer(200, await self._campaigns.change(call.me.id, call.path["campaign_id"], call.body))

    async def _end(self, call: Call[None, None]) -> Answer:
        await self._campaigns.end(call.me.id, call.path["campaign_id"])
        return Answer(204)

    async def _pay(self, call: Call[PaymentBody, None]) -> Answer:
        return Answer(201, await self._campaigns.pay(call.me.id, call.path["campaign_id"], call.body.amount))

    async def _add(self, call: Call[CreativeBody, None]) -> Answer:
        return Answer(201, {"creative": await self._creatives.add(call.me.id, call.path["campaign_id"], call.body)})

    async def _creatives_of(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"items": await self._creatives.of(call.me.id, call.path["campaign_id"]), "next": None})

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._creatives.remove(call.me.id, call.path["campaign_id"], call.path["creative_id"])
        return Answer(204)

    async def _by_state(self, call: Call[None, CreativesQuery]) -> Answer:
        query = call.query
        rows = await self._creatives.by_state(query.state, after=after_id(query.cursor), limit=query.limit + 1)
        shown, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(200, {"items": shown, "next": following})

    async def _decide(self, call: Call[VerdictBody, None]) -> Answer:
        creative = await self._creatives.decide(call.me.id, call.path["creative_id"], call.body, address=call.address)
        return Answer(200, {"creative": creative})
