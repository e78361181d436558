"""What this node knows of who may see which stream, and how it follows the changes.

The rows in Postgres decide. What was read of them is kept, so that a socket or a playlist is judged without waiting.
Every change is a row too, written with it and looked for twice a second, so no node can miss one, whatever becomes of
messages between nodes.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from actors.events import OPEN, StreamView
from actors.restrictions import hidden, too_young, wrong_country
from actors.runtime import ActorError, DomainError
from server.live.viewings import Viewer
from storage.errors import StorageError
from storage.rights import Change, Ruling

MAX_OWNERS: Final = 20_000
MAX_STREAMS: Final = 20_000
MAX_ADMITTED: Final = 200_000
MAX_BIRTH_DATES: Final = 50_000
MAX_PRIVATE_ROOMS: Final = 20_000
POLL_S: Final = 0.5
OVERLAP_S: Final = 10.0
"""A transaction may become visible this long after the time that its row bears."""
FIRST_LOOK_S: Final = 900.0
LOOK_S: Final = 10.0

T = TypeVar("T")

log = logging.getLogger("server.rights")


class RightsRows(Protocol):
    """What is read, each time as it is now. Raises ``Unavailable``."""

    async def ruling(self, owner_id: str) -> Ruling: ...
    async def guests(self, stream_id: str) -> frozenset[str]: ...
    async def holders(self, stream_id: str) -> frozenset[str]: ...
    async def members(self, room_id: str) -> frozenset[str]: ...
    async def admitted(
        self, visibility: str, *, stream_id: str, owner_id: str, ids: Collection[str]
    ) -> frozenset[str]: ...
    async def birth_dates(self, ids: Collection[str]) -> Mapping[str, dt.date | None]: ...
    async def changes(self, *, since_s: float) -> Sequence[Change]: ...
    async def apart(self, person_id: str, others: Collection[str]) -> frozenset[str]: ...


ChangeHandler = Callable[[Change], Awaitable[None]]


class Rights:
    """The memory of one node. Bounded: what was read first is forgotten first, and read again when it is wanted."""

    def __init__(
        self,
        *,
        rows: RightsRows,
        now: Callable[[], dt.datetime],
        poll_s: float = POLL_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rows = rows
        self._now = now
        self._poll_s = poll_s
        self._monotonic = monotonic
        self._owners: OrderedDict[str, Ruling] = OrderedDict()
        self._guests: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._holders: OrderedDict[str, frozenset[str]] = OrderedDict()
        """Of streams that are blocked for a work: who decides about that."""
        self._admitted = _Admitted(MAX_ADMITTED)
        self._birth_dates: OrderedDict[str, dt.date | None] = OrderedDict()
        self._members: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._turn = 0
        self._looked_at: float | None = None
        self._looking = asyncio.Lock()
        self._known: frozenset[int] = frozenset()
        self._unhandled: list[Change] = []
        self._handle: ChangeHandler = _ignore_change
        self._heeds: Sequence[Callable[[Change], None]] = ()
        self._task: asyncio.Task[None] | None = None

    def on_changed(self, heeds: Sequence[Callable[[Change], None]]) -> None:
        """Each is told of a change that has been carried out. Before ``start``; none may raise or wait."""
        self._heeds = heeds

    def start(self, handle: ChangeHandler) -> None:
        """Follow the changes from here on. ``handle`` is called for each, and again at the next look when it raises."""
        self._handle = handle
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="follow rights")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    # judging

    def may_see(self, view: StreamView, viewer: Viewer) -> bool | None:
        """Whether this viewer may know of the stream; None when ``read`` must come first."""
        is_let_in = self._lets_in(view, viewer.id)
        return self._is_for(view, viewer) if is_let_in else is_let_in

    def _is_for(self, view: StreamView, viewer: Viewer) -> bool | None:
        """Whether its restrictions leave a stream to one who is let in; None: ``read`` first, then ask ``admitted``."""
        restrictions = view.restrictions
        if restrictions.claimed and viewer.id is not None and viewer.id != view.owner.id:
            holders = self._holders.get(view.id)
            if holders is None:
                return None
            restrictions = msgspec.structs.replace(restrictions, claimed=viewer.id not in holders)
        if not restrictions.refuses_any or viewer.id == view.owner.id:
            return True
        if restrictions.is_hidden or not restrictions.is_for_country(viewer.country):
            return False
        if restrictions.min_age is None:
            return True
        if viewer.id is not None and viewer.id not in self._birth_dates:
            return None
        birth_date = self._birth_dates.get(viewer.id or "")
        return restrictions.is_for_age(birth_date, self._now().date())

    def _lets_in(self, view: StreamView, viewer_id: str | None) -> bool | None:
        ruling = self._owners.get(view.owner.id)
        if ruling is None:
            return None
        if self._hides(ruling):
            return False
        if viewer_id == view.owner.id:
            return True
        if viewer_id in ruling.barred:
            return False
        if view.visibility in OPEN:
            return True
        guests = self._guests.get(view.id)
        if guests is None:
            return None
        if viewer_id in guests:
            return True
        if viewer_id is None or view.visibility == "private":
            return False
        return True if self._admitted.holds(_admitting(view), viewer_id) else None

    def refusal(self, view: StreamView, viewer: Viewer) -> DomainError:
        """Why a viewer whom ``judge`` has refused may not see the stream: ``not_found`` where they may not know of it,
        ``password_required`` where they may once they have given its password, else what ``restrictions`` has.
        """
        if self._lets_in(view, viewer.id):
            if view.restrictions.is_hidden:
                return hidden(view.restrictions)
            is_country = not view.restrictions.is_for_country(viewer.country)
            return wrong_country() if is_country else too_young(view.restrictions.min_age or 0)
        if self._asks_password(view, viewer.id):
            return DomainError("password_required", "This stream has a password.", field="stream_id")
        return DomainError("not_found", "There is no such stream.", field="stream_id")

    def _asks_password(self, view: StreamView, viewer_id: str | None) -> bool:
        ruling = self._owners.get(view.owner.id)
        is_let_ask = ruling is not None and not self._hides(ruling) and viewer_id not in ruling.barred
        return is_let_ask and view.visibility == "password"

    def _hides(self, ruling: Ruling) -> bool:
        return ruling.hidden_until is not None and ruling.hidden_until > self._now()

    async def read(self, view: StreamView) -> None:
        """Know what judges this stream. Raises ``Unavailable``."""
        if view.owner.id not in self._owners:
            ruling = await self._unchanged(lambda: self._rows.ruling(view.owner.id))
            _keep(self._owners, view.owner.id, ruling, MAX_OWNERS)
        if view.id not in self._guests:  # of public streams too: they may become private in a moment
            guests = await self._unchanged(lambda: self._rows.guests(view.id))
            _keep(self._guests, view.id, guests, MAX_STREAMS)
        if self._lacks_holders(view):
            holders = await self._unchanged(lambda: self._rows.holders(view.id))
            _keep(self._holders, view.id, holders, MAX_STREAMS)

    def _lacks_holders(self, view: StreamView) -> bool:
        return view.restrictions.claimed and view.id not in self._holders

    async def _unchanged(self, read: Callable[[], Awaitable[T]]) -> T:
        """What is read, with no change seen meanwhile: else it may be older than the change."""
        while True:
            turn = self._turn
            found = await read()
            if turn == self._turn:
                return found

    async def judge(self, view: StreamView, viewer: Viewer) -> bool:
        """As ``may_see``, reading what is not known."""
        while (verdict := self.may_see(view, viewer)) is None:
            if view.owner.id not in self._owners or view.id not in self._guests or self._lacks_holders(view):
                await self.read(view)
            else:
                return viewer in await self.admitted(view, [viewer])
        return verdict

    async def admitted(self, view: StreamView, viewers: Collection[Viewer]) -> frozenset[Viewer]:
        """Those of the viewers, of whom it is not known, who may see the stream. ``read`` must have come first.

        Whom its visibility admits is remembered. Others are not, so that nobody must be told when they begin to follow.
        Raises ``Unavailable``.
        """
        ids = {viewer.id for viewer in viewers if viewer.id is not None}
        asked = {each for each in ids if self._lets_in(view, each) is None}
        found = await self._unchanged(lambda: self._read_admitted(view, asked)) if asked else frozenset()
        self._admitted.add(_admitting(view), found)
        if view.restrictions.min_age is not None:
            await self._read_birth_dates(ids)
        return frozenset(
            one for one in viewers if (one.id in found or self._lets_in(view, one.id)) and self._is_for(view, one)
        )

    async def _read_admitted(self, view: StreamView, ids: Collection[str]) -> frozenset[str]:
        return await self._rows.admitted(view.visibility, stream_id=view.id, owner_id=view.owner.id, ids=ids)

    async def _read_birth_dates(self, ids: Collection[str]) -> None:
        wanted = [each for each in ids if each not in self._birth_dates]
        found = await self._unchanged(lambda: self._rows.birth_dates(wanted)) if wanted else {}
        for each in wanted:
            _keep(self._birth_dates, each, found.get(each), MAX_BIRTH_DATES)

    def known_members(self, room_id: str) -> frozenset[str] | None:
        """Who may read this private room; None when ``members`` must come first."""
        return self._members.get(room_id)

    async def members(self, room_id: str) -> frozenset[str]:
        """Who may read this private room. Raises ``Unavailable``."""
        members = self._members.get(room_id)
        if members is None:
            members = await self._unchanged(lambda: self._rows.members(room_id))
            _keep(self._members, room_id, members, MAX_PRIVATE_ROOMS)
        return members

    def known_blocked(self, person_id: str) -> frozenset[str] | None:
        """Whom this person blocks; None when ``blocked`` must come first."""
        ruling = self._owners.get(person_id)
        return None if ruling is None else ruling.barred

    async def blocked(self, person_id: str) -> frozenset[str]:
        """Whom this person blocks. Raises ``Unavailable``."""
        if (known := self.known_blocked(person_id)) is not None:
            return known
        ruling = await self._unchanged(lambda: self._rows.ruling(person_id))
        _keep(self._owners, person_id, ruling, MAX_OWNERS)
        return ruling.barred

    async def is_deleted(self, user_id: str) -> bool:
        return (await self._unchanged(lambda: self._rows.ruling(user_id))).is_deleted

    async def apart(self, person_id: str, others: Collection[str]) -> frozenset[str]:
        """Those of ``others`` who block the person or are blocked by the person. Raises ``Unavailable``."""
        return await self._rows.apart(person_id, others)

    # following

    async def look(self) -> None:
        """Read what has changed since the last look. A request that has changed something looks at once."""
        async with self._looking:
            at = self._monotonic()
            since_s = FIRST_LOOK_S if self._looked_at is None else at - self._looked_at + OVERLAP_S
            changes = await self._rows.changes(since_s=since_s)
            fresh = [change for change in changes if change.seq not in self._known]
            self._looked_at, self._known = at, frozenset(change.seq for change in changes)
            for change in fresh:
                self._forget(change)
            await self._tell([*self._unhandled, *fresh])

    async def heed(self) -> None:
        """``look``, for a request that has changed something and is done: if it fails now, the next look will do."""
        try:
            await self.look()
        except (StorageError, ActorError) as error:
            log.info("a change of rights is heard of at the next look: %s", error)

    def _forget(self, change: Change) -> None:
        self._turn += 1
        if change.kind == "stream":
            self._guests.pop(change.subject_id, None)
            self._holders.pop(change.subject_id, None)
            self._admitted.forget(change.subject_id)
        elif change.kind == "follow":
            self._admitted.discard(change.subject_id, change.other_id or "")
        elif change.kind == "subscription":
            self._admitted.discard(_subscribers_of(change.subject_id), change.other_id or "")
        elif change.kind == "room":
            self._members.pop(change.subject_id, None)
        elif change.kind != "name":
            self._owners.pop(change.subject_id, None)
            self._birth_dates.pop(change.subject_id, None)

    async def _tell(self, changes: Sequence[Change]) -> None:
        self._unhandled = list(changes)
        for change in changes:
            try:
                await self._handle(change)
            except (ActorError, DomainError, StorageError) as error:
                log.info("a change of rights is carried out at the next look: %s", error)
            else:
                self._unhandled.remove(change)
                for heed in self._heeds:
                    heed(change)

    async def _follow(self) -> None:
        is_failing = False
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self.look()
                is_failing = False
            except (StorageError, ActorError, TimeoutError) as error:
                if not is_failing:
                    log.warning("changes of rights cannot be followed: %s", error)
                is_failing = True
            await asyncio.sleep(self._poll_s)


class _Admitted:
    """Who was admitted by an owner (as a follower or subscriber) or by a stream (by its password); at most ``limit``
    persons.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._of: OrderedDict[str, set[str]] = OrderedDict()

    def holds(self, subject_id: str, person_id: str) -> bool:
        return person_id in self._of.get(subject_id, ())

    def add(self, subject_id: str, person_ids: Collection[str]) -> None:
        held = self._of.setdefault(subject_id, set())
        self._of.move_to_end(subject_id)
        self._count += len(set(person_ids) - held)
        held.update(person_ids)
        while self._count > self._limit:
            self.forget(next(iter(self._of)))

    def discard(self, subject_id: str, person_id: str) -> None:
        held = self._of.get(subject_id, set())
        if person_id in held:
            held.remove(person_id)
            self._count -= 1

    def forget(self, subject_id: str) -> None:
        self._count -= len(self._of.pop(subject_id, ()))


def _admitting(view: StreamView) -> str:
    """Of whom it is remembered whom they have admitted: the owner as to followers, as to subscribers, or the stream."""
    if view.visibility == "subscribers":
        return _subscribers_of(view.owner.id)
    return view.owner.id if view.visibility == "followers" else view.id


def _subscribers_of(owner_id: str) -> str:
    return f"{owner_id} subscribers"


def _keep(where: OrderedDict[str, T], key: str, value: T, limit: int) -> None:
    where[key] = value
    if len(where) > limit:
        where.popitem(last=False)


async def _ignore_change(change: Change) -> None:
    """Before ``start``."""
