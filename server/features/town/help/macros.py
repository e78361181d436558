"""Macros: answers that agents keep ready, and what becomes of the ticket with one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from server.features.town.help.macro_shapes import MacroBody, MacroShape, MacrosShape, MadeMacro
from server.http.cursors import after_id, page_of
from server.http.errors import Problem, not_found
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import PageQuery
from storage.ids import Ids
from storage.postgres import Database, Row

ALL: Final = "/api/v1/macros"
ONE: Final = "/api/v1/macros/{macro_id}"
MAX_MACROS: Final = 200

_ROW: Final = "id, title, text, state, priority, changed_at"
LOCK: Final = "select pg_advisory_xact_lock(hashtextextended('help macros', 0))"
COUNT: Final = "select count(*) from help_macros"
ADD: Final = f"""
insert into help_macros (id, author_id, title, text, state, priority, created_at, changed_at)
values ($1, $2, $3, $4, $5, $6, $7, $7) returning {_ROW}
"""
PUT: Final = f"""
update help_macros set title = $2, text = $3, state = $4, priority = $5, changed_at = $6 where id = $1 returning {_ROW}
"""
PAGE: Final = f"select {_ROW} from help_macros where ($1::uuid is null or id > $1) order by id limit $2"
REMOVE: Final = "delete from help_macros where id = $1"
ERASE: Final = "update help_macros set author_id = null where author_id = $1"


class Macros:
    """They are of all agents together."""

    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], datetime]) -> None:
        self._db = db
        self._ids = ids
        self._now = now

    def operations(self, *, agents: frozenset[str], rate: CallRate) -> Sequence[Operation]:
        theirs: dict[str, Any] = {
            "tag": "help", "auth": "required", "roles": agents, "account_rate": rate,
        }  # fmt: skip
        return [
            Operation(
                method="GET", path=ALL, handler=self._list, name="listMacros", query=PageQuery,
                answers={200: MacrosShape}, problems=frozenset({403}), summary="Answers that agents keep ready",
                **theirs,
            ),
            Operation(
                method="POST", path=ALL, handler=self._make, name="makeMacro", body=MacroBody,
                answers={201: MadeMacro}, problems=frozenset({403, 409}), idempotent_key=True,
                summary="Keep an answer ready", **theirs,
            ),
            Operation(
                method="PUT", path=ONE, handler=self._put, name="putMacro", body=MacroBody, answers={200: MacroShape},
                problems=frozenset({403, 404}), summary="Change an answer that is kept ready", **theirs,
            ),
            Operation(
                method="DELETE", path=ONE, handler=self._remove, name="deleteMacro", answers={204: None},
                problems=frozenset({403, 404}), summary="Keep an answer ready no more", **theirs,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows = await self._db.fetch(PAGE, after_id(query.cursor), query.limit + 1)
        shown, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(body=MacrosShape(items=[_shape_of(row) for row in shown], next=following))

    async def _make(self, call: Call[MacroBody, None]) -> Answer:
        body, now = call.body, self._now()
        macro_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            await tx.execute(LOCK)
            if await tx.fetchval(COUNT) >= MAX_MACROS:
                raise Problem(409, f"There are at most {MAX_MACROS} macros", slug="too-many-macros")
            row = await tx.fetchrow(
                ADD, macro_id, call.me.id, body.title, body.text, body.state, body.priority, now
            )  # fmt: skip
        assert row is not None
        return Answer(201, MadeMacro(macro=_shape_of(row)))

    async def _put(self, call: Call[MacroBody, None]) -> Answer:
        body = call.body
        row = await self._db.fetchrow(
            PUT, call.path["macro_id"], body.title, body.text, body.state, body.priority, self._now()
        )
        if row is None:
            raise _no_macro()
        return Answer(body=_shape_of(row))

    async def _remove(self, call: Call[None, None]) -> Answer:
        if not await self._db.execute(REMOVE, call.path["macro_id"]):
            raise _no_macro()
        return Answer(204)


def _no_macro() -> Problem:
    return not_found("There is no such macro")


def _shape_of(row: Row) -> MacroShape:
    return MacroShape.model_validate(dict(row))
