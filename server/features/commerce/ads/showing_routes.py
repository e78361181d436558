"""``/api/v1/ads/decision``, beacons, clicks, results, and what viewers and creators choose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final

from server.features.commerce.ads import queries as campaign_queries
from server.features.commerce.ads import showing_queries as queries
from server.features.commerce.ads.beacons import Beacons
from server.features.commerce.ads.breaks import Breaks
from server.features.commerce.ads.campaigns import no_campaign
from server.features.commerce.ads.decisions import Decisions
from server.features.commerce.ads.preferences import Preferences
from server.features.commerce.ads.showing_shapes import (
    CreatorBody,
    CreatorShape,
    DecisionQuery,
    DecisionShape,
    EarningsShape,
    MadeBreak,
    PreferencesBody,
    PreferencesShape,
    ResultsQuery,
    ResultsShape,
)
from server.features.commerce.ads.tokens import TOKEN, Asker, Tokens
from server.http.limits import OWN_SETTINGS, CallRate
from server.http.operation import Answer, Call, Operation
from server.live.addresses import MediaAddresses
from storage.postgres import Database

TAG: Final = "ads"
DECIDING: Final = CallRate("ad_decisions", per_s=1.0, burst=30)
TELLING: Final = CallRate("ad_beacons", per_s=5.0, burst=60)
BREAKING: Final = CallRate("ad_breaks", per_s=0.1, burst=10)
GUEST_COOKIE: Final = "sf_ads"
GUEST_FLAGS: Final = "Path=/api/v1/ads; HttpOnly; SameSite=Lax; Max-Age=86400"
"""A day: so long the pseudonym that is made of it lasts."""
UNCACHED: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class ShowingRoutes:
    def __init__(
        self,
        *,
        db: Database,
        now: Callable[[], dt.datetime],
        decisions: Decisions,
        beacons: Beacons,
        breaks: Breaks,
        preferences: Preferences,
        tokens: Tokens,
        addresses: MediaAddresses,
    ) -> None:
        self._db = db
        self._now = now
        self._decisions = decisions
        self._beacons = beacons
        self._breaks = breaks
        self._preferences = preferences
        self._tokens = tokens
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        anyone: dict[str, Any] = {"tag": TAG, "auth": "optional"}
        mine: dict[str, Any] = {"tag": TAG, "auth": "required"}
        return [
            Operation(
                method="GET", path="/api/v1/ads/decision", handler=self._decide, name="decideAd", query=DecisionQuery,
                answers={200: DecisionShape}, problems=frozenset({404, 451}), rate=DECIDING,
                summary="The advertisement to be shown with a stream now, if any", **anyone,
            ),
            Operation(
                method="POST", path="/api/v1/ads/beacons/{token}", handler=self._take, name="tellOfAd",
                paths={"token": TOKEN}, answers={204: None}, problems=frozenset({403, 409, 410}), rate=TELLING,
                summary="So much of an advertisement was seen", **anyone,
            ),
            Operation(
                method="GET", path="/api/v1/ads/clicks/{token}", handler=self._click, name="followAd",
                paths={"token": TOKEN}, answers={302: None}, problems=frozenset({403, 404}), rate=TELLING,
                summary="To the advertiser's site", **anyone,
            ),
            Operation(
                method="POST", path="/api/v1/streams/{stream_id}/ad-break", handler=self._break, name="callAdBreak",
                answers={201: MadeBreak}, problems=frozenset({403, 404, 409}), scope="stream", idempotent_key=True,
                account_rate=BREAKING, summary="Pause your stream for an advertisement", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/ads/campaigns/{campaign_id}/results", handler=self._results,
                name="getCampaignResults", query=ResultsQuery, answers={200: ResultsShape}, problems=frozenset({404}),
                scope="money", summary="What came of a campaign of yours, by day", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/ad-preferences", handler=self._of_viewer, name="getAdPreferences",
                answers={200: PreferencesShape}, summary="Whether you consent to be shown what is for you", **mine,
            ),
            Operation(
                method="PUT", path="/api/v1/me/ad-preferences", handler=self._put_viewer, name="putAdPreferences",
                body=PreferencesBody, answers={200: PreferencesShape}, account_rate=OWN_SETTINGS,
                summary="Consent to be shown what is for you, or not", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/ad-settings", handler=self._of_creator, name="getAdSettings",
                answers={200: CreatorShape}, summary="What is shown with your streams", **mine,
            ),
            Operation(
                method="PUT", path="/api/v1/me/ad-settings", handler=self._put_creator, name="putAdSettings",
                body=CreatorBody, answers={200: CreatorShape}, account_rate=OWN_SETTINGS,
                summary="Choose what is shown with your streams", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/ad-earnings", handler=self._earned, name="getAdEarnings",
                answers={200: EarningsShape}, scope="money",
                summary="What advertisements with your streams have brought, and your part of it", **mine,
            ),
        ]  # fmt: skip

    async def _decide(self, call: Call[None, DecisionQuery]) -> Answer:
        query = call.query
        viewer, asker = self._addresses.asker(call.person, address=call.address), self._asker(call)
        ad = await self._decisions.decide(
            viewer, asker, query.stream_id.lower(), place=query.place, break_id=query.break_id
        )
        is_new = asker.person_id is None and asker.guest_id is None
        return Answer(200, {"ad": ad}, UNCACHED, [self._kept(call)] if is_new else [])

    def _asker(self, call: Call[Any, Any]) -> Asker:
        kept = call.request.cookies.get(GUEST_COOKIE, "")
        return Asker(
            person_id=call.person.id if call.person else None, address=call.address,
            guest_id=kept if self._tokens.is_guest(kept) else None,
        )  # fmt: skip

    def _kept(self, call: Call[Any, Any]) -> str:
        """For the browser to keep, so that guests of one address are told apart."""
        secure = "; Secure" if call.request.secure else ""
        return f"{GUEST_COOKIE}={self._tokens.guest()}; {GUEST_FLAGS}{secure}"

    async def _take(self, call: Call[None, None]) -> Answer:
        await self._beacons.take(call.path["token"], self._asker(call))
        return Answer(204)

    async def _click(self, call: Call[None, None]) -> Answer:
        return Answer(302, None, {"Location": await self._beacons.click(call.path["token"]), **UNCACHED})

    async def _break(self, call: Call[None, None]) -> Answer:
        owner = self._addresses.asker(call.person, address=call.address)
        return Answer(201, {"ad_break": await self._breaks.call(call.path["stream_id"].lower(), owner)})

    async def _results(self, call: Call[None, ResultsQuery]) -> Answer:
        campaign_id = call.path["campaign_id"]
        row = await self._db.fetchrow(campaign_queries.ONE, campaign_id, call.me.id)
        if row is None:
            raise no_campaign()
        since = self._now() - dt.timedelta(days=call.query.days)
        days = [dict(one) for one in await self._db.fetch(queries.RESULTS, campaign_id, since)]
        return Answer(200, {"currency": row["currency"], "days": days})

    async def _of_viewer(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._preferences.of_viewer(call.me.id))

    async def _put_viewer(self, call: Call[PreferencesBody, None]) -> Answer:
        return Answer(200, await self._preferences.put_viewer(call.me.id, call.body))

    async def _of_creator(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._preferences.of_creator(call.me.id))

    async def _put_creator(self, call: Call[CreatorBody, None]) -> Answer:
        return Answer(200, await self._preferences.put_creator(call.me.id, call.body))

    async def _earned(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"items": await self._preferences.earned(call.me.id), "next": None})
