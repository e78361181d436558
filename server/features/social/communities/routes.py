"""``/api/v1/communities``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.social.communities.communities import Communities
from server.features.social.communities.shapes import (
    CommunitiesQuery,
    CommunitiesShape,
    CommunityChange,
    CommunityShape,
    MadeCommunity,
    NewCommunity,
    PostsOfCommunityShape,
)
from server.http.limits import CallRate
from server.http.operation import NAME, Answer, Call, Operation
from server.http.shapes import PageQuery
from server.live.addresses import MediaAddresses

TAG: Final = "communities"
ONE: Final = "/api/v1/communities/{name}"
NAMED: Final = {"name": NAME}


class CommunityRoutes:
    def __init__(
        self, *, communities: Communities, addresses: MediaAddresses, new_rate: CallRate, rate: CallRate
    ) -> None:
        self._communities = communities
        self._addresses = addresses
        self._new_rate = new_rate
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {
            "tag": TAG, "auth": "required", "account_rate": self._rate, "paths": NAMED,
            "problems": frozenset({403, 404}),
        }  # fmt: skip
        return [
            Operation(
                method="POST", path="/api/v1/communities", handler=self._make, name="makeCommunity", tag=TAG,
                summary="Found a community, which is yours", body=NewCommunity, answers={201: MadeCommunity},
                problems=frozenset({409}), auth="required", idempotent_key=True, account_rate=self._new_rate,
            ),
            Operation(
                method="GET", path="/api/v1/communities", handler=self._list, name="listCommunities", tag=TAG,
                summary="Communities, those with the most members first", query=CommunitiesQuery,
                answers={200: CommunitiesShape}, auth="optional",
            ),
            Operation(
                method="GET", path=ONE, handler=self._one, name="getCommunity", summary="A community", tag=TAG,
                answers={200: CommunityShape}, auth="optional", paths=NAMED, problems=frozenset({404}),
            ),
            Operation(
                method="PATCH", path=ONE, handler=self._change, name="changeCommunity",
                summary="Change your community", body=CommunityChange, answers={200: CommunityShape}, **mine,
            ),
            Operation(
                method="DELETE", path=ONE, handler=self._remove, name="deleteCommunity",
                summary="Delete your community with its room", answers={204: None}, **mine,
            ),
            Operation(
                method="GET", path=f"{ONE}/posts", handler=self._posts, name="listPostsOfCommunity", tag=TAG,
                summary="What is posted in a community, the newest first", query=PageQuery,
                answers={200: PostsOfCommunityShape}, auth="optional", paths=NAMED, problems=frozenset({403, 404}),
            ),
        ]  # fmt: skip

    async def _make(self, call: Call[NewCommunity, None]) -> Answer:
        return Answer(201, MadeCommunity(community=await self._communities.make(call.me.id, call.body)))

    async def _list(self, call: Call[None, CommunitiesQuery]) -> Answer:
        query = call.query
        items, following = await self._communities.page(
            viewer_of(call), query.q, is_joined=query.joined, cursor=query.cursor, limit=query.limit
        )
        return Answer(body=CommunitiesShape(items=items, next=following))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._communities.one(viewer_of(call), call.path["name"]))

    async def _change(self, call: Call[CommunityChange, None]) -> Answer:
        given = call.body.model_dump(exclude_unset=True)
        return Answer(body=await self._communities.change(call.me.id, call.path["name"], given))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._communities.remove(call.me.id, call.path["name"])
        return Answer(204)

    async def _posts(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        viewer, name = self._addresses.asker(call.person, address=call.address), call.path["name"]
        items, following = await self._communities.posts(viewer, name, query.cursor, query.limit)
        pinned = await self._communities.pinned(viewer, name) if query.cursor is None else []
        return Answer(body=PostsOfCommunityShape(items=items, next=following, pinned=pinned))


def viewer_of(call: Call[Any, Any]) -> str | None:
    return call.person.id if call.person is not None else None
