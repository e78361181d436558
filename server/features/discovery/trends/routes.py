"""``/api/v1/hashtags/trending``, and what admins say to trends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import Field

from server.features.discovery.trends.trends import Trends, Verdict
from server.features.social.feed import HASHTAG, tag_named
from server.http.errors import not_found
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Limit, Query, Shape
from storage.audit import AuditLog
from storage.postgres import Database

TAG: Final = "trends"
ADMINS: Final = frozenset({"admin"})


class TrendShape(Shape):
    tag: str
    people: Annotated[int, Field(description="Who have used it within a day; 1,000 stand for more")]


class TrendsShape(Shape):
    items: list[TrendShape]
    next: Annotated[None, Field(description="There are no more pages")] = None


class ReviewedShape(TrendShape):
    verdict: Annotated[Verdict | None, Field(description="null: its use alone decides")]


class ReviewsShape(Shape):
    items: list[ReviewedShape]
    next: None = None


class TrendQuery(Query):
    limit: Limit = 20


class ReviewQuery(TrendQuery):
    state: Literal["open", "hidden", "allowed"] | None = None


class VerdictBody(Body):
    verdict: Verdict | None


class TrendRoutes:
    def __init__(self, *, trends: Trends, db: Database, audit: AuditLog) -> None:
        self._trends = trends
        self._db = db
        self._audit = audit

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/hashtags/trending", handler=self._trending, name="listTrends", tag=TAG,
                summary="The hashtags that many people use now", query=TrendQuery, answers={200: TrendsShape},
                auth="optional",
            ),
            Operation(
                method="GET", path="/api/v1/admin/hashtags", handler=self._list, name="listHashtagsForReview", tag=TAG,
                summary="Hashtags by their use, hidden ones too", query=ReviewQuery, answers={200: ReviewsShape},
                auth="required", roles=ADMINS,
            ),
            Operation(
                method="PUT", path="/api/v1/admin/hashtags/{tag}", handler=self._review, name="reviewHashtag", tag=TAG,
                summary="Keep a hashtag from trends, or allow it there whoever uses it", paths={"tag": HASHTAG},
                body=VerdictBody, answers={204: None}, problems=frozenset({404}), auth="required", roles=ADMINS,
            ),
        ]  # fmt: skip

    async def _trending(self, call: Call[None, TrendQuery]) -> Answer:
        rows = await self._trends.trending(call.query.limit)
        return Answer(body=TrendsShape(items=[TrendShape(tag=row["tag"], people=row["people"]) for row in rows]))

    async def _list(self, call: Call[None, ReviewQuery]) -> Answer:
        rows = await self._trends.for_review(call.query.state, call.query.limit)
        items = [ReviewedShape(tag=row["tag"], people=row["people"], verdict=row["verdict"]) for row in rows]
        return Answer(body=ReviewsShape(items=items))

    async def _review(self, call: Call[VerdictBody, None]) -> Answer:
        tag, verdict = tag_named(call.path["tag"]), call.body.verdict
        async with self._db.transaction() as tx:
            if not await self._trends.review(tx, tag, verdict):
                raise not_found("Nobody has used this hashtag lately")
            await self._audit.add(
                tx, "hashtag.reviewed", actor_id=call.me.id, subject=tag, ip=call.address, detail={"verdict": verdict}
            )
        return Answer(204)
