"""``/api/v1/trending``, ``/api/v1/recommendations``, and what operators remove from what trends."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from server.features.discovery.recommendations.feedback import Feedback, Verdict
from server.features.discovery.recommendations.ports import Kind, Shows
from server.features.discovery.recommendations.ranking import Reason
from server.features.discovery.recommendations.recommending import Recommending
from server.features.discovery.recommendations.trending import Trending
from server.features.discovery.search import FoundPerson, FoundPost, FoundStream
from server.features.videos.library.shapes import VideoShape
from server.http.cursors import decode_cursor, encode_cursor
from server.http.errors import invalid_field
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation, PathFormat
from server.http.shapes import Body, PageQuery, Shape, Text
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer
from storage.audit import AuditLog
from storage.postgres import Database

TAG: Final = "discovery"
ADMINS: Final = frozenset({"admin"})
RATE: Final = CallRate("recommendations", per_s=5.0, burst=60)
KIND: Final = PathFormat(pattern="^(streams|videos|people|posts)$", description="A kind of things", example="streams")
MOST_SHOWN: Final = 100

REASONS: Final = Field(
    description="`alike`: liked by people who like what you do; `followed`: of whom you follow; `friends`: followed by"
    " them; `trending`; `similar`: of the same category, tags or hashtags; `affinity`: you often act on its owner's"
    " things; `more`: you asked for more; `new`"
)
ReasonField = Annotated[Reason, REASONS]
People = Annotated[int, Field(description="Distinct accounts that count")]


class RecommendedPerson(FoundPerson):
    reason: ReasonField


class RecommendedPost(FoundPost):
    reason: ReasonField


class RecommendedStream(FoundStream):
    reason: ReasonField


class RecommendedVideo(VideoShape):
    kind: Literal["video"]
    reason: ReasonField


Recommended = RecommendedPerson | RecommendedPost | RecommendedStream | RecommendedVideo


class RecommendationsShape(Shape):
    items: list[Annotated[Recommended, Field(discriminator="kind")]]
    next: Annotated[str | None, Field(description="null: there is no more; recommendations are one page")] = None


class RecommendationQuery(PageQuery):
    kind: Kind = "streams"


class TrendingQuery(RecommendationQuery):
    language: Annotated[Text | None, Field(max_length=35, description="BCP 47, as `en`; `en-GB` and so on with it")] = (
        None
    )
    category: Annotated[Text | None, Field(max_length=100)] = None


class FeedbackBody(Body):
    kind: Annotated[
        Verdict,
        Field(description="`less`: not this, and less of its owner's; `hide`: not this; `more`: more of its owner's"),
    ]


class TrendReviewShape(Shape):
    id: str
    score: float
    people: People
    hidden: bool


class TrendReviewsShape(Shape):
    items: list[TrendReviewShape]
    next: None = None


class TrendVerdictBody(Body):
    hidden: bool


class RecommendationRoutes:
    def __init__(
        self,
        *,
        recommending: Recommending,
        trending: Trending,
        feedback: Feedback,
        shows: Mapping[Kind, Shows],
        addresses: MediaAddresses,
        db: Database,
        audit: AuditLog,
    ) -> None:
        self._recommending = recommending
        self._trending = trending
        self._feedback = feedback
        self._shows = shows
        self._addresses = addresses
        self._db = db
        self._audit = audit

    def operations(self) -> Sequence[Operation]:
        admins: dict[str, Any] = {"tag": TAG, "auth": "required", "roles": ADMINS}
        return [
            Operation(
                method="GET", path="/api/v1/trending", handler=self._trends, name="listTrending", tag=TAG,
                summary="What many distinct accounts watch, follow or answer to now, then what is new",
                query=TrendingQuery, answers={200: RecommendationsShape}, auth="optional", rate=RATE,
            ),
            Operation(
                method="GET", path="/api/v1/recommendations", handler=self._recommend, name="listRecommendations",
                tag=TAG, summary="What you may like, and why; for guests what trends and is new",
                query=RecommendationQuery, answers={200: RecommendationsShape}, auth="optional", rate=RATE,
            ),
            Operation(
                method="POST", path="/api/v1/recommendations/{item_id}/feedback", handler=self._say,
                name="sendRecommendationFeedback", tag=TAG, summary="More or less like this, or never again",
                paths={"item_id": UUID}, body=FeedbackBody, answers={204: None}, problems=frozenset({404}),
                auth="required", account_rate=RATE,
            ),
            Operation(
                method="GET", path="/api/v1/admin/trending/{kind}", handler=self._list, name="listTrendingForReview",
                summary="What trends with its scores, removed things too", paths={"kind": KIND},
                answers={200: TrendReviewsShape}, **admins,
            ),
            Operation(
                method="PUT", path="/api/v1/admin/trending/{kind}/{item_id}", handler=self._review,
                name="reviewTrending", summary="Remove a thing from what trends, or let it be there again",
                paths={"kind": KIND, "item_id": UUID}, body=TrendVerdictBody, answers={204: None}, **admins,
            ),
        ]  # fmt: skip

    async def _trends(self, call: Call[None, TrendingQuery]) -> Answer:
        query, viewer = call.query, self._viewer(call)
        rows = await self._trending.page(
            query.kind, language=query.language, category=query.category, limit=MOST_SHOWN
        )  # fmt: skip
        ids = [row["id"] for row in rows]
        shown = await self._shows[query.kind](ids, viewer) if ids else {}
        items = [{**shown[one], "reason": "trending"} for one in ids if one in shown]
        wanted = query.limit + 1 if query.cursor is None else MOST_SHOWN
        if len(items) < wanted and query.language is None and query.category is None:
            items += await self._new(query.kind, {item["id"] for item in items}, wanted - len(items), viewer)
        items, following = _page(items, query.cursor, query.limit)
        return Answer(200, {"items": items, "next": following})

    async def _new(self, kind: Kind, known: set[str], count: int, viewer: Viewer) -> list[dict[str, Any]]:
        """What is new for everybody, without what operators have removed."""
        hidden = await self._trending.hidden(kind)
        country = Viewer(country=viewer.country)
        found = await self._recommending.recommended(kind, country, MOST_SHOWN)
        ids = [item["id"] for item in found if item["id"] not in known and item["id"] not in hidden]
        shown = await self._shows[kind](ids, viewer) if ids else {}
        return [{**shown[one], "reason": "new"} for one in ids if one in shown][:count]

    async def _recommend(self, call: Call[None, RecommendationQuery]) -> Answer:
        if call.query.cursor is not None:
            raise invalid_field("cursor", "is not a cursor of this list")
        items = await self._recommending.recommended(call.query.kind, self._viewer(call), call.query.limit)
        return Answer(200, {"items": items, "next": None})

    async def _say(self, call: Call[FeedbackBody, None]) -> Answer:
        item_id = call.path["item_id"].lower()
        await self._feedback.say(call.me.id, item_id, self._viewer(call), call.body.kind)
        return Answer(204)

    async def _list(self, call: Call[None, None]) -> Answer:
        rows = await self._trending.for_review(call.path["kind"], MOST_SHOWN)  # type: ignore[arg-type]
        return Answer(body=TrendReviewsShape(items=[TrendReviewShape(**dict(row)) for row in rows]))

    async def _review(self, call: Call[TrendVerdictBody, None]) -> Answer:
        kind, item_id, hidden = call.path["kind"], call.path["item_id"].lower(), call.body.hidden
        async with self._db.transaction() as tx:
            await self._trending.review(tx, kind, item_id, is_hidden=hidden)  # type: ignore[arg-type]
            detail = {"kind": kind, "hidden": hidden}
            await self._audit.add(
                tx, "trending.reviewed", actor_id=call.me.id, subject=item_id, ip=call.address, detail=detail
            )
        return Answer(204)

    def _viewer(self, call: Call[Any, Any]) -> Viewer:
        return self._addresses.asker(call.person, address=call.address)


def _page(items: list[dict[str, Any]], cursor: str | None, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """A page of what trends now: after the last thing that was shown, or as many things on where that has gone."""
    at = 0
    if cursor is not None:
        rank, last = decode_cursor(cursor, tuple[int, uuid.UUID])
        places = {item["id"]: place for place, item in enumerate(items, 1)}
        at = places.get(str(last), max(0, min(rank, len(items))))
    shown = items[at : at + limit]
    is_more = len(items) > at + limit
    return shown, encode_cursor((at + limit, shown[-1]["id"])) if is_more else None
