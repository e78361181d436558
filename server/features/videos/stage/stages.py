"""Stages and their seats: rows, and what the node that mixes a stage is told of them.

A seat is first an invitation, by a token that is good once, and then a place, by a secret that is good until the seat
is taken away: a person who drops and returns has the place that they had. Only hashes of both are kept.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from actors.events import NODE
from actors.runtime import ActorError, DomainError, Node
from media.control import OfferStage, SetStage
from media.stage.plan import MAX_PEOPLE, StagePlan, StageState
from media.transcode.stage_messages import StageSeat
from server.features.videos.stage import queries
from server.http.errors import Problem, Unauthorized, invalid_field, not_found
from server.live.node_actor import EndStageHere, MediaOutcome, StageHere
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction
from storage.seen_streams import seen_stream
from storage.stream_facts import StreamEnded

INVITED_FOR: Final = timedelta(hours=24)
MAX_UNUSED: Final = 20
ASK_S: Final = 12.0
TOLD_S: Final = 3.0
PRUNE_BATCH: Final = 1_000

log = logging.getLogger("server.stage")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    seat_id: str
    secret: str


class StageRows(msgspec.Struct, frozen=True, kw_only=True):
    """A stage with its seats, and how it fares on the node that mixes it."""

    stage: Row
    seats: Sequence[Row]
    state: StageState = StageState()

    @property
    def plan(self) -> StagePlan:
        stage = self.stage
        joined = (row for row in self.seats if row["has_joined"])
        return StagePlan(
            stream_id=str(stage["stream_id"]),
            revision=stage["revision"],
            layout=stage["layout"],
            spotlight=str(stage["spotlight"] or ""),
            seats=tuple(StageSeat(str(row["id"]), row["is_on_stage"], row["is_muted"], row["name"]) for row in joined),
            key=stage["stream_key"] if stage["is_on_air"] else "",
        )


class Stages:
    def __init__(self, *, db: Database, node: Node, ids: Ids, now: Callable[[], datetime]) -> None:
        self._db = db
        self._node = node
        self._ids = ids
        self._now = now

    # the streamer. All raise a 403 or 404 for a stream that is not theirs, and a 409 for one that has ended.

    async def read(self, stream_id: str, person_id: str) -> StageRows:
        """Makes the stage where there is none yet."""
        await self._own(stream_id, person_id)
        await self._db.execute(queries.ENSURE, stream_id)
        return await self._told(await self._rows(stream_id))

    async def invite(self, stream_id: str, person_id: str, name: str) -> tuple[str, str, datetime]:
        """The seat, its token, and until when that is good. Raises a 409 for too many that are not used."""
        await self._own(stream_id, person_id)
        token, at = _new_secret(), self._now()
        seat_id = self._ids.uuid7(at.timestamp())
        async with self._db.transaction() as tx:
            await tx.execute(queries.ENSURE, stream_id)
            await tx.fetchrow(queries.LOCK, stream_id)
            if await tx.fetchval(queries.COUNT_UNUSED, stream_id, at) >= MAX_UNUSED:
                raise Problem(409, f"At most {MAX_UNUSED} invitations wait to be used", slug="too-many-invitations")
            await tx.execute(queries.INVITE, seat_id, stream_id, name, _hash(token), at, at + INVITED_FOR)
        return seat_id, token, at + INVITED_FOR

    async def take_own_place(self, stream_id: str, person_id: str, name: str) -> Place:
        """The streamer's own. Their other devices have it no more."""
        await self._own(stream_id, person_id)
        secret, at = _new_secret(), self._now()
        async with self._db.transaction() as tx:
            await tx.execute(queries.ENSURE, stream_id)
            seat_id = await tx.fetchval(
                queries.HOST, self._ids.uuid7(at.timestamp()), stream_id, name, _hash(secret), at
            )
            await tx.execute(queries.CHANGED, stream_id)
        return Place(seat_id=str(seat_id), secret=secret)

    async def change(self, stream_id: str, person_id: str, changes: Mapping[str, Any]) -> StageRows:
        """``layout``, ``spotlight``, ``on_air``. Raises a 422 for a spotlight on no seat."""
        await self._own(stream_id, person_id)
        has_spotlight, seat = "spotlight" in changes, changes.get("spotlight")
        spotlight = None if seat is None else str(seat)
        async with self._db.transaction() as tx:
            await tx.execute(queries.ENSURE, stream_id)
            seats = await tx.fetch(queries.SEATS, stream_id)
            if spotlight is not None and spotlight not in {str(row["id"]) for row in seats}:
                raise invalid_field("spotlight", "must be a seat of this stage")
            await tx.execute(
                queries.CHANGE, stream_id, changes.get("layout"), has_spotlight, spotlight, changes.get("on_air")
            )
        return await self._told(await self._rows(stream_id))

    async def change_seat(
        self, stream_id: str, person_id: str, seat_id: str, *, is_on_stage: bool | None, is_muted: bool | None
    ) -> StageRows:
        """Raises a 404 for a seat that nobody has."""
        await self._own(stream_id, person_id)
        async with self._db.transaction() as tx:
            if not await tx.execute(queries.CHANGE_SEAT, stream_id, seat_id, is_on_stage, is_muted):
                raise not_found("There is nobody with this seat")
            await tx.execute(queries.CHANGED, stream_id)
        return await self._told(await self._rows(stream_id))

    async def remove_seat(self, stream_id: str, person_id: str, seat_id: str) -> None:
        """A person with their connections, or an invitation. May be repeated."""
        await self._own(stream_id, person_id)
        await self._remove(stream_id, seat_id)

    # who was invited

    async def invited(self, token: str) -> Row:
        """What the token invites to. Raises a 404 for one that was used or is not good any more."""
        row = await self._db.fetchrow(queries.INVITED, _hash(token), self._now())
        if row is None:
            raise _no_invitation()
        return row

    async def join(self, token: str, name: str) -> Place:
        """Raises a 404 as ``invited`` does, and a 409 while there are as many people as there may be."""
        found = await self.invited(token)
        secret, stream_id = _new_secret(), found["stream_id"]
        async with self._db.transaction() as tx:
            await tx.fetchrow(queries.LOCK, stream_id)
            if await tx.fetchval(queries.COUNT_PEOPLE, stream_id) >= MAX_PEOPLE - 1:
                raise Problem(409, f"At most {MAX_PEOPLE} people are on a stage", slug="stage-full")
            row = await tx.fetchrow(queries.JOIN, _hash(token), _hash(secret), name, self._now())
            if row is None:
                raise _no_invitation()
            await tx.execute(queries.CHANGED, stream_id)
        return Place(seat_id=str(row["id"]), secret=secret)

    async def of_seat(self, seat_id: str, secret: str | None) -> StageRows:
        """The stage of a seat. Raises a 401 for another secret than its last one, and for a seat that is gone."""
        stream_id = await self._db.fetchval(queries.HELD, seat_id, _hash(secret or ""))
        if stream_id is None:
            raise Unauthorized("token_invalid", "This place was taken away, or is another one's")
        return await self._rows(str(stream_id))

    async def seen(self, seat_id: str, secret: str | None) -> StageRows:
        """As ``of_seat``, with how it fares."""
        return await self._told(await self.of_seat(seat_id, secret))

    async def leave(self, seat_id: str, secret: str | None) -> None:
        """Give the place up. Raises a 401 as ``of_seat`` does."""
        rows = await self.of_seat(seat_id, secret)
        await self._remove(str(rows.stage["stream_id"]), seat_id)

    async def node_of(self, rows: StageRows) -> str:
        """The node that mixes the stage: this one where there is none, or it does not answer."""
        node, stream_id = rows.stage["node"], str(rows.stage["stream_id"])
        if node and await self._state(node, rows) is not None:
            return str(node)
        await self._db.execute(queries.MOVE, stream_id, node, self._node.name)
        return str((await self._rows(stream_id)).stage["node"])

    async def offer(self, offer: OfferStage, node: str) -> MediaOutcome:
        """Raises ``Unavailable``."""
        return await self._node.ref(NODE, node).ask(StageHere(asked=offer), timeout_s=ASK_S)

    # what ends

    async def stream_ended(self, tx: Transaction, fact: StreamEnded) -> None:
        row = await tx.fetchrow(queries.END, fact.stream_id)
        if row is not None and row["node"]:
            tx.after_commit(lambda: self._end(row["node"], fact.stream_id))

    async def prune(self) -> None:
        """Delete invitations that are not good any more."""
        while await self._db.execute(queries.PRUNE, self._now(), PRUNE_BATCH) == PRUNE_BATCH:
            pass

    def _end(self, node: str, stream_id: str) -> None:
        try:
            self._node.ref(NODE, node).tell(EndStageHere(stream_id=stream_id))
        except ActorError as error:
            log.info("stage of %s: node %s is not told of its end: %s", stream_id, node, error)

    async def _remove(self, stream_id: str, seat_id: str) -> None:
        async with self._db.transaction() as tx:
            if not await tx.execute(queries.REMOVE_SEAT, stream_id, seat_id):
                return
            await tx.execute(queries.CHANGED, stream_id)
        await self._told(await self._rows(stream_id))

    async def _own(self, stream_id: str, person_id: str) -> None:
        stream = await seen_stream(self._db, stream_id, person_id)
        if stream is None:
            raise not_found("There is no such stream")
        if stream.owner_id != person_id:
            raise Problem(403, "This stream is not yours")
        if stream.state == "ended":
            raise Problem(409, "The stream has ended", slug="stream-ended")

    async def _rows(self, stream_id: str) -> StageRows:
        """Raises a 404 for a stage that has ended."""
        stage = await self._db.fetchrow(queries.READ, stream_id)
        if stage is None:
            raise not_found("This stage has ended")
        return StageRows(stage=stage, seats=await self._db.fetch(queries.SEATS, stream_id))

    async def _told(self, rows: StageRows) -> StageRows:
        """With what the node that mixes it says, which is told how it is to be: what it missed is made good."""
        node = rows.stage["node"]
        state = await self._state(node, rows) if node else None
        return msgspec.structs.replace(rows, state=state or StageState())

    async def _state(self, node: str, rows: StageRows) -> StageState | None:
        """None where the node does not answer."""
        try:
            asked = StageHere(asked=SetStage(plan=rows.plan))
            outcome = await self._node.ref(NODE, node).ask(asked, timeout_s=TOLD_S)
        except (ActorError, DomainError) as error:
            log.info("stage of %s: node %s does not answer: %s", rows.stage["stream_id"], node, error)
            return None
        return outcome.stage.state if outcome.stage is not None else None


def _no_invitation() -> Problem:
    return not_found("This invitation was used, or is not valid any more")


def _new_secret() -> str:
    """128 random bits."""
    return secrets.token_urlsafe(16)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
