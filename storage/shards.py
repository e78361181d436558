"""Who owns which shard: a lease in Redis says who should act, an epoch in Postgres whose writes count.

A lease is live while its holder is a member. What is true of a shard on this node:

    elsewhere   another live node holds the lease
    nobody's    no live node holds it                      → mine, if this node is the one to have it
    mine        this node holds the lease, no epoch yet    → held
    held        this node serves it under an epoch         → moving, or elsewhere when it was lost
    moving      its actors are being handed back           → elsewhere, or held again if nobody took it

Taking goes: read the epoch, win the lease, raise the epoch if it is still the one that was read, serve. Each heartbeat
brings the table of leases, and all that follows from it is done here; an answer that was lost is made up for by the
next table. Without Redis nobody can take over, so what is held stays held.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from math import log as ln
from typing import Any, Final, NamedTuple, Protocol

from actors.runtime import SHARDS, ActorId, Clock, Placement, shard_of
from actors.runtime.errors import Unavailable
from storage.errors import StorageError
from storage.leases import ShardEpoch
from storage.members import SILENT_AFTER_S, Holder, Keys, Member, Scripts, View
from storage.redis import Script
from storage.wakeup import Wakeup

log = logging.getLogger(__name__)

NODE_KIND: Final = "node"
"""Actors of this kind live on the node that their key names."""
ROLE: Final = "actors"
MOST_MOVING: Final = 4
"""Shards on their way at once from one node: what an heir has to load at a time delays what is said there."""
SERVED_S: Final = 1.0
"""How long an heir that has a shard's lease is waited for to say that it serves it, before the next one goes."""
FIND_S: Final = 3.0
RELEASE_S: Final = 5.0
COMPARE_S: Final = 5.0
RETRY_S: Final = 0.25


class Epochs(Protocol):
    """The side of the leases that outlives Redis. Raises ``StorageError``."""

    async def read(self, shards: Sequence[int]) -> dict[int, ShardEpoch]: ...

    async def raise_from(self, epochs: Mapping[int, int], node: str) -> dict[int, int]: ...


class Move(NamedTuple):
    """A shard's lease went to ``to``; ``version`` is the table's from then on."""

    shard: int
    to: Holder
    version: int


NOTHING: Final = View({}, {}, 0, 0.0)
Release = Callable[[int, float], Awaitable[None]]
"""Hands the actors of a shard back within so many seconds: they write back, and go. 0: they just go."""


class Shards:
    """The directory of one node. ``start`` once it has joined, ``see`` each heartbeat's view, ``stop`` last.

    ``broadcast`` tells the other nodes of moves, ``served`` of the shards that were taken, ``refresh`` has a heartbeat
    soon; all at once, on the event loop. ``moved`` hears, a turn later, which shards have another owner or are served
    under another epoch, as far as this node knows: what their actors were told before may be lost.
    ``young_s``: for how long after Redis was found empty other nodes may still have to say what they hold.
    """

    def __init__(
        self,
        *,
        me: Holder,
        keys: Keys,
        redis: Scripts,
        epochs: Epochs,
        clock: Clock,
        release: Release,
        broadcast: Callable[[Sequence[Move]], None],
        served: Callable[[Sequence[int]], None] = lambda _: None,
        moved: Callable[[Collection[int]], None] = lambda _: None,
        refresh: Callable[[], None],
        silent_after_s: float = SILENT_AFTER_S,
        young_s: float = SILENT_AFTER_S,
        most_moving: int = MOST_MOVING,
        find_s: float = FIND_S,
        release_s: float = RELEASE_S,
        served_s: float = SERVED_S,
    ) -> None:
        self.me = me
        self._keys = keys
        self._redis = redis
        self._epochs = epochs
        self._clock = clock
        self._release = release
        self._broadcast = broadcast
        self._say_served = served
        self._say_moved = moved
        self._moved_unsaid: set[int] = set()
        self._refresh = refresh
        self._silent_after_s = silent_after_s
        self._young_s = young_s
        self._most_moving = most_moving
        self._find_s = find_s
        self._release_s = release_s
        self._served_s = served_s
        self._script = Script.load("shards")
        self._wakeup = Wakeup(clock=clock)
        self._view = NOTHING
        self._rendezvous = RendezvousHash()
        self._news: dict[int, Move] = {}
        self._noted_at: dict[int, float] = {}
        self._seen_at = self._compared_at = clock.monotonic()
        self._held: dict[int, int] = {}
        self._moving: set[int] = set()
        self._handed: dict[int, asyncio.Future[None]] = {}
        self._may_move = False
        self._ending: set[int] = set()
        self._doubted: set[int] = set()
        self._placements: list[Placement | None] = [None] * SHARDS
        self._waiting: dict[int, set[asyncio.Future[Placement]]] = {}
        self._emptied: set[asyncio.Future[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # The directory.

    def cached(self, actor_id: ActorId) -> Placement | None:
        if actor_id.kind == NODE_KIND:
            return Placement(actor_id.key, 0)
        return self._placements[shard_of(actor_id)]

    async def find(self, actor_id: ActorId) -> Placement:
        """The owner, once there is one. Raises ``Unavailable`` when there is none in time."""
        placement = self.cached(actor_id)
        if placement is not None:
            return placement
        self._refresh()
        self._wakeup.set()
        waiting: asyncio.Future[Placement] = asyncio.get_running_loop().create_future()
        waiters = self._waiting.setdefault(shard_of(actor_id), set())
        waiters.add(waiting)
        alarm = self._clock.call_later(self._find_s, partial(_give_up, waiting, actor_id))
        try:
            return await waiting
        finally:
            alarm.cancel()
            waiters.discard(waiting)

    def invalidate(self, actor_id: ActorId) -> None:
        """Another node's shard is looked up anew. One of ours is compared with Postgres, which has refused a write."""
        if actor_id.kind == NODE_KIND:
            return
        shard = shard_of(actor_id)
        if shard in self._held:
            self._doubted.add(shard)
            self._wakeup.set()
        self._refresh()

    # What others are told.

    @property
    def held(self) -> Mapping[int, int]:
        """The shards served here, with their epochs."""
        return self._held

    @property
    def moving(self) -> Collection[int]:
        return self._moving

    def owners(self) -> dict[int, str]:
        """The name of each shard's live holder, where one is known."""
        known = ((shard, self._holder(shard)) for shard in range(SHARDS))
        return {shard: holder.name for shard, holder in known if holder is not None}

    # What is heard.

    def see(self, view: View) -> None:
        """A heartbeat's view. What was lost by it is lost at once."""
        if view.version < self._view.version:
            self._news.clear()
        self._doubt_after_absence(view)
        self._view = view
        self._news = {shard: move for shard, move in self._news.items() if self._is_news(move, view)}
        self._rendezvous.see(view)
        self._may_move = view.lives(self.me)
        before = len(self._held)
        for shard in range(SHARDS):
            self._settle(shard)
        if len(self._held) < before:
            log.warning("lost %d shards, which others have taken over", before - len(self._held))
        self._wakeup.set()

    def _is_news(self, move: Move, view: View) -> bool:
        """What was heard before the heartbeat was sent is in its table, or Redis has fallen back behind it."""
        return move.version > view.version and self._noted_at[move.shard] >= view.asked_at

    def _doubt_after_absence(self, view: View) -> None:
        """Others may have had our shards, and given them back, while we were out of touch or Redis lost its data."""
        now = self._clock.monotonic()
        absent_s, self._seen_at = now - self._seen_at, now
        if absent_s > self._silent_after_s or view.age_s < absent_s:
            self._doubted.update(self._held)

    def handle(self, moves: Iterable[Move]) -> None:
        """What another node announced. Only news: of our own shards the table alone decides."""
        for move in moves:
            if move.shard in self._held:
                self._doubted.add(move.shard)
                self._refresh()
            elif 0 <= move.shard < SHARDS:
                self._note(move)
        self._wakeup.set()

    def handle_served(self, shards: Iterable[int]) -> None:
        """Another node serves these shards: whoever handed one over may go on with the next."""
        for shard in shards:
            if shard in self._handed:
                _finish(self._handed[shard])

    def _note(self, move: Move) -> None:
        known = self._news.get(move.shard)
        if move.version > self._view.version and (known is None or move.version > known.version):
            self._news[move.shard] = move
            self._noted_at[move.shard] = self._clock.monotonic()
            self._settle(move.shard)

    def _holder(self, shard: int) -> Holder | None:
        """Who holds the lease, if it is known to live."""
        move = self._news.get(shard)
        holder = move.to if move is not None else self._view.holders.get(shard)
        return holder if holder is not None and self._view.lives(holder) else None

    def _settle(self, shard: int) -> None:
        """Makes the placement follow from what is known; drops what another holds."""
        holder = self._holder(shard)
        if shard in self._held and holder is not None and holder != self.me:
            self._lose(shard, f"{holder} has it")  # which settles it
            return
        placement = None
        if shard in self._held:
            placement = Placement(self.me.name, self._held[shard])
        elif holder is not None and holder != self.me and shard not in self._moving:
            placement = Placement(holder.name, 0)
        before, self._placements[shard] = self._placements[shard], placement
        if placement is not None:
            if placement != before:
                self._note_moved(shard)
            for waiting in self._waiting.pop(shard, ()):
                if not waiting.done():
                    waiting.set_result(placement)

    def _note_moved(self, shard: int) -> None:
        if not self._moved_unsaid:
            self._clock.call_later(0.0, self._tell_moved)
        self._moved_unsaid.add(shard)

    def _tell_moved(self) -> None:
        moved, self._moved_unsaid = self._moved_unsaid, set()
        self._say_moved(moved)

    # Life.

    def start(self) -> None:
        self._spawn("shards", self._run())

    async def stop(self) -> None:
        """Serves nothing any more. The leases go with the membership."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._held.clear()
        self._placements = [None] * SHARDS

    def abdicate(self) -> None:
        """Everything is lost at once, and nothing taken again: this process is a member no more."""
        self._view = NOTHING
        self._news.clear()
        for shard in list(self._held):
            self._lose(shard, "replaced")
        for shard in range(SHARDS):
            self._settle(shard)

    async def emptied(self, *, within_s: float) -> bool:
        """Whether all shards have been handed over, in time. Waits for what follows from being marked as draining."""
        if self._is_empty() or self._rendezvous.are_none:
            return self._is_empty()
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._emptied.add(over)
        alarm = self._clock.call_later(within_s, partial(_finish, over))
        try:
            await over
        finally:
            alarm.cancel()
            self._emptied.discard(over)
        return self._is_empty()

    def _is_empty(self) -> bool:
        return not self._held and not self._moving

    async def _run(self) -> None:
        retry_s: float | None = None
        while True:
            await self._wakeup.wait(retry_s)
            try:
                await self._reconcile()
                retry_s = None
            except StorageError as error:
                log.warning("shards wait: %s", error)
                retry_s = RETRY_S

    async def _reconcile(self) -> None:
        await self._check_doubted()
        await self._renew_missing()
        await self._take(self._takeable())
        self._hand_over_some()
        if self._is_empty() or self._rendezvous.are_none:
            for over in self._emptied:
                _finish(over)

    # Keeping.

    async def _check_doubted(self) -> None:
        """Now and then all: a lease may have gone and come back between two heartbeats."""
        now = self._clock.monotonic()
        if now - self._compared_at >= COMPARE_S:
            self._compared_at = now
            self._doubted.update(self._held)
        doubted, self._doubted = self._doubted, set()
        try:
            await self._compare([shard for shard in doubted if shard in self._held])
        except StorageError:
            self._doubted |= doubted
            raise

    async def _renew_missing(self) -> None:
        """Held, but of nobody's in the table: Redis has lost its data, or has thought us dead and nobody came."""
        missing = [shard for shard in self._held if self._holder(shard) is None]
        if missing and self._view.lives(self.me):
            winners = await self._give(dict.fromkeys(missing, self.me))
            await self._compare([shard for shard in missing if winners.get(shard) == self.me])

    async def _compare(self, shards: Sequence[int]) -> None:
        """Drops the shards that Postgres knows under another epoch than ours."""
        if not shards:
            return
        taken = await self._epochs.read(shards)
        stale = [shard for shard in shards if shard in self._held and taken[shard].epoch != self._held[shard]]
        for shard in stale:
            self._lose(shard, f"epoch {self._held[shard]} is stale")
        if stale:
            log.warning("lost %d shards, whose epochs are stale", len(stale))

    def _lose(self, shard: int, why: str) -> None:
        log.debug("lost shard %d: %s", shard, why)
        del self._held[shard]
        self._ending.add(shard)
        self._settle(shard)
        self._spawn(f"end shard {shard}", self._end(shard))

    async def _end(self, shard: int) -> None:
        try:
            await self._release(shard, 0.0)
        finally:
            self._ending.discard(shard)
            self._wakeup.set()

    # Taking.

    def _takeable(self) -> list[int]:
        """Leases of ours that are not served yet, and those of nobody that should be ours."""
        if not self._view.lives(self.me):
            return []
        free = (s for s in range(SHARDS) if s not in self._held and s not in self._moving and s not in self._ending)
        return [shard for shard in free if self._is_for_me(shard)]

    def _is_for_me(self, shard: int) -> bool:
        holder = self._holder(shard)
        return holder == self.me or (holder is None and self._rendezvous.of(shard) == self.me)

    async def _take(self, shards: Sequence[int]) -> None:
        if not shards:
            return
        taken = await self._epochs.read(shards)
        wanted = [shard for shard in shards if self._may_claim(shard, taken[shard])]
        winners = await self._give(dict.fromkeys(wanted, self.me))
        won = {shard: taken[shard].epoch for shard in wanted if winners.get(shard) == self.me}
        if not won:
            return
        epochs = await self._epochs.raise_from(won, self.me.name)
        served = [shard for shard in epochs if self._holder(shard) == self.me]
        for shard in served:
            self._held[shard] = epochs[shard]
            self._settle(shard)
        if served:
            self._say_served(served)
        if len(epochs) < len(won):
            self._wakeup.set()  # somebody took them in between, so look again
        log.debug("took %d shards", len(epochs))

    def _may_claim(self, shard: int, taken: ShardEpoch) -> bool:
        """While Redis' data is young, those who hold shards have not all said so yet: theirs are left alone."""
        is_young = self._view.age_s < self._young_s
        return not is_young or self._holder(shard) == self.me or taken.node in ("", self.me.name)

    async def _give(self, wanted: Mapping[int, Holder]) -> dict[int, Holder]:
        """Who holds these shards after the attempt to give them so."""
        if not wanted:
            return {}
        pairs = [word for shard, to in wanted.items() for word in (shard, str(to))]
        version, winners = await self._redis.run(
            self._script,
            keys=self._keys.state,
            args=[str(self.me), round(self._silent_after_s * 1000), *pairs],
            timeout_s=self._silent_after_s / 2,
        )
        found = {
            int(shard): Holder.read(holder.decode()) for shard, holder in zip(winners[::2], winners[1::2], strict=True)
        }
        for shard, holder in found.items():
            self._note(Move(shard, holder, int(version)))
        return found

    # Handing over.

    def _hand_over_some(self) -> None:
        """Starts as many moves as may be under way; each that ends rings for the next."""
        for shard in list(self._held):
            successor = self._rendezvous.of(shard)
            if not self._may_move or len(self._handed) >= self._most_moving:
                return
            if successor is not None and successor != self.me:
                epoch = self._held.pop(shard)
                self._moving.add(shard)
                served = self._handed[shard] = asyncio.get_running_loop().create_future()
                self._settle(shard)
                self._spawn(f"move shard {shard}", self._hand_over(shard, epoch, successor, served))

    async def _hand_over(self, shard: int, epoch: int, successor: Holder, served: asyncio.Future[None]) -> None:
        try:
            await self._release(shard, self._release_s)
            await self._give({shard: successor})
        except StorageError as error:
            log.warning("shard %d stays: %s", shard, error)
        finally:
            self._moving.discard(shard)
            self._moved(shard, epoch)
        if shard not in self._held:
            await self._until(served)
        if self._handed.get(shard) is served:  # else it has come back and is on its way again
            del self._handed[shard]
        self._wakeup.set()

    async def _until(self, served: asyncio.Future[None]) -> None:
        """A node that does not say so, or is not heard, holds the others up for a moment only."""
        alarm = self._clock.call_later(self._served_s, partial(_finish, served))
        try:
            await served
        finally:
            alarm.cancel()

    def _moved(self, shard: int, epoch: int) -> None:
        """Elsewhere now; or ours as before, also if nobody knows: then the next table tells, and Postgres guards."""
        holder = self._holder(shard)
        if holder is None or holder == self.me:
            self._held[shard] = epoch
            self._may_move = False  # until the next heartbeat: Redis is away, or sees the heir with other eyes
        elif (news := self._news.get(shard)) is not None:
            self._broadcast([news])
        self._settle(shard)
        self._wakeup.set()

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", task.get_name(), exc_info=error)


class RendezvousHash:
    """Who should have each shard: rendezvous hashing, weighted, over those who may have any. All nodes agree on it.

    A node that comes or goes moves its own share and nothing else (Thaler and Ravishankar's highest random weight).
    """

    def __init__(self) -> None:
        self._able: tuple[tuple[Holder, float], ...] = ()
        self._of: list[Holder | None] = [None] * SHARDS
        self._draws: dict[str, list[float]] = {}

    @property
    def are_none(self) -> bool:
        return not self._able

    def of(self, shard: int) -> Holder | None:
        """None while nobody may have it, and then it stays where it is."""
        return self._of[shard]

    def see(self, view: View) -> None:
        able = tuple(sorted((member.holder, member.weight) for member in view.members.values() if _is_able(member)))
        if able != self._able:
            self._able = able
            self._draws = {holder.name: self._draws.get(holder.name) or _draws(holder.name) for holder, _ in able}
            self._of = [self._choose(shard) for shard in range(SHARDS)]

    def _choose(self, shard: int) -> Holder | None:
        scores = ((weight * self._draws[holder.name][shard], holder) for holder, weight in self._able)
        return max(scores, default=(0.0, None))[1]


def _is_able(member: Member) -> bool:
    return ROLE in member.roles and member.weight > 0 and not member.is_draining


def _draws(name: str) -> list[float]:
    """For each shard a number that depends on nothing but the name."""
    return [-1 / ln(_uniform(f"{shard}/{name}")) for shard in range(SHARDS)]


def _uniform(text: str) -> float:
    """Between 0 and 1, neither included."""
    return (int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "big") + 0.5) / 2**48


def _give_up(waiting: asyncio.Future[Placement], actor_id: ActorId) -> None:
    if not waiting.done():
        waiting.set_exception(Unavailable(actor_id, "no owner yet", retry_after_s=0.5))


def _finish(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
