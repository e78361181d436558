"""``/api/v1/me/chat-filter`` and ``/api/v1/admin/chat-filter``: what may not be written in rooms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from actors.chat_messages import RenewScreen
from actors.chat_rules import MAX_TEXT, clean_text
from actors.events import Broadcast, FilterChanged
from actors.runtime import Node
from actors.screening import MAX_HOSTS, MAX_WORDS, Action, BannedWord, ChatFilter, Reason, host_of, is_word
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Shape, Text
from storage.audit import AuditLog
from storage.chat_filters import SERVER, ChatFilters, write_filter
from storage.postgres import Database

TAG: Final = "chat"
MAX_BODY: Final = 512 * 1024
MAX_ACTORS: Final = 1_000_000
TRIES: Final = CallRate("chat_filter_tries", per_s=0.5, burst=20)
_HOST: Final = re.compile(r"(?:[\w-]{1,63}\.)+[\w-]{2,63}")


def _word(text: str) -> str:
    if not is_word(text):
        raise ValueError("A word has at least one letter, and is up to 8 words with spaces between them")
    return text


def _host(text: str) -> str:
    host = host_of(text.rpartition("//")[2].partition("/")[0])
    if not _HOST.fullmatch(host):
        raise ValueError("A host is a name such as example.org")
    return host


class WordShape(Body):
    text: Annotated[Text, Field(min_length=1, max_length=64), AfterValidator(_word)]
    action: Action = "refuse"


class LinksShape(Body):
    """``allowed``: hosts, with their subdomains. ``action`` for links to others; null: none."""

    allowed: list[Annotated[Text, Field(max_length=253), AfterValidator(_host)]] = Field(
        default_factory=list, max_length=MAX_HOSTS
    )
    action: Action | None = None


class FilterShape(Body):
    """``refuse`` or ``hold`` for a moderator; null: nothing is done."""

    words: list[WordShape] = Field(default_factory=list, max_length=MAX_WORDS)
    links: LinksShape = LinksShape()
    repeats: Action | None = None
    capitals: Action | None = None


class TriedShape(Body):
    """``filter``: to judge by in place of the one that is set."""

    text: Annotated[Text, Field(min_length=1, max_length=MAX_TEXT)]
    filter: FilterShape | None = None


class VerdictShape(Shape):
    """``reason``: the rule that refuses or holds it."""

    action: Literal["allow", "refuse", "hold"]
    reason: Reason | None = None


class FilterRoutes:
    """Reads and sets filters, and has the rooms of all nodes renew what they screen by."""

    def __init__(self, *, db: Database, filters: ChatFilters, audit: AuditLog, broadcast: Broadcast) -> None:
        self._db = db
        self._filters = filters
        self._audit = audit
        self._broadcast = broadcast

    def operations(self) -> Sequence[Operation]:
        admins = frozenset({"admin"})
        return [
            Operation(
                method="GET", path="/api/v1/me/chat-filter", handler=self._mine, name="getChatFilter", tag=TAG,
                summary="What may not be written in your rooms", answers={200: FilterShape}, auth="required",
            ),
            Operation(
                method="PUT", path="/api/v1/me/chat-filter", handler=self._set_mine, name="setChatFilter", tag=TAG,
                summary="Set what may not be written in your rooms", body=FilterShape, answers={200: FilterShape},
                auth="required", max_body=MAX_BODY,
            ),
            Operation(
                method="POST", path="/api/v1/me/chat-filter/try", handler=self._try_mine, name="tryChatFilter", tag=TAG,
                summary="What your filter and the server's make of a message", body=TriedShape,
                answers={200: VerdictShape}, auth="required", max_body=MAX_BODY, account_rate=TRIES,
            ),
            Operation(
                method="POST", path="/api/v1/admin/chat-filter/try", handler=self._try_servers,
                name="tryServerChatFilter", tag="admin", summary="What the server's filter makes of a message",
                body=TriedShape, answers={200: VerdictShape}, auth="required", roles=admins, max_body=MAX_BODY,
                account_rate=TRIES,
            ),
            Operation(
                method="GET", path="/api/v1/admin/chat-filter", handler=self._servers, name="getServerChatFilter",
                tag="admin", summary="What may not be written in any room", answers={200: FilterShape}, auth="required",
                roles=admins,
            ),
            Operation(
                method="PUT", path="/api/v1/admin/chat-filter", handler=self._set_servers, name="setServerChatFilter",
                tag="admin", summary="Set what may not be written in any room", body=FilterShape,
                answers={200: FilterShape}, auth="required", roles=admins, max_body=MAX_BODY,
            ),
        ]  # fmt: skip

    async def _mine(self, call: Call[None, None]) -> Answer:
        return Answer(200, _shape(await self._filters.read(call.me.id)))

    async def _servers(self, call: Call[None, None]) -> Answer:
        return Answer(200, _shape(await self._filters.read(SERVER)))

    async def _try_mine(self, call: Call[TriedShape, None]) -> Answer:
        return await self._try(call.body, call.me.id)

    async def _try_servers(self, call: Call[TriedShape, None]) -> Answer:
        return await self._try(call.body, SERVER)

    async def _try(self, tried: TriedShape, owner_id: str) -> Answer:
        """As a room judges it: the text cleaned. Raises ``DomainError`` for a text that no room takes."""
        text = clean_text(tried.text)
        if tried.filter is None:
            screen = await self._filters.screen(owner_id)
        else:
            screen = await self._filters.screen_with(_filter(tried.filter), owner_id)
        verdict = screen.judge(text)
        return Answer(200, VerdictShape(action=verdict.action, reason=verdict.reason))

    async def _set_mine(self, call: Call[FilterShape, None]) -> Answer:
        return await self._set(call, call.me.id)

    async def _set_servers(self, call: Call[FilterShape, None]) -> Answer:
        return await self._set(call, SERVER)

    async def _set(self, call: Call[FilterShape, None], owner_id: str) -> Answer:
        chat_filter = _filter(call.body)
        async with self._db.transaction() as tx:
            await write_filter(tx, owner_id, chat_filter)
            detail = {"words": len(chat_filter.words)}
            await self._audit.add(
                tx, "chat.filter", actor_id=call.me.id, subject=owner_id, ip=call.address, detail=detail
            )
        self._broadcast(FilterChanged(owner_id=None if owner_id == SERVER else owner_id))
        return Answer(200, _shape(chat_filter))


def renewal(node: Node) -> Any:
    """What a node does when a filter has changed: its rooms read theirs again."""

    def renew(event: FilterChanged) -> None:
        for info in node.actors(kind="chat", most=MAX_ACTORS):
            node.ref(info.id.kind, info.id.key).tell(RenewScreen(owner_id=event.owner_id))

    return renew


def _filter(shape: FilterShape) -> ChatFilter:
    return ChatFilter(
        words=tuple(BannedWord(text=word.text, action=word.action) for word in shape.words),
        allowed_hosts=tuple(shape.links.allowed),
        link_action=shape.links.action,
        repeats=shape.repeats,
        capitals=shape.capitals,
    )


def _shape(chat_filter: ChatFilter) -> FilterShape:
    return FilterShape(
        words=[WordShape(text=word.text, action=word.action) for word in chat_filter.words],
        links=LinksShape(allowed=list(chat_filter.allowed_hosts), action=chat_filter.link_action),
        repeats=chat_filter.repeats,
        capitals=chat_filter.capitals,
    )
