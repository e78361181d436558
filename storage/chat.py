"""The log of every chat room: appended in groups, durable before any client sees it, read in order of offset.

``PostgresChatLog`` is the only writer of messages. Callers submit entries; while one commit runs, and for as long again
if few wait (a commit costs much the same for one row and for fifty), entries gather, and the next statement takes up to
500 of them whatever their rooms. The statement itself allocates the offsets, so an offset exists
only together with its row: none is skipped and none is used twice, whatever fails.
"""

from __future__ import annotations

import asyncio
import collections
import time
from collections.abc import Sequence
from typing import Final

from actors.chat_log import Appended, ChatEntry
from actors.events import ChatMessage, ChatUser, DeletedMessage, LoggedMessage
from actors.runtime.errors import DomainError, MailboxFull
from storage.chat_mentions import MENTION_SQL, ChatMentioned
from storage.conversation_facts import ConversationMessage
from storage.errors import BadValue, Conflict, Fenced, StorageError, Unavailable
from storage.facts import name_of
from storage.ids import is_uuid
from storage.postgres import Database, Reads, Row

MAX_ROWS: Final = 500
MAX_WAITING: Final = 10_000
ENOUGH_ROWS: Final = 100
MAX_REST_S: Final = 0.003
PAGE: Final = 500
MAX_READS: Final = 6
READ_S: Final = 10.0
THREAD: Final = 200
MAX_DEPTH: Final = 50
"""Of replies to replies that are followed, up and down."""


class UnknownRoom(StorageError, DomainError):
    """There is no such room."""

    def __init__(self, room_id: str) -> None:
        DomainError.__init__(self, "not_found", "There is no such room.", field="room_id")


class UnknownReply(StorageError, DomainError):
    """``reply_to`` names no message of the room."""

    def __init__(self, message_id: str | None) -> None:
        DomainError.__init__(self, "not_found", "There is no such message to reply to.", field="reply_to")


class LogFull(StorageError, MailboxFull):
    """Too many entries wait for the log."""

    def __init__(self, retry_after_s: float) -> None:
        MailboxFull.__init__(self, "chat log", retry_after_s=retry_after_s)

    def __str__(self) -> str:
        return f"the chat log is behind: try again in {self.retry_after_s:.1f} s"


_Waiting = tuple[ChatEntry, "asyncio.Future[Appended]"]


class PostgresChatLog:
    """The group commit of one node, and the reads. Created and closed inside the event loop that uses it."""

    def __init__(
        self,
        *,
        db: Database,
        max_waiting: int = MAX_WAITING,
        max_rows: int = MAX_ROWS,
        deadline_s: float = 5.0,
        max_reads: int = MAX_READS,
    ) -> None:
        """``max_reads`` pages are read at once, the others wait: clients that ask for history without end must not hold
        every connection that appends, and all the rest, need too.
        """
        self._db = db
        self._new_future = asyncio.get_running_loop().create_future  # to ask for the loop is a system call
        self._appends = db.dedicated(PLANNED_ONCE)
        self._reads = asyncio.Semaphore(max_reads)
        self._max_waiting = max_waiting
        self._max_rows = max_rows
        self._deadline_s = deadline_s
        self._waiting: collections.deque[_Waiting] = collections.deque()
        self._writer: asyncio.Task[None] | None = None
        self._is_closed = False

    async def open(self) -> None:
        """Makes the log's own connection, so that a server that has none left later does not keep it from writing.
        Raises ``Unavailable``.
        """
        await self._appends.open()

    def submit(self, entry: ChatEntry) -> asyncio.Future[Appended]:
        """Queue an entry and return the future of its outcome, at once. Entries keep the order of the calls.

        Raises ``LogFull`` when the queue is full, ``Unavailable`` after ``close``, and ``UnknownReply`` for a
        ``reply_to`` that is no id. The future ends with ``Fenced``, ``UnknownRoom``, ``UnknownReply``, ``BadValue`` or
        ``Conflict`` (no such user) for that entry alone, or with ``Unavailable`` for all that were in hand, after which
        the same ``client_id`` may be sent again.
        """
        if self._is_closed:
            raise Unavailable("chat log", "it is closed")
        if entry.reply_to is not None and not is_uuid(entry.reply_to):
            raise UnknownReply(entry.reply_to)
        if len(self._waiting) >= self._max_waiting:
            raise LogFull(retry_after_s=0.5)
        outcome: asyncio.Future[Appended] = self._new_future()
        self._waiting.append((entry, outcome))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="chat-log")
        return outcome

    async def append(self, entry: ChatEntry) -> Appended:
        """``submit`` and wait. Cancelling the wait does not take the entry back."""
        return await self.submit(entry)

    async def close(self) -> None:
        """Take no more entries and wait until every waiting one has its outcome."""
        self._is_closed = True
        if self._writer is not None:
            await asyncio.shield(self._writer)
        await self._appends.close()

    async def _write(self) -> None:
        """Commit until nothing waits. The task lives only while there is work. It begins a turn of the loop after the
        first entry, so that those of the same burst share the first statement."""
        try:
            while self._waiting:
                began = time.monotonic()
                count = min(self._max_rows, len(self._waiting))
                await self._settle([self._waiting.popleft() for _ in range(count)])
                if len(self._waiting) < ENOUGH_ROWS and not self._is_closed:
                    await asyncio.sleep(min(time.monotonic() - began, MAX_REST_S))
        finally:
            self._writer = None

    async def _settle(self, batch: Sequence[_Waiting]) -> None:
        """Write a batch and give each entry its outcome. One bad entry is found by halving, and refused alone."""
        try:
            outcomes = await self._insert([entry for entry, _ in batch])
        except (Conflict, BadValue, ValueError, TypeError, OverflowError) as error:
            if len(batch) == 1:
                _fail(batch, error if isinstance(error, StorageError) else BadValue(str(error)))
                return
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
        except StorageError as error:
            _fail(batch, error)
        except asyncio.CancelledError:
            _fail([*batch, *self._waiting], Unavailable("chat log", "it was stopped"))
            self._waiting.clear()
            raise
        else:
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                _resolve(future, outcome)

    async def _insert(self, entries: Sequence[ChatEntry]) -> list[Appended | StorageError]:
        # One document costs half of what a list for each column does: the driver looks twice at each item of a list.
        rows = await self._appends.fetch(APPEND, entries, timeout_s=self._deadline_s)
        return [_outcome(entry, row) for entry, row in zip(entries, rows, strict=True)]

    async def history(self, room_id: str, *, before: int | None = None, limit: int = 50) -> list[LoggedMessage]:
        """The ``limit`` messages under the offset ``before`` (exclusive; the newest without it), ascending."""
        top = before if before is not None else 2**62
        rows = await self._page(_SELECT + _BEFORE, room_id, top, min(limit, PAGE))
        return [_message(row) for row in reversed(rows)]

    async def last(self, room_id: str, limit: int) -> list[LoggedMessage]:
        """The newest ``limit`` messages, ascending."""
        return await self.history(room_id, limit=limit)

    async def since(self, room_id: str, offset: int, *, limit: int = PAGE) -> list[LoggedMessage]:
        """The first ``limit`` messages above ``offset``, ascending."""
        rows = await self._page(_SELECT + _SINCE, room_id, offset, min(limit, PAGE))
        return [_message(row) for row in rows]

    async def between(self, room_id: str, *, from_ms: int, to_ms: int, limit: int = PAGE) -> list[LoggedMessage]:
        """Messages whose place in the broadcast lies in ``[from_ms, to_ms)`` of media time, in order of offset."""
        rows = await self._page(_SELECT + _BETWEEN, room_id, from_ms, to_ms, min(limit, PAGE))
        return [_message(row) for row in rows]

    async def _page(self, sql: str, *args: object) -> list[Row]:
        """Raises ``Unavailable`` when its turn and its rows have not come within ``READ_S`` seconds."""
        try:
            async with asyncio.timeout(READ_S), self._reads:
                return await self._db.fetch(sql, *args)
        except TimeoutError:
            raise Unavailable("chat log", "too many read it at once") from None

    async def find(self, room_id: str, user_id: str, client_id: str) -> Appended | None:
        """What the person's ``client_id`` stands for in the room, if it was used."""
        row = await self._db.fetchrow(_FIND, room_id, user_id, client_id)
        return None if row is None else Appended(id=row["id"], offset=row["offset"], is_duplicate=True)

    async def message(self, room_id: str, message_id: str) -> LoggedMessage | None:
        """One message by its id."""
        if not is_uuid(message_id):
            return None
        row = await self._db.fetchrow(_SELECT + _BY_ID, room_id, message_id)
        return None if row is None else _message(row)

    async def thread(self, room_id: str, message_id: str) -> list[LoggedMessage]:
        """The message that this one answers in the end, and the first replies to it and to them: at most ``THREAD``,
        ascending. Empty without such a message.
        """
        if not is_uuid(message_id):
            return []
        return [_message(row) for row in await self._page(_THREAD, room_id, message_id, MAX_DEPTH, THREAD)]


async def read_since(where: Reads, room_id: str, offset: int, *, limit: int) -> list[LoggedMessage]:
    """The first ``limit`` messages above ``offset``, ascending."""
    return [_message(row) for row in await where.fetch(_SELECT + _SINCE, room_id, offset, limit)]


def _outcome(entry: ChatEntry, row: Row) -> Appended | StorageError:
    verdict, offset, first_id = row
    if verdict == "new":
        return Appended(id=entry.id, offset=offset)
    if verdict == "old":
        return Appended(id=first_id, offset=offset, is_duplicate=True)
    if verdict == "fenced":
        return Fenced(entry.shard, entry.epoch)
    if verdict == "user":
        return Conflict("chat_messages_user", f"no user {entry.user_id}")
    return UnknownRoom(entry.room_id) if verdict == "room" else UnknownReply(entry.reply_to)


def _resolve(future: asyncio.Future[Appended], outcome: Appended | StorageError) -> None:
    if future.done():
        return
    if isinstance(outcome, StorageError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _fail(batch: Sequence[_Waiting], error: StorageError) -> None:
    for _, future in batch:
        _resolve(future, error)


def _message(row: Row) -> LoggedMessage:
    """A row as clients see it. A deleted message keeps its place and nothing else."""
    if row["is_deleted"]:
        return DeletedMessage(id=row["id"], offset=row["offset"])
    badges = (("owner", row["is_owner"]), ("moderator", row["is_moderator"]), ("vip", row["is_vip"]))
    return ChatMessage(
        id=row["id"],
        offset=row["offset"],
        user=ChatUser(
            id=row["user_id"],
            username=row["username"],
            display_name=row["display_name"],
            badges=tuple(name for name, has in badges if has),
        ),
        text=row["text"],
        sent_at=row["sent_at"],
        media_time_ms=row["media_time_ms"],
        reply_to=row["reply_to"],
        client_id=row["client_id"],
        announcement=row["is_announcement"],
        edited_at=row["edited_at"],
        reactions={emoji: tuple(ids) for emoji, ids in (row["reactions"] or {}).items()},
    )


# Planning costs as much as the rest of an append of a few rows. A plan that is kept must be good for tables of any
# size: each is looked up by key, row by row, whatever the planner knew of it.
PLANNED_ONCE: Final = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}

# One statement a batch. `fence` and `room` take their locks in order of their keys, so writers cannot deadlock; the
# share lock on the shard makes a take-over wait for this commit, and a commit after the take-over sees the new epoch.
# The look-ups are lateral with a limit, which keeps them index look-ups whatever the table's statistics say.
# A message that may mention somebody, or stands in a private room, is a fact as well; the readers' poll finds it, so
# that no commit notifies.
_MENTIONED: Final = name_of(ChatMentioned)
_PRIVATE: Final = name_of(ConversationMessage)
APPEND: Final = f"""
with input as materialized (
    select room_id, shard, epoch, id, user_id, client_id, text, reply_to, sent_at, media_time_ms, is_announcement, n
    from rows from (json_to_recordset($1::json) as (
        room_id uuid, shard smallint, epoch bigint, id uuid, user_id uuid, client_id text, text text, reply_to uuid,
        sent_at timestamptz, media_time_ms bigint, is_announcement boolean)) with ordinality
        as t(room_id, shard, epoch, id, user_id, client_id, text, reply_to, sent_at, media_time_ms, is_announcement, n)
), fence as materialized (
    select shard, epoch from shards where shard = any(array(select distinct shard from input)) order by shard for share
), room as materialized (
    select id, last_offset, is_private from chat_rooms where id = any(array(select distinct room_id from input))
    order by id for update
), judged as materialized (
    select i.*, room.last_offset, room.is_private, first.id as first_id, first."offset" as first_offset,
        case when fence.epoch is distinct from i.epoch then 'fenced'
             when room.id is null then 'room'
             when first.id is not null then 'old'
             when author.id is null then 'user'
             when i.reply_to is not null and parent.id is null then 'reply'
             else 'new' end as verdict
    from input i
    left join fence on fence.shard = i.shard
    left join room on room.id = i.room_id
    left join lateral (select u.id from users u where u.id = i.user_id limit 1) author on true
    left join lateral (
        select m.id, m."offset" from chat_messages m
        where m.user_id = i.user_id and m.room_id = i.room_id and m.client_id = i.client_id limit 1) first on true
    left join lateral (
        select m.id from chat_messages m
        where i.reply_to is not null and m.id = i.reply_to and m.room_id = i.room_id limit 1) parent on true
), ranked as materialized (
    select n, room_id, user_id, client_id, id, last_offset,
        row_number() over (partition by room_id, user_id, client_id order by n) as turn
    from judged where verdict = 'new'
), fresh as materialized (
    select n, room_id, user_id, client_id, id,
        last_offset + row_number() over (partition by room_id order by n) as "offset"
    from ranked where turn = 1
), inserted as (
    insert into chat_messages
        (room_id, "offset", id, user_id, client_id, text, reply_to, sent_at, media_time_ms, is_announcement)
    select j.room_id, fresh."offset", j.id, j.user_id, j.client_id, j.text, j.reply_to, j.sent_at, j.media_time_ms,
        j.is_announcement
    from fresh join judged j on j.n = fresh.n
), mentioned as (
    insert into facts (name, body)
    select '{_MENTIONED}', jsonb_build_object('type', '{_MENTIONED}', 'room_id', j.room_id, 'message_id', j.id)
    from fresh join judged j on j.n = fresh.n where j.text ~ '{MENTION_SQL}' and not j.is_private
), private as (
    insert into facts (name, body)
    select '{_PRIVATE}', jsonb_build_object('type', '{_PRIVATE}', 'room_id', j.room_id, 'message_id', j.id,
        'offset', fresh."offset", 'author_id', j.user_id)
    from fresh join judged j on j.n = fresh.n where j.is_private
), raised as (
    update chat_rooms r set last_offset = top from (select room_id, max("offset") as top from fresh group by room_id) f
    where r.id = f.room_id
)
select case when j.verdict = 'new' and fresh.n is null then 'old' else j.verdict end as verdict,
    coalesce(fresh."offset", j.first_offset, twin."offset") as "offset",
    case when fresh.n is null then coalesce(j.first_id, twin.id) end as first_id
from judged j
left join fresh on fresh.n = j.n
left join fresh twin on j.verdict = 'new' and fresh.n is null
    and twin.room_id = j.room_id and twin.user_id = j.user_id and twin.client_id = j.client_id
order by j.n
"""

REACTIONS: Final = """
select jsonb_object_agg(emoji, ids) from (
    select e.emoji, jsonb_agg(e.person_id order by e.created_at, e.person_id) as ids
    from chat_reactions e join users p on p.id = e.person_id and p.deleted_at is null
    where e.message_id = m.id group by e.emoji) each
"""
"""Of the message ``m``: emoji → the ids of who has reacted with it."""
_SELECT: Final = f"""
select m.id, m."offset", m.user_id, coalesce(u.username, '') as username, coalesce(u.display_name, '') as display_name,
    m.client_id, m.sent_at, m.media_time_ms, m.reply_to, m.is_announcement, m.edited_at, gone.is_deleted,
    case when r.is_private then ({REACTIONS}) end as reactions,
    case when gone.is_deleted then '' else m.text end as text,
    r.owner_id = m.user_id as is_owner,
    exists (select from chat_moderators c where c.room_id = m.room_id and c.user_id = m.user_id) as is_moderator,
    exists (select from chat_vips v where v.room_id = m.room_id and v.user_id = m.user_id) as is_vip
from chat_messages m join chat_rooms r on r.id = m.room_id left join users u on u.id = m.user_id
    and u.deleted_at is null
    cross join lateral (
        select m.deleted_at is not null or u.id is null or m."offset" <= r.cleared_to as is_deleted) gone
where m.room_id = $1
"""
_BEFORE: Final = ' and m."offset" < $2 order by m."offset" desc limit $3'
_SINCE: Final = ' and m."offset" > $2 order by m."offset" limit $3'
_BETWEEN: Final = ' and m.media_time_ms >= $2 and m.media_time_ms < $3 order by m."offset" limit $4'
_BY_ID: Final = " and m.id = $2"
_THREAD: Final = f"""
with recursive up as (
    select id, reply_to, 0 as depth from chat_messages where room_id = $1 and id = $2
    union all
    select m.id, m.reply_to, up.depth + 1 from up
        cross join lateral (select id, reply_to from chat_messages where id = up.reply_to and room_id = $1 limit 1) m
        where up.depth < $3
), down as (
    (select id, 0 as depth from up order by up.depth desc limit 1)
    union all
    select m.id, down.depth + 1 from down
        cross join lateral (select id from chat_messages where room_id = $1 and reply_to = down.id limit $4) m
        where down.depth < $3
), kept as materialized (select id from down limit $4)
{_SELECT} and m.id in (select id from kept) order by m."offset"
"""
_FIND: Final = 'select id, "offset" from chat_messages where room_id = $1 and user_id = $2 and client_id = $3'
