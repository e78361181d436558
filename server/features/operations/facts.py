"""``/api/v1/admin/facts``: how far the readers of durable facts have come, and the facts that they have put aside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

from pydantic import Field

from server.feature import Feature
from server.http.cursors import decode_cursor, page_of
from server.http.errors import not_found
from server.http.operation import Answer, Call, Operation, PathFormat
from server.http.shapes import Page, PageQuery, Shape, Text
from storage.facts import Aside, ReaderState

TAG: Final = "admin"
ASIDE_ID: Final = PathFormat(pattern="^[1-9][0-9]{0,17}$", description="A fact that was put aside", example="12")
_ANY: Final = UUID(int=0)


class ReaderShape(Shape):
    """One reader of the cluster."""

    name: str
    behind: Annotated[int, Field(description="Facts that it has yet to read, counted up to 10,000")]
    waiting_since: Annotated[datetime | None, Field(description="When the next of them was published")]
    failures: Annotated[int, Field(description="Failures of the next fact so far; with the tenth it is put aside")]
    error: Annotated[str, Field(description="Of the last failure")]
    aside: Annotated[int, Field(description="Facts that it has put aside")]


class ReadersShape(Shape):
    readers: list[ReaderShape]


class AsideShape(Shape):
    """A fact that failed ten times with a reader."""

    id: str
    reader: str
    name: str
    body: dict[str, Any]
    at: Annotated[datetime, Field(description="When it was published")]
    error: str
    aside_at: datetime


class AsideQuery(PageQuery):
    reader: Annotated[Text, Field(max_length=64)] | None = None


class Facts(Protocol):
    async def readers(self) -> list[ReaderState]: ...
    async def aside(self, *, reader: str | None, before: int | None, limit: int) -> list[Aside]: ...
    async def retry(self, aside_id: int) -> bool: ...


class ReaderRoutes:
    """For operators: why something that must happen after something else has not happened."""

    def __init__(self, *, facts: Facts) -> None:
        self._facts = facts

    def operations(self) -> Sequence[Operation]:
        admins = frozenset({"admin"})
        return [
            Operation(
                method="GET", path="/api/v1/admin/facts", handler=self._readers, name="listFactReaders", tag=TAG,
                summary="The readers of durable facts", answers={200: ReadersShape}, problems=frozenset({403}),
                auth="required", roles=admins,
            ),
            Operation(
                method="GET", path="/api/v1/admin/facts/aside", handler=self._aside, name="listFactsAside", tag=TAG,
                summary="Facts that a reader has put aside, the latest first", query=AsideQuery,
                answers={200: Page[AsideShape]}, problems=frozenset({403}), auth="required", roles=admins,
            ),
            Operation(
                method="POST", path="/api/v1/admin/facts/aside/{aside_id}/retry", handler=self._retry,
                name="retryFact", tag=TAG, summary="Give a fact to its reader again", paths={"aside_id": ASIDE_ID},
                answers={204: None}, problems=frozenset({403, 404}), auth="required", roles=admins,
            ),
        ]  # fmt: skip

    async def _readers(self, call: Call[None, None]) -> Answer:
        states = await self._facts.readers()
        return Answer(200, ReadersShape(readers=[ReaderShape.model_validate(_fields(state)) for state in states]))

    async def _aside(self, call: Call[None, AsideQuery]) -> Answer:
        query = call.query
        before = decode_cursor(query.cursor, tuple[int, UUID])[0] if query.cursor else None
        found = await self._facts.aside(reader=query.reader, before=before, limit=query.limit + 1)
        shown, following = page_of(found, query.limit, lambda fact: (fact.id, _ANY))
        items = [AsideShape.model_validate(_fields(fact) | {"id": str(fact.id)}) for fact in shown]
        return Answer(200, Page[AsideShape](items=items, next=following))

    async def _retry(self, call: Call[None, None]) -> Answer:
        if not await self._facts.retry(int(call.path["aside_id"])):
            raise not_found("No such fact is aside")
        return Answer(204)


def _fields(row: ReaderState | Aside) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def build(*, facts: Facts) -> Feature:
    return Feature(name="facts", operations=ReaderRoutes(facts=facts).operations())
