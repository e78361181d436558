"""``/api/v1/tickets`` and ``/api/v1/help``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from server.feature import NO_UUID
from server.features.town.help.articles import Articles, excerpt_of, language_of
from server.features.town.help.shapes import (
    ArticleQuery,
    ArticleShape,
    ArticlesShape,
    FoundArticle,
    HelpQuery,
    MadeNote,
    MadeTicket,
    NewTicket,
    NoteBody,
    NoteShape,
    NotesShape,
    SatisfactionBody,
    TicketChange,
    TicketShape,
    TicketsQuery,
    TicketsShape,
)
from server.features.town.help.tickets import Tickets, shape_of
from server.http.cursors import after_id, decode_cursor, encode_cursor, page_of
from server.http.errors import not_found
from server.http.limits import hourly
from server.http.operation import Answer, Call, Operation, PathFormat
from server.http.shapes import PageQuery

TAG: Final = "help"
TICKET: Final = "/api/v1/tickets/{ticket_id}"
AGENTS: Final = frozenset({"support", "admin"})
ASKING: Final = hourly("tickets", 60)
CHANGING: Final = hourly("ticket_changes", 1_200)
SLUG: Final = {"slug": PathFormat(pattern="^[a-z0-9-]{1,64}$", description="The name of an article", example="go-live")}


class HelpRoutes:
    def __init__(self, *, tickets: Tickets, articles: Articles) -> None:
        self._tickets = tickets
        self._articles = articles

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required"}
        one: dict[str, Any] = {**mine, "account_rate": CHANGING}
        agents: dict[str, Any] = {**one, "roles": AGENTS, "problems": frozenset({403, 404})}
        return [
            Operation(
                method="GET", path="/api/v1/help", handler=self._search, name="searchHelp", tag=TAG, query=HelpQuery,
                answers={200: ArticlesShape}, summary="Search the articles of the help centre",
            ),
            Operation(
                method="GET", path="/api/v1/help/{slug}", handler=self._article, name="getArticle", tag=TAG, paths=SLUG,
                query=ArticleQuery, answers={200: ArticleShape}, problems=frozenset({404}),
                summary="An article, in your language where there is one",
            ),
            Operation(
                method="POST", path="/api/v1/tickets", handler=self._open, name="openTicket", body=NewTicket,
                answers={201: MadeTicket}, problems=frozenset({409}), idempotent_key=True, account_rate=ASKING,
                summary="Ask the support; messages are chat:* in its room_id", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/tickets", handler=self._list, name="listTickets", query=TicketsQuery,
                answers={200: TicketsShape}, summary="Your tickets; to agents everybody's, the newest first", **mine,
            ),
            Operation(
                method="GET", path=TICKET, handler=self._one, name="getTicket", answers={200: TicketShape},
                problems=frozenset({404}), summary="A ticket", **mine,
            ),
            Operation(
                method="PATCH", path=TICKET, handler=self._change, name="changeTicket", body=TicketChange,
                answers={200: TicketShape}, problems=frozenset({403, 404}),
                summary="Change, assign, solve, close or open a ticket again", **one,
            ),
            Operation(
                method="DELETE", path=TICKET, handler=self._remove, name="deleteTicket", answers={204: None},
                problems=frozenset({404}), summary="Remove a ticket with its messages", **one,
            ),
            Operation(
                method="PUT", path=f"{TICKET}/satisfaction", handler=self._rate, name="rateTicket",
                body=SatisfactionBody, answers={200: TicketShape}, problems=frozenset({404, 409}),
                summary="Say how well you were helped", **one,
            ),
            Operation(
                method="GET", path=f"{TICKET}/notes", handler=self._notes, name="listTicketNotes", query=PageQuery,
                answers={200: NotesShape}, summary="What agents note among themselves, the oldest first", **agents,
            ),
            Operation(
                method="POST", path=f"{TICKET}/notes", handler=self._note, name="addTicketNote", body=NoteBody,
                answers={201: MadeNote}, idempotent_key=True, summary="Add a note that only agents see", **agents,
            ),
        ]  # fmt: skip

    async def _search(self, call: Call[None, HelpQuery]) -> Answer:
        query = call.query
        language = query.language or language_of(query.q, call.request.headers.get("Accept-Language", ""))
        start = 0 if query.cursor is None else max(0, decode_cursor(query.cursor, tuple[int, UUID])[0])
        found = self._articles.search(query.q, language)
        items = [
            FoundArticle(slug=one.slug, language=one.language, title=one.title, excerpt=excerpt_of(one))
            for one in found[start : start + query.limit]
        ]
        end = start + query.limit
        return Answer(body=ArticlesShape(items=items, next=encode_cursor((end, NO_UUID)) if end < len(found) else None))

    async def _article(self, call: Call[None, ArticleQuery]) -> Answer:
        language = call.query.language or language_of("", call.request.headers.get("Accept-Language", ""))
        one = self._articles.one(call.path["slug"], language)
        if one is None:
            raise not_found("There is no such article")
        return Answer(body=ArticleShape(slug=one.slug, language=one.language, title=one.title, text=one.text))

    async def _open(self, call: Call[NewTicket, None]) -> Answer:
        return Answer(201, MadeTicket(ticket=await self._tickets.open(call.me.id, call.body)))

    async def _list(self, call: Call[None, TicketsQuery]) -> Answer:
        rows = await self._tickets.page(call.me.id, call.query, is_agent=_is_agent(call))
        shown, following = page_of(rows, call.query.limit, lambda row: (0, row["id"]))
        return Answer(body=TicketsShape(items=[shape_of(row) for row in shown], next=following))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._tickets.one(call.me.id, call.path["ticket_id"], is_agent=_is_agent(call)))

    async def _change(self, call: Call[TicketChange, None]) -> Answer:
        given = {name: getattr(call.body, name) for name in call.body.model_fields_set}
        ticket_id = call.path["ticket_id"]
        return Answer(body=await self._tickets.change(call.me.id, ticket_id, given, is_agent=_is_agent(call)))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._tickets.remove(call.me.id, call.path["ticket_id"], is_agent=_is_agent(call))
        return Answer(204)

    async def _rate(self, call: Call[SatisfactionBody, None]) -> Answer:
        return Answer(body=await self._tickets.rate(call.me.id, call.path["ticket_id"], call.body))

    async def _notes(self, call: Call[None, PageQuery]) -> Answer:
        query, ticket_id = call.query, call.path["ticket_id"]
        await self._tickets.one(call.me.id, ticket_id, is_agent=True)
        rows = await self._tickets.notes(ticket_id, after_id(query.cursor), query.limit + 1)
        shown, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(body=NotesShape(items=[NoteShape.model_validate(dict(row)) for row in shown], next=following))

    async def _note(self, call: Call[NoteBody, None]) -> Answer:
        return Answer(201, MadeNote(note=await self._tickets.note(call.me.id, call.path["ticket_id"], call.body.text)))


def _is_agent(call: Call[Any, Any]) -> bool:
    return bool(AGENTS & set(call.me.roles))
