"""Who is in a conversation: begun, accepted, left, added to, removed from. Each change is one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from server.features.messages.conversations import queries
from server.features.messages.conversations.attachments import Attachments
from server.features.messages.conversations.conversations import no_conversation
from server.features.messages.conversations.facts import (
    ConversationAnswered,
    ConversationLeft,
    ConversationRequested,
)
from server.features.messages.conversations.rules import MAX_PEOPLE, pair_of, state_of_invited
from server.features.messages.conversations.shapes import CHANGED, changed
from server.features.people.relations import nobody
from server.features.people.rules import username_key
from server.http.errors import Problem, invalid_field
from server.publish import Publish
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change
from storage.rooms import insert_room


class Membership:
    """Every call may be repeated without another effect. A person has at most ``max_open`` conversations and
    ``max_requests`` that wait for them (some more at once may pass).
    """

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        told: Publish,
        attachments: Attachments,
        when_changed: Callable[[], Awaitable[None]],
        max_open: int,
        max_requests: int,
    ) -> None:
        """``when_changed``: this node need not wait to find out who may see what."""
        self._db = db
        self._ids = ids
        self._now = now
        self._told = told
        self._attachments = attachments
        self._when_changed = when_changed
        self._max_open = max_open
        self._max_requests = max_requests

    # beginning

    async def begin(self, me: str, usernames: Sequence[str], title: str | None) -> tuple[str, bool]:
        """The conversation's id, and whether it is new. Raises problems for who cannot be asked."""
        async with self._db.transaction() as tx:
            invited = await self._invited(tx, me, usernames)
            if len(invited) == 1 and title is None:
                found = await self._begin_direct(tx, me, *invited.items())
            else:
                found = await self._add(tx, me, invited, title=title or "", pair=None), True
        await self._when_changed()
        return found

    async def _begin_direct(self, tx: Transaction, me: str, other: tuple[str, str]) -> tuple[str, bool]:
        other_id, state = other
        pair = pair_of(me, other_id)
        await tx.execute(queries.LOCK_PAIR, pair)
        room_id = await tx.fetchval(queries.OF_PAIR, pair)
        if room_id is None:
            return await self._add(tx, me, {other_id: state}, title=None, pair=pair), True
        before = await self._states(tx, room_id)
        if before[me] != "open":
            await self._set_state(tx, room_id, me, "open")
            await self._answered(tx, room_id, me, before[me], is_accepted=True)
        if before.get(other_id) == "left":
            await self._join(tx, room_id, me, {other_id: state})
        await self._read_again(tx, room_id, before)
        return room_id, False

    async def _add(
        self, tx: Transaction, me: str, invited: dict[str, str], *, title: str | None, pair: str | None
    ) -> str:
        room_id = self._ids.uuid7(self._now().timestamp())
        await insert_room(tx, room_id=room_id, owner_id=None, log_epoch=self._ids.uuid7(0.0), stream_id=None)
        is_group = pair is None
        await tx.execute(queries.ADD, room_id, is_group, title or "", me if is_group else None, pair)
        await tx.execute(queries.ADD_MEMBERS, room_id, [me], ["open"])
        await self._join(tx, room_id, me, invited)
        return room_id

    async def _invited(self, tx: Transaction, me: str, usernames: Sequence[str]) -> dict[str, str]:
        """Id → state of those whom this person asks, of which there is one at least."""
        keys = list(dict.fromkeys(username_key(name) for name in usernames))
        rows = {row["username_key"]: row for row in await tx.fetch(queries.INVITED, me, keys)}
        if any(key not in rows or rows[key]["is_hidden"] for key in keys):
            raise nobody()
        invited = {row["id"]: self._state_of(row) for row in (rows[key] for key in keys) if row["id"] != me}
        if not invited:
            raise invalid_field("people", "has nobody but yourself")
        if len(invited) >= MAX_PEOPLE:
            raise _too_many()
        return invited

    def _state_of(self, row: Row) -> str:
        if row["is_blocked"]:
            raise Problem(409, "You have blocked this person", slug="blocked")
        state = state_of_invited(follows=row["follows"], requests_from=row["requests_from"])
        if state is None:
            raise Problem(403, "This person takes messages only from people whom they follow", slug="not-reachable")
        if row["open"] >= self._max_open or (state == "request" and row["requests"] >= self._max_requests):
            raise Problem(409, "This person has too many conversations already", slug="too-many-conversations")
        return state

    # for other features, whose members are theirs to choose: the caller calls ``when_changed`` after the commit

    async def gather(self, tx: Transaction, people: Sequence[str], title: str) -> str:
        """Begin a group of people, whom nobody asks and none of whom owns it: its room's id."""
        room_id = self._ids.uuid7(self._now().timestamp())
        await insert_room(tx, room_id=room_id, owner_id=None, log_epoch=self._ids.uuid7(0.0), stream_id=None)
        await tx.execute(queries.ADD, room_id, True, title, None, None)
        await self._join(tx, room_id, people[0], dict.fromkeys(people, "open"))
        return room_id

    async def admit(self, tx: Transaction, room_id: str, person_id: str) -> None:
        """Nothing happens where the room has gone."""
        if await tx.fetchrow(queries.HOLD, room_id) is not None:
            await self._join(tx, room_id, person_id, {person_id: "open"})

    async def dissolve(self, tx: Transaction, room_id: str) -> None:
        """The room goes with its messages."""
        await self._end(tx, room_id, list(await self._states(tx, room_id)))

    # one's own membership

    async def accept(self, me: str, room_id: str) -> None:
        async with self._db.transaction() as tx:
            states = await self._held(tx, room_id, me)
            if states[me] == "request":
                await self._set_state(tx, room_id, me, "open")
                await self._answered(tx, room_id, me, "request", is_accepted=True)
        await self._when_changed()

    async def leave(self, me: str, room_id: str) -> None:
        """Or decline. A direct conversation stays the other's, whose messages go nowhere until one asks again."""
        async with self._db.transaction() as tx:
            states = await self._held(tx, room_id, me)
            await self._answered(tx, room_id, me, states[me], is_accepted=False)
            await self._out(tx, room_id, me, states)
        await self._when_changed()

    async def mute(self, me: str, room_id: str, *, is_muted: bool) -> None:
        if not await self._db.execute(queries.MUTE, room_id, me, is_muted):
            raise no_conversation()

    # a group's people

    async def add(self, me: str, room_id: str, username: str) -> None:
        async with self._db.transaction() as tx:
            states = await self._owned(tx, room_id, me)
            invited = await self._invited(tx, me, [username])
            new = {person_id: state for person_id, state in invited.items() if person_id not in states}
            if len(states) + len(new) > MAX_PEOPLE:
                raise _too_many()
            if new:
                await self._join(tx, room_id, me, new)
                self._tell(tx, "people", room_id, set(states) | set(new))
        await self._when_changed()

    async def remove(self, me: str, room_id: str, username: str) -> None:
        async with self._db.transaction() as tx:
            states = await self._owned(tx, room_id, me)
            person_id = await tx.fetchval(queries.NAMED, room_id, username_key(username))
            if person_id == me:
                raise Problem(409, "You leave a conversation by ending your membership", slug="yourself")
            if person_id is not None:
                await self._out(tx, room_id, person_id, states)
        await self._when_changed()

    async def rename(self, me: str, room_id: str, title: str) -> None:
        async with self._db.transaction() as tx:
            states = await self._owned(tx, room_id, me)
            await tx.execute(queries.SET_TITLE, room_id, title)
            self._tell(tx, "title", room_id, states)

    # the steps

    async def _held(self, tx: Transaction, room_id: str, me: str) -> dict[str, str]:
        """Who is in it, as long as the transaction lasts. Raises a 404 for who is not."""
        if await tx.fetchrow(queries.HOLD, room_id) is None:
            raise no_conversation()
        states = await self._states(tx, room_id)
        if states.get(me) not in ("open", "request"):
            raise no_conversation()
        return states

    async def _owned(self, tx: Transaction, room_id: str, me: str) -> dict[str, str]:
        states = await self._held(tx, room_id, me)
        row = await tx.fetchrow(queries.HOLD, room_id)
        assert row is not None
        if not row["is_group"]:
            raise Problem(409, "A direct conversation is between two people", slug="direct-conversation")
        if row["owner_id"] != me:
            raise Problem(403, "Only who has begun the group may do this")
        return states

    async def _states(self, tx: Transaction, room_id: str) -> dict[str, str]:
        return {row["person_id"]: row["state"] for row in await tx.fetch(queries.MEMBERS, room_id)}

    async def _join(self, tx: Transaction, room_id: str, me: str, invited: dict[str, str]) -> None:
        await tx.execute(queries.ADD_MEMBERS, room_id, list(invited), list(invited.values()))
        asked = [person_id for person_id, state in invited.items() if state == "request"]
        await publish(tx, *(ConversationRequested(room_id=room_id, person_id=each, by_id=me) for each in asked))
        for person_id in invited:
            await note_change(tx, "room", room_id, person_id)
        self._tell(tx, "joined", room_id, {me, *invited})

    async def _set_state(self, tx: Transaction, room_id: str, person_id: str, state: str) -> None:
        await tx.execute(queries.SET_STATE, room_id, person_id, state)
        await note_change(tx, "room", room_id, person_id)
        self._tell(tx, "people", room_id, await self._states(tx, room_id))

    async def _answered(self, tx: Transaction, room_id: str, person_id: str, state: str, *, is_accepted: bool) -> None:
        if state == "request":
            await publish(tx, ConversationAnswered(room_id=room_id, person_id=person_id, is_accepted=is_accepted))

    async def _out(self, tx: Transaction, room_id: str, person_id: str, states: dict[str, str]) -> None:
        """The person is in it no longer: at once for every node that looks at who may see what."""
        row = await tx.fetchrow(queries.HOLD, room_id)
        assert row is not None
        await note_change(tx, "room", room_id, person_id)
        await publish(tx, ConversationLeft(room_id=room_id, person_id=person_id))
        self._tell(tx, "left", room_id, [person_id])
        if not row["is_group"]:
            await tx.execute(queries.SET_STATE, room_id, person_id, _state_after(states[person_id]))
            await self._read_again(tx, room_id, states)
            return
        await tx.execute(queries.REMOVE, room_id, person_id)
        left = [each for each in states if each != person_id]
        heir = next((each for each in left if states[each] == "open"), None)
        if heir is None:
            await self._end(tx, room_id, left)
        else:
            if row["owner_id"] == person_id:
                await tx.execute(queries.SET_OWNER, room_id, heir)
            self._tell(tx, "people", room_id, left)

    async def _read_again(self, tx: Transaction, room_id: str, people: Collection[str]) -> None:
        """What each of them may do in it is read again: it hangs on what the others are."""
        for person_id in people:
            await note_change(tx, "room", room_id, person_id)

    async def _end(self, tx: Transaction, room_id: str, people: Collection[str]) -> None:
        """Nobody is left who wrote or might answer: it goes with its messages."""
        await self._attachments.ended(tx, room_id)
        await tx.execute(queries.DELETE_ROOM, room_id)
        await self._read_again(tx, room_id, people)
        self._tell(tx, "left", room_id, people)

    def _tell(self, tx: Transaction, cause: str, room_id: str, people: Collection[str]) -> None:
        body: dict[str, Any] = changed(room_id, cause, self._now())
        tx.after_commit(partial(self._told.to_people, tuple(people), CHANGED.name, body))


def _state_after(state: str) -> str:
    """Who has declined is not asked again; who has left may be."""
    return "declined" if state == "request" else "left"


def _too_many() -> Problem:
    return invalid_field("people", f"a conversation has at most {MAX_PEOPLE} people")
