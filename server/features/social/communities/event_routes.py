"""``/api/v1/communities/{name}/events``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from server.features.social.communities.event_shapes import (
    AttendanceBody,
    AttendanceQuery,
    AttendeesShape,
    EventChange,
    EventShape,
    EventsQuery,
    EventsShape,
    MadeEvent,
    NewEvent,
)
from server.features.social.communities.events import Events
from server.features.social.communities.icalendar import CalendarEvent, calendar
from server.features.social.communities.routes import NAMED, ONE, TAG, viewer_of
from server.http.limits import CallRate
from server.http.operation import NAME, UUID, Answer, Call, MediaType, Operation
from server.http.own_address import OwnAddress, OwnAddresses
from storage.postgres import Row

EVENT: Final = {"name": NAME, "event_id": UUID}
CALENDAR: Final = "text/calendar"
CALENDAR_RATE: Final = CallRate("calendar", per_s=2.0, burst=60)
"""Of an address."""


class EventRoutes:
    def __init__(self, *, events: Events, addresses: OwnAddresses, rate: CallRate) -> None:
        self._events = events
        self._addresses = addresses
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        every, one = f"{ONE}/events", f"{ONE}/events/{{event_id}}"
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "account_rate": self._rate}
        seen: dict[str, Any] = {
            "method": "GET", "tag": TAG, "auth": "optional", "problems": frozenset({403, 404}),
        }  # fmt: skip
        ics: dict[str, Any] = {
            **seen, "answers": {200: MediaType(media_type=CALENDAR, description="RFC 5545")}, "rate": CALENDAR_RATE,
        }  # fmt: skip
        return [
            Operation(
                path=every, handler=self._list, name="listEventsOfCommunity", paths=NAMED, query=EventsQuery,
                summary="Events of a community", answers={200: EventsShape}, **seen,
            ),
            Operation(
                method="POST", path=every, handler=self._make, name="makeCommunityEvent", paths=NAMED, body=NewEvent,
                summary="Announce an event of your community", answers={201: MadeEvent}, idempotent_key=True,
                problems=frozenset({403, 404, 409}), **mine,
            ),
            Operation(
                path=f"{ONE}/events.ics", handler=self._calendar, name="getCalendarOfCommunity", paths=NAMED,
                summary="The calendar of a community, to subscribe to", **ics,
            ),
            Operation(
                path=f"{one}.ics", handler=self._entry, name="getCalendarEntry", paths=EVENT,
                summary="An event as a calendar entry", **ics,
            ),
            Operation(
                path=one, handler=self._one, name="getCommunityEvent", paths=EVENT, summary="An event",
                answers={200: EventShape}, **seen,
            ),
            Operation(
                method="PATCH", path=one, handler=self._change, name="changeCommunityEvent", paths=EVENT,
                body=EventChange, summary="Change an event of your community", answers={200: EventShape},
                problems=frozenset({403, 404, 409}), **mine,
            ),
            Operation(
                method="DELETE", path=one, handler=self._remove, name="deleteCommunityEvent", paths=EVENT,
                summary="Call an event of your community off", answers={204: None}, problems=frozenset({403, 404}),
                **mine,
            ),
            Operation(
                path=f"{one}/attendance", handler=self._attendees, name="listAttendees", paths=EVENT,
                query=AttendanceQuery, summary="Who goes to an event, or may", answers={200: AttendeesShape}, **seen,
            ),
            Operation(
                method="PUT", path=f"{one}/attendance", handler=self._answer, name="attend", paths=EVENT,
                body=AttendanceBody, body_required=False, summary="Say whether you go; without a body: you do",
                answers={204: None}, problems=frozenset({403, 404, 409}), **mine,
            ),
            Operation(
                method="DELETE", path=f"{one}/attendance", handler=self._take_back, name="takeAttendanceBack",
                paths=EVENT, summary="Take your answer to an event back", answers={204: None},
                problems=frozenset({403, 404, 409}), **mine,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, EventsQuery]) -> Answer:
        query = call.query
        items, following = await self._events.page(
            viewer_of(call), call.path["name"], is_past=query.past, cursor=query.cursor, limit=query.limit
        )
        return Answer(body=EventsShape(items=items, next=following))

    async def _make(self, call: Call[NewEvent, None]) -> Answer:
        return Answer(201, MadeEvent(event=await self._events.make(call.me.id, call.path["name"], call.body)))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._events.one(viewer_of(call), call.path["name"], call.path["event_id"]))

    async def _change(self, call: Call[EventChange, None]) -> Answer:
        given = call.body.model_dump(exclude_unset=True)
        return Answer(body=await self._events.change(call.me.id, call.path["name"], call.path["event_id"], given))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._events.remove(call.me.id, call.path["name"], call.path["event_id"])
        return Answer(204)

    async def _attendees(self, call: Call[None, AttendanceQuery]) -> Answer:
        query = call.query
        items, following = await self._events.attendees(
            viewer_of(call),
            call.path["name"],
            call.path["event_id"],
            state=query.state,
            cursor=query.cursor,
            limit=query.limit,
        )
        return Answer(body=AttendeesShape(items=items, next=following))

    async def _answer(self, call: Call[AttendanceBody | None, None]) -> Answer:
        state = (call.body or AttendanceBody()).state
        await self._events.answer(call.me.id, call.path["name"], call.path["event_id"], state)
        return Answer(204)

    async def _take_back(self, call: Call[None, None]) -> Answer:
        await self._events.answer(call.me.id, call.path["name"], call.path["event_id"], None)
        return Answer(204)

    async def _calendar(self, call: Call[None, None]) -> web.StreamResponse:
        community, events = await self._events.calendar(viewer_of(call), call.path["name"])
        return self._written(call, community, events)

    async def _entry(self, call: Call[None, None]) -> web.StreamResponse:
        community, event = await self._events.row(viewer_of(call), call.path["name"], call.path["event_id"])
        return self._written(call, community, [event])

    def _written(self, call: Call[None, None], community: Row, events: Sequence[Row]) -> web.StreamResponse:
        here = self._addresses.of(call.request)
        text = calendar(community["title"], [_entry_of(one, community["name"], here) for one in events])
        shared = "public" if community["access"] == "open" and call.person is None else "private"
        headers = {"Content-Type": f"{CALENDAR}; charset=utf-8", "Cache-Control": f"{shared}, max-age=60"}
        return web.Response(body=text.encode(), headers=headers)


def _entry_of(row: Row, community: str, here: OwnAddress) -> CalendarEvent:
    return CalendarEvent(
        uid=f"{row['id']}@{here.host}",
        title=row["title"],
        description=row["description"],
        place=row["place"],
        url=f"{here.origin}/c/{community}/events/{row['id']}",
        time_zone=row["time_zone"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        revision=row["revision"],
    )
