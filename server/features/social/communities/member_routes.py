"""``/api/v1/communities/{name}/membership``, ``…/members``, ``…/requests`` and ``…/bans``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.social.communities import queries
from server.features.social.communities.communities import Communities
from server.features.social.communities.membership import Membership
from server.features.social.communities.routes import NAMED, ONE, TAG, viewer_of
from server.features.social.communities.rules import State
from server.features.social.communities.shapes import (
    Ban,
    MemberShape,
    MembersShape,
    OutsiderShape,
    OutsidersShape,
    RoleChange,
)
from server.http.cursors import after_time, page_of
from server.http.limits import CallRate
from server.http.operation import NAME, USERNAME, Answer, Call, Operation
from server.http.shapes import PageQuery
from storage.postgres import Database, Row

MEMBER: Final = {"name": NAME, "username": USERNAME}


class MemberRoutes:
    def __init__(self, *, communities: Communities, membership: Membership, db: Database, rate: CallRate) -> None:
        self._communities = communities
        self._membership = membership
        self._db = db
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {
            "tag": TAG, "auth": "required", "account_rate": self._rate, "problems": frozenset({403, 404, 409}),
        }  # fmt: skip
        lists: dict[str, Any] = {
            "method": "GET", "query": PageQuery, "paths": NAMED, "tag": TAG, "problems": frozenset({403, 404}),
        }  # fmt: skip
        return [
            Operation(
                method="PUT", path=f"{ONE}/membership", handler=self._enter, name="joinCommunity", paths=NAMED,
                summary="Join a community; 202 where its moderators are asked", answers={204: None, 202: None}, **mine,
            ),
            Operation(
                method="DELETE", path=f"{ONE}/membership", handler=self._leave, name="leaveCommunity", paths=NAMED,
                summary="Leave a community, decline, or ask no longer", answers={204: None}, **mine,
            ),
            Operation(
                path=f"{ONE}/members", handler=self._members, name="listMembers", answers={200: MembersShape},
                summary="Who is in a community, the longest first", auth="optional", **lists,
            ),
            Operation(
                path=f"{ONE}/requests", handler=self._requests, name="listMembershipRequests", auth="required",
                summary="Who asks to be in your community", answers={200: OutsidersShape}, **lists,
            ),
            Operation(
                path=f"{ONE}/bans", handler=self._bans, name="listCommunityBans", auth="required",
                summary="Who is banned from your community", answers={200: OutsidersShape}, **lists,
            ),
            Operation(
                method="PUT", path=f"{ONE}/members/{{username}}", handler=self._admit, name="admitMember",
                summary="Let in who asked; invite who did not", answers={204: None}, paths=MEMBER, **mine,
            ),
            Operation(
                method="PATCH", path=f"{ONE}/members/{{username}}", handler=self._set_role, name="setMemberRole",
                summary="Give a member a role", body=RoleChange, answers={204: None}, paths=MEMBER, **mine,
            ),
            Operation(
                method="DELETE", path=f"{ONE}/members/{{username}}", handler=self._take_out, name="removeMember",
                summary="Take a member out, or refuse who asked", answers={204: None}, paths=MEMBER, **mine,
            ),
            Operation(
                method="PUT", path=f"{ONE}/bans/{{username}}", handler=self._ban, name="banFromCommunity", body=Ban,
                body_required=False, summary="Ban a person from your community", answers={204: None}, paths=MEMBER,
                **mine,
            ),
            Operation(
                method="DELETE", path=f"{ONE}/bans/{{username}}", handler=self._pardon, name="unbanFromCommunity",
                summary="Lift a ban", answers={204: None}, paths=MEMBER, **mine,
            ),
        ]  # fmt: skip

    async def _enter(self, call: Call[None, None]) -> Answer:
        state = await self._membership.enter(call.me.id, call.path["name"])
        return Answer(204 if state == "member" else 202)

    async def _leave(self, call: Call[None, None]) -> Answer:
        await self._membership.leave(call.me.id, call.path["name"])
        return Answer(204)

    async def _members(self, call: Call[None, PageQuery]) -> Answer:
        viewer_id = viewer_of(call)
        community = await self._communities.readable(viewer_id, call.path["name"])
        rows, following = await self._people(community["id"], "member", viewer_id, call.query)
        return Answer(body=MembersShape(items=[MemberShape(**dict(row)) for row in rows], next=following))

    async def _requests(self, call: Call[None, PageQuery]) -> Answer:
        return await self._outsiders(call, "asked")

    async def _bans(self, call: Call[None, PageQuery]) -> Answer:
        return await self._outsiders(call, "banned")

    async def _outsiders(self, call: Call[None, PageQuery], state: State) -> Answer:
        community = await self._communities.overseen(call.me.id, call.path["name"])
        rows, following = await self._people(community["id"], state, None, call.query)
        items = [OutsiderShape(**{key: row[key] for key in OutsiderShape.model_fields}) for row in rows]
        return Answer(body=OutsidersShape(items=items, next=following))

    async def _people(
        self, community_id: str, state: State, viewer_id: str | None, query: PageQuery
    ) -> tuple[Sequence[Row], str | None]:
        """Those whom the viewer may know of, in the order in which they came; None: all."""
        after = after_time(query.cursor) or (None, None)
        rows = await self._db.fetch(queries.PEOPLE, community_id, state, viewer_id, *after, query.limit + 1)
        return page_of(rows, query.limit, lambda row: (row["since"], row["id"]))

    async def _admit(self, call: Call[None, None]) -> Answer:
        await self._membership.admit(call.me.id, call.path["name"], call.path["username"])
        return Answer(204)

    async def _set_role(self, call: Call[RoleChange, None]) -> Answer:
        await self._membership.set_role(call.me.id, call.path["name"], call.path["username"], call.body.role)
        return Answer(204)

    async def _take_out(self, call: Call[None, None]) -> Answer:
        await self._membership.remove(call.me.id, call.path["name"], call.path["username"])
        return Answer(204)

    async def _ban(self, call: Call[Ban | None, None]) -> Answer:
        reason = call.body.reason if call.body is not None else ""
        await self._membership.ban(call.me.id, call.path["name"], call.path["username"], reason)
        return Answer(204)

    async def _pardon(self, call: Call[None, None]) -> Answer:
        await self._membership.pardon(call.me.id, call.path["name"], call.path["username"])
        return Answer(204)
