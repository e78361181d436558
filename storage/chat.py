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
from actors.events import LoggedMessage
from actors.runtime.errors import DomainError, MailboxFull
from storage import chat_rows
from storage.chat_append import APPEND
from storage.chat_rows import message_of
from storage.errors import BadValue, Conflict, Fenced, StorageError, Unavailable
from storage.ids import is_uuid
from storage.plans import PLANNED_ONCE
from storage.postgres import Database, Reads, Row

MAX_ROWS: Final = 500
MAX_WAITING: Final = 10_000
ENOUGH_ROWS: Final = 100
MAX_REST_S: Final = 0.003
PAGE: Final = 500
MAX_READS: Final = 6
READ_S: Final = 10.0
MAX_THREAD: Final = 200
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
        rows = await self._page(chat_rows.BEFORE, room_id, top, min(limit, PAGE))
        return [message_of(row) for row in reversed(rows)]

    async def last(self, room_id: str, limit: int) -> list[LoggedMessage]:
        """The newest ``limit`` messages, ascending."""
        return await self.history(room_id, limit=limit)

    async def since(self, room_id: str, offset: int, *, limit: int = PAGE) -> list[LoggedMessage]:
        """The first ``limit`` messages above ``offset``, ascending."""
        rows = await self._page(chat_rows.SINCE, room_id, offset, min(limit, PAGE))
        return [message_of(row) for row in rows]

    async def between(self, room_id: str, *, from_ms: int, to_ms: int, limit: int = PAGE) -> list[LoggedMessage]:
        """Messages whose place in the broadcast lies in ``[from_ms, to_ms)`` of media time, in order of offset."""
        rows = await self._page(chat_rows.BETWEEN, room_id, from_ms, to_ms, min(limit, PAGE))
        return [message_of(row) for row in rows]

    async def _page(self, sql: str, *args: object) -> list[Row]:
        """Raises ``Unavailable`` when its turn and its rows have not come within ``READ_S`` seconds."""
        try:
            async with asyncio.timeout(READ_S), self._reads:
                return await self._db.fetch(sql, *args)
        except TimeoutError:
            raise Unavailable("chat log", "too many read it at once") from None

    async def find(self, room_id: str, user_id: str, client_id: str) -> Appended | None:
        """What the person's ``client_id`` stands for in the room, if it was used."""
        row = await self._db.fetchrow(chat_rows.FIND, room_id, user_id, client_id)
        return None if row is None else Appended(id=row["id"], offset=row["offset"], is_duplicate=True)

    async def message(self, room_id: str, message_id: str) -> LoggedMessage | None:
        """One message by its id."""
        if not is_uuid(message_id):
            return None
        row = await self._db.fetchrow(chat_rows.BY_ID, room_id, message_id)
        return None if row is None else message_of(row)

    async def thread(self, room_id: str, message_id: str) -> list[LoggedMessage]:
        """The message that this one answers in the end, and the first replies to it and to them, ascending: at most
        ``MAX_THREAD``. Empty without such a message.
        """
        if not is_uuid(message_id):
            return []
        return [
            message_of(row) for row in await self._page(chat_rows.THREAD, room_id, message_id, MAX_DEPTH, MAX_THREAD)
        ]


async def read_since(where: Reads, room_id: str, offset: int, *, limit: int) -> list[LoggedMessage]:
    """The first ``limit`` messages above ``offset``, ascending."""
    return [message_of(row) for row in await where.fetch(chat_rows.SINCE, room_id, offset, limit)]


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
