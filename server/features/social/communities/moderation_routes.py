"""``/api/v1/communities/{name}/pins``, ``…/posts/{post_id}`` and ``…/log``: for moderators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.social.communities.acts import Acts
from server.features.social.communities.communities import Communities
from server.features.social.communities.moderation import Moderation
from server.features.social.communities.routes import NAMED, ONE, TAG
from server.features.social.communities.shapes import ActsShape, PinBody, TakeDown
from server.http.limits import CallRate
from server.http.operation import NAME, UUID, Answer, Call, Operation
from server.http.shapes import PageQuery

POST: Final = {"name": NAME, "post_id": UUID}


class ModerationRoutes:
    def __init__(self, *, communities: Communities, moderation: Moderation, acts: Acts, rate: CallRate) -> None:
        self._communities = communities
        self._moderation = moderation
        self._acts = acts
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        pin, mine = f"{ONE}/pins/{{post_id}}", {"tag": TAG, "auth": "required", "account_rate": self._rate}
        acts: dict[str, Any] = {"paths": POST, "answers": {204: None}, **mine}
        return [
            Operation(
                method="PUT", path=pin, handler=self._pin, name="pinInCommunity", body=PinBody, body_required=False,
                summary="Pin a post of your community", problems=frozenset({403, 404, 409}), **acts,
            ),
            Operation(
                method="DELETE", path=pin, handler=self._unpin, name="unpinInCommunity",
                summary="Pin a post no longer", problems=frozenset({403, 404}), **acts,
            ),
            Operation(
                method="DELETE", path=f"{ONE}/posts/{{post_id}}", handler=self._take_down, name="takeDownPost",
                body=TakeDown, body_required=False, summary="Take down a post of your community",
                problems=frozenset({403, 404}), **acts,
            ),
            Operation(
                method="GET", path=f"{ONE}/log", handler=self._log, name="listModeratorActs", query=PageQuery,
                summary="What moderators of your community did, the newest first", answers={200: ActsShape},
                paths=NAMED, problems=frozenset({403, 404}), tag=TAG, auth="required",
            ),
        ]  # fmt: skip

    async def _pin(self, call: Call[PinBody | None, None]) -> Answer:
        is_announced = call.body is not None and call.body.announce
        await self._moderation.pin(call.me.id, call.path["name"], call.path["post_id"], is_announced=is_announced)
        return Answer(204)

    async def _unpin(self, call: Call[None, None]) -> Answer:
        await self._moderation.unpin(call.me.id, call.path["name"], call.path["post_id"])
        return Answer(204)

    async def _take_down(self, call: Call[TakeDown | None, None]) -> Answer:
        reason = call.body.reason if call.body is not None else ""
        await self._moderation.take_down(call.me.id, call.path["name"], call.path["post_id"], reason)
        return Answer(204)

    async def _log(self, call: Call[None, PageQuery]) -> Answer:
        community = await self._communities.overseen(call.me.id, call.path["name"])
        items, following = await self._acts.page(community["id"], call.query.cursor, call.query.limit)
        return Answer(body=ActsShape(items=items, next=following))
