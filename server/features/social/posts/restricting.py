"""``PUT /api/v1/posts/{id}/restrictions``: the countries and ages that a post is for, and its warning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from actors.restrictions import CODES, Restrictions
from actors.runtime import DomainError
from server.features.social.posts.bodies import MAX_WARNING
from server.features.social.posts.counters import Changes
from server.features.social.posts.posts import Posts
from server.features.social.posts.targets import no_post
from server.http.caller import Caller
from server.http.errors import Problem, invalid_field
from server.http.limits import OWN_SETTINGS
from server.http.operation import Answer, Call, Operation
from server.live.addresses import MediaAddresses
from server.live.restrictions import NO_DATABASE, RestrictionsBody, wanted_restrictions
from server.live.stream_directory import shown_restrictions
from server.live.stream_shapes import RestrictionsShape
from storage.audit import AuditLog
from storage.postgres import Database, Row, Transaction

MODERATORS: Final = frozenset({"moderator", "admin"})
_HELD: Final = """
select id, author_id, state, restrictions from posts
where id = $1 and state <> 'deleted' and repost_of is null for update
"""
_RESTRICT: Final = "update posts set restrictions = $2, content_warning = $3 where id = $1"


class PostRestrictions:
    """The warning is the post's own, as its author writes it; the rest stands beside it."""

    def __init__(
        self, *, db: Database, posts: Posts, changes: Changes, audit: AuditLog, addresses: MediaAddresses
    ) -> None:
        self._db = db
        self._posts = posts
        self._changes = changes
        self._audit = audit
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="PUT", path="/api/v1/posts/{id}/restrictions", handler=self._put, name="restrictPost",
                tag="posts", summary="Whom a post is for: by its author or a moderator", body=RestrictionsBody,
                answers={200: RestrictionsShape}, problems=frozenset({403, 404, 451}), auth="required",
                account_rate=OWN_SETTINGS,
            ),
        ]  # fmt: skip

    async def _put(self, call: Call[RestrictionsBody, None]) -> Answer:
        self._require_valid(call.body)
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(_HELD, call.path["id"])
            if row is None:
                raise no_post()
            if row["author_id"] != call.me.id:
                await self._require_moderator(tx, call, row)
            wanted = wanted_restrictions(call.body, msgspec.convert(row["restrictions"] or {}, Restrictions))
            await self._write(tx, row, wanted)
        return Answer(200, shown_restrictions(wanted) or RestrictionsShape())

    def _require_valid(self, body: RestrictionsBody) -> None:
        """Raises a 422."""
        if body.countries is not None and not self._addresses.knows_countries:
            raise invalid_field("countries", NO_DATABASE)
        if len(body.content_warning or "") > MAX_WARNING:
            raise invalid_field("content_warning", f"has at most {MAX_WARNING} characters")

    async def _require_moderator(self, tx: Transaction, call: Call[RestrictionsBody, None], row: Row) -> None:
        """Raises a 403; a 404 or 451 for what is not the caller's to know of."""
        me: Caller = call.me
        if not me.roles & MODERATORS or row["state"] != "published":
            viewer = self._addresses.asker(me, address=call.address)
            try:
                await self._posts.get(call.path["id"], viewer.id, country=viewer.country)
            except DomainError as error:
                if error.code not in CODES:  # whose it is comes before whom it is for
                    raise
            raise Problem(403, "This post is not yours")
        await self._audit.add(tx, "post.restricted", actor_id=me.id, subject=call.path["id"], ip=call.address)

    async def _write(self, tx: Transaction, row: Row, wanted: Restrictions) -> None:
        stored = msgspec.to_builtins(msgspec.structs.replace(wanted, content_warning=""))
        await tx.execute(_RESTRICT, row["id"], stored or None, wanted.content_warning or None)
        self._changes.send(tx, row["id"], row["author_id"], edited=True)
