"""``/api/v1/rooms/{room_id}/people/…`` and ``/api/v1/rooms/{room_id}/unban-requests``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.rooms.conduct.cards import Cards
from server.features.rooms.conduct.shapes import (
    CardShape,
    DecisionBody,
    NoteBody,
    NoteShape,
    RequestBody,
    RequestShape,
    RequestsQuery,
    RequestsShape,
)
from server.features.rooms.conduct.unbanning import Unbanning
from server.http.cursors import after_id, page_of
from server.http.limits import CallRate, hourly
from server.http.operation import UUID, Answer, Call, Operation

RATE: Final = CallRate("conduct", per_s=2.0, burst=60)
ASKING: Final = hourly("unban_requests", 30)


class ConductRoutes:
    def __init__(self, *, cards: Cards, unbanning: Unbanning) -> None:
        self._cards = cards
        self._unbanning = unbanning

    def operations(self) -> Sequence[Operation]:
        both: dict[str, Any] = {"tag": "chat", "auth": "required"}
        person: dict[str, Any] = {"paths": {"room_id": UUID, "user_id": UUID}, "account_rate": RATE, **both}
        acting: dict[str, Any] = {"scope": "moderate", "account_rate": RATE, **both}
        return [
            Operation(
                method="GET", path="/api/v1/rooms/{room_id}/people/{user_id}", handler=self._card, name="getRoomPerson",
                summary="A person in a room: what they wrote; for moderators their notes", problems=frozenset({404}),
                answers={200: CardShape}, **person,
            ),
            Operation(
                method="POST", path="/api/v1/rooms/{room_id}/people/{user_id}/notes", handler=self._note,
                name="addRoomNote", summary="Note something of a person, for moderators alone", body=NoteBody,
                answers={201: NoteShape}, problems=frozenset({403, 404, 409, 422}), scope="moderate", **person,
            ),
            Operation(
                method="DELETE", path="/api/v1/rooms/{room_id}/notes/{note_id}", handler=self._remove_note,
                name="removeRoomNote", summary="Remove a note", answers={204: None}, problems=frozenset({403, 404}),
                paths={"room_id": UUID, "note_id": UUID}, **acting,
            ),
            Operation(
                method="POST", path="/api/v1/rooms/{room_id}/unban-requests", handler=self._ask, name="askForUnban",
                summary="Ask the moderators of a room to lift your ban: once a ban", body=RequestBody,
                answers={201: RequestShape}, problems=frozenset({404, 409, 422}), paths={"room_id": UUID},
                account_rate=ASKING, scope="chat", **both,
            ),
            Operation(
                method="GET", path="/api/v1/rooms/{room_id}/unban-requests", handler=self._list,
                name="listUnbanRequests", summary="Who asks for the ban to be lifted", query=RequestsQuery,
                answers={200: RequestsShape}, problems=frozenset({403, 404}), paths={"room_id": UUID}, **both,
            ),
            Operation(
                method="POST", path="/api/v1/rooms/{room_id}/unban-requests/{request_id}", handler=self._decide,
                name="decideUnbanRequest", summary="Lift the ban, or leave it", body=DecisionBody,
                answers={200: RequestShape}, problems=frozenset({403, 404, 409}),
                paths={"room_id": UUID, "request_id": UUID}, **acting,
            ),
        ]  # fmt: skip

    async def _card(self, call: Call[None, None]) -> Answer:
        room_id, user_id = call.path["room_id"], call.path["user_id"]
        return Answer(200, await self._cards.card(room_id, user_id, by=call.me.id, roles=call.me.roles))

    async def _note(self, call: Call[NoteBody, None]) -> Answer:
        room_id, user_id = call.path["room_id"], call.path["user_id"]
        notes = await self._cards.note(room_id, user_id, call.body.text, by=call.me.id, roles=call.me.roles)
        return Answer(201, notes[0])

    async def _remove_note(self, call: Call[None, None]) -> Answer:
        await self._cards.remove_note(call.path["room_id"], call.path["note_id"], by=call.me.id, roles=call.me.roles)
        return Answer(204)

    async def _ask(self, call: Call[RequestBody, None]) -> Answer:
        return Answer(201, await self._unbanning.ask(call.path["room_id"], call.body.text, by=call.me.id))

    async def _list(self, call: Call[None, RequestsQuery]) -> Answer:
        query = call.query
        rows = await self._unbanning.listed(
            call.path["room_id"],
            state=query.state,
            before=after_id(query.cursor),
            limit=query.limit + 1,
            by=call.me.id,
            roles=call.me.roles,
        )
        items, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(200, {"items": items, "next": following})

    async def _decide(self, call: Call[DecisionBody, None]) -> Answer:
        decided = await self._unbanning.decide(
            call.path["room_id"],
            call.path["request_id"],
            allow=call.body.allow,
            by=call.me.id,
            roles=tuple(call.me.roles),
        )
        return Answer(200, decided)
