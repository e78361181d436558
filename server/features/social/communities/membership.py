"""Who is in a community: joined, asked, invited, let in, in a role, out, banned. Each change is one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from server.features.people.relations import nobody
from server.features.people.rules import username_key
from server.features.social.communities import event_queries, queries
from server.features.social.communities.acts import Acts
from server.features.social.communities.communities import no_community
from server.features.social.communities.facts import CommunityMembership, CommunityRole
from server.features.social.communities.rules import Role, State, outranks, state_of_entering
from server.http.errors import Problem
from storage.facts import publish
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change


class Membership:
    """Every call may be repeated without another effect. Moderators' acts are in the audit log.

    A person is in at most ``most`` communities, and a community has at most ``most_members``.
    """

    def __init__(
        self,
        *,
        db: Database,
        now: Callable[[], datetime],
        acts: Acts,
        when_changed: Callable[[], Awaitable[None]],
        most: int,
        most_members: int,
    ) -> None:
        """``when_changed``: this node need not wait to find out who may see what."""
        self._db = db
        self._now = now
        self._acts = acts
        self._when_changed = when_changed
        self._most = most
        self._most_members = most_members

    # one's own

    async def enter(self, me: str, name: str) -> State:
        """``member``, or ``asked`` where moderators decide. Raises a 404, a 403 and a 409."""
        async with self._db.transaction() as tx:
            community = await self._held(tx, me, name)
            before = community["state"]
            state = state_of_entering(community["access"], before)
            if state is None:
                raise Problem(403, _SHUT[before == "banned"], slug="banned" if before == "banned" else "invite-only")
            if state != before:
                await self._require_few(tx, me, before)
                await self._put(tx, community, me, before, state, by=me)
        await self._when_changed()
        return state

    async def leave(self, me: str, name: str) -> None:
        """Or decline, or ask no longer. Raises a 404, and a 409 for the owner."""
        async with self._db.transaction() as tx:
            community = await self._held(tx, me, name)
            if community["role"] == "owner":
                raise Problem(409, "Hand the community over first, or delete it", slug="owner")
            if community["state"] not in (None, "banned"):
                await self._out(tx, community, me, community["state"], by=me)
        await self._when_changed()

    # moderators'

    async def admit(self, me: str, name: str, username: str) -> None:
        """Let in who asked; invite who did not. Raises a 404, a 403 and a 409."""
        async with self._db.transaction() as tx:
            community, person = await self._both(tx, me, name, username)
            before = person["state"]
            if before == "banned":
                raise Problem(409, "This person is banned: lift the ban first", slug="banned")
            if before == "asked":
                await self._put(tx, community, person["id"], before, "member", by=me)
            elif before is None:
                if person["is_apart"]:
                    raise Problem(409, "You have blocked this person", slug="blocked")
                await self._put(tx, community, person["id"], before, "invited", by=me)
        await self._when_changed()

    async def set_role(self, me: str, name: str, username: str, role: Role) -> None:
        """Raises a 404, a 403 for who is not the owner, and a 409 for the owner's own."""
        async with self._db.transaction() as tx:
            community, person = await self._both(tx, me, name, username)
            if community["role"] != "owner":
                raise Problem(403, "Only the owner of a community gives roles")
            if person["state"] != "member":
                raise nobody()
            if person["id"] == me and role != "owner":
                raise Problem(409, "Hand the community over first", slug="owner")
            if person["role"] != role:
                await tx.execute(queries.SET_ROLE, community["id"], person["id"], role)
                if role == "owner":
                    await tx.execute(queries.SET_ROLE, community["id"], me, "moderator")
                await self._acts.note(tx, "role", community["id"], by=me, subject=person["id"], role=role)
                fact = CommunityRole(community_id=community["id"], person_id=person["id"], by_id=me, role=role)
                await publish(tx, fact)

    async def remove(self, me: str, name: str, username: str) -> None:
        """Take a member out, refuse who asks, or take an invitation back. Raises a 404 and a 403."""
        async with self._db.transaction() as tx:
            community, person = await self._both(tx, me, name, username)
            if person["state"] not in (None, "banned"):
                self._require_above(community, person)
                await self._out(tx, community, person["id"], person["state"], by=me)
        await self._when_changed()

    async def ban(self, me: str, name: str, username: str, reason: str) -> None:
        """Raises a 404 and a 403."""
        async with self._db.transaction() as tx:
            community, person = await self._both(tx, me, name, username)
            self._require_above(community, person)
            if person["state"] != "banned":
                await self._put(tx, community, person["id"], person["state"], "banned", by=me, why=reason)
        await self._when_changed()

    async def pardon(self, me: str, name: str, username: str) -> None:
        """Raises a 404 and a 403."""
        async with self._db.transaction() as tx:
            community, person = await self._both(tx, me, name, username)
            if person["state"] == "banned":
                await self._out(tx, community, person["id"], "banned", by=me)

    # the steps

    async def _held(self, tx: Transaction, me: str, name: str) -> Row:
        community = await tx.fetchrow(queries.HOLD, me, name.lower())
        if community is None:
            raise no_community()
        return community

    async def _both(self, tx: Transaction, me: str, name: str, username: str) -> tuple[Row, Row]:
        """The community, of which I am a moderator, and how the person is in it."""
        community = await self._held(tx, me, name)
        if not outranks(community["role"], "member"):
            raise Problem(403, "Only moderators of a community may do this")
        person = await tx.fetchrow(queries.NAMED, username_key(username), me, community["id"])
        if person is None:
            raise nobody()
        return community, person

    def _require_above(self, community: Row, person: Row) -> None:
        if not outranks(community["role"], person["role"]):
            raise Problem(403, "You may not do this to somebody of your own rank or above")

    async def _require_few(self, tx: Transaction, me: str, before: State | None) -> None:
        if before != "asked" and await tx.fetchval(queries.IN, me) >= self._most:
            raise Problem(409, f"An account is in at most {self._most} communities", slug="too-many-communities")

    async def _put(
        self, tx: Transaction, community: Row, person_id: str, before: State | None, state: State, *, by: str,
        why: str = "",
    ) -> None:  # fmt: skip
        if state == "member" and community["members"] >= self._most_members:
            raise Problem(409, f"A community has at most {self._most_members} members", slug="community-full")
        await tx.execute(queries.PUT, community["id"], person_id, state, "member", self._now())
        await self._changed(tx, community, person_id, before, state, by=by, why=why)

    async def _out(self, tx: Transaction, community: Row, person_id: str, before: State, *, by: str) -> None:
        await tx.execute(queries.REMOVE, community["id"], person_id)
        await self._changed(tx, community, person_id, before, None, by=by, why="")

    async def _changed(
        self, tx: Transaction, community: Row, person_id: str, before: State | None, after: State | None, *, by: str,
        why: str,
    ) -> None:  # fmt: skip
        """At once for every node that looks at who may be in the room."""
        change = (after == "member") - (before == "member")
        if change:
            await tx.execute(queries.COUNT, community["id"], change)
            await note_change(tx, "room", community["id"], person_id)
        if change < 0:
            await tx.execute(event_queries.FORGET, person_id, community["id"])
        state = after or "out"
        await publish(tx, CommunityMembership(community_id=community["id"], person_id=person_id, by_id=by, state=state))
        if by != person_id:
            await self._acts.note(tx, _ACTS[after], community["id"], by=by, subject=person_id, why=why, before=before)


_ACTS: dict[State | None, str] = {
    "member": "admitted", "invited": "invited", "banned": "banned", "asked": "asked", None: "removed",
}  # fmt: skip
_SHUT = {False: "Its moderators must ask you into this community", True: "You are banned from this community"}
