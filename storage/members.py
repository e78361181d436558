"""Which nodes are in the cluster: a heartbeat in Redis, by Redis' own time, which answers who holds which shard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from actors.runtime import Clock
from storage.errors import StorageError
from storage.redis import Script, Word
from storage.wakeup import Wakeup

log = logging.getLogger(__name__)

BEAT_S: Final = 0.35
SILENT_AFTER_S: Final = 1.5
"""A member without a heartbeat for so long is gone. With ``BEAT_S`` every node knows within 2 s."""
GAP_S: Final = 0.05
"""Beats that were asked for out of turn are at least so far apart."""
JOIN_S: Final = 5.0
INCARNATION_LENGTH: Final = 16


class Scripts(Protocol):
    """What membership and leases need of Redis. Raises ``StorageError``; ``Unavailable`` when it may work later.

    After an error the script may have run, or may still.
    """

    async def run(
        self, script: Script, *, keys: Sequence[str], args: Sequence[Word] = (), timeout_s: float | None = None
    ) -> Any: ...


class WrongCluster(StorageError):
    """Under this name Redis knows a cluster that lives in another database."""

    def __init__(self, name: str, theirs: str, ours: str) -> None:
        super().__init__(name, theirs, ours)
        self.name = name
        self.theirs = theirs
        self.ours = ours

    def __str__(self) -> str:
        return (
            f"in Redis {self.name} belongs to the database of cluster {self.theirs}, not to ours, {self.ours}: "
            "use another cluster name or another Redis"
        )


class Replaced(StorageError):
    """A later process has joined under this node's name; this one is a member no more."""


class Holder(NamedTuple):
    """One process of a node. Written ``name@incarnation``; the incarnation has a fixed length."""

    name: str
    incarnation: str

    def __str__(self) -> str:
        return f"{self.name}@{self.incarnation}"

    @classmethod
    def read(cls, text: str) -> Holder:
        return cls(text[: -INCARNATION_LENGTH - 1], text[-INCARNATION_LENGTH:])


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of itself. Later versions may add fields; what is missing has its default.

    ``incarnation``: 16 characters, another for each start of a process. ``address``: of its internal HTTP.
    ``load``: 0 to 1. ``weight``: its share of the shards, in proportion to the others'. ``started_at``: wall clock.
    ``reads``: the newest version of the bus' entries that it reads.
    """

    name: str
    incarnation: str
    roles: tuple[str, ...] = ()
    address: str = ""
    load: float = 0.0
    weight: float = 1.0
    started_at: float = 0.0
    version: str = ""
    is_draining: bool = False
    reads: int = 1

    @property
    def holder(self) -> Holder:
        return Holder(self.name, self.incarnation)


class View(NamedTuple):
    """The cluster as one heartbeat found it. ``age_s``: for how long Redis has had its data. ``asked_at``: when the
    heartbeat was sent, by this node's monotonic clock.
    """

    members: Mapping[str, Member]
    holders: Mapping[int, Holder]
    version: int
    age_s: float
    asked_at: float = 0.0

    def lives(self, holder: Holder) -> bool:
        member = self.members.get(holder.name)
        return member is not None and member.incarnation == holder.incarnation


class Keys(NamedTuple):
    """The keys of one cluster. They share a hash tag, so that a script may touch them together."""

    prefix: str

    @classmethod
    def of(cls, cluster: str) -> Keys:
        return cls(f"{{sf:{cluster}}}")

    @property
    def state(self) -> list[str]:
        return [f"{self.prefix}:{name}" for name in ("cluster", "members", "seen", "shards")]

    def inbox(self, node: str) -> str:
        return f"{self.prefix}:inbox:{node}"


class Members:
    """This node's membership. ``join``, then ``start``; ``leave`` ends it.

    The callbacks run on the event loop and must not raise: ``on_view`` after each heartbeat, ``on_join`` and
    ``on_leave`` before it for each difference, this node's own included (a restarted one leaves and joins);
    ``on_replaced`` once.
    """

    def __init__(
        self,
        *,
        me: Member,
        cluster_id: str,
        keys: Keys,
        redis: Scripts,
        clock: Clock,
        on_view: Callable[[View], None],
        on_join: Callable[[Member], None] = lambda _: None,
        on_leave: Callable[[Member], None] = lambda _: None,
        on_replaced: Callable[[], None] = lambda: None,
        beat_s: float = BEAT_S,
        silent_after_s: float = SILENT_AFTER_S,
    ) -> None:
        if len(me.incarnation) != INCARNATION_LENGTH or "@" in me.incarnation:
            raise ValueError("an incarnation has 16 characters")
        self.me = me
        self.view = View({}, {}, 0, 0.0)
        self.is_away = False
        self.unreadable = 0
        self._cluster_id = cluster_id
        self._keys = keys
        self._redis = redis
        self._clock = clock
        self._on_view = on_view
        self._on_join = on_join
        self._on_leave = on_leave
        self._on_replaced = on_replaced
        self._beat_s = beat_s
        self._silent_after_s = silent_after_s
        self._script = Script.load("beat")
        self._wakeup = Wakeup(clock=clock)
        self._is_leaving = False
        self._strangers: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Writes the first heartbeat and reads the members. Raises ``WrongCluster`` or ``Unavailable``.

        Redis has ``JOIN_S`` to answer: no other node misses a heartbeat of one that has not joined.
        """
        await self._beat("join", timeout_s=JOIN_S)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="heartbeat")
        self._task.add_done_callback(_report)

    async def leave(self) -> None:
        """Removes this node in Redis, if Redis answers; else the other nodes miss its heartbeats."""
        self._is_leaving = True
        self._wakeup.set()
        if self._task is not None:
            await self._task  # a beat under way has its deadline, and is not cut in two
        try:
            await self._beat("leave")
        except StorageError as error:
            log.warning("left without a goodbye: %s", error)

    def knows(self, node: str) -> bool:
        return node in self.view.members or node in self._strangers

    def meet(self, node: str) -> None:
        """A node that is not in the view has written: it has just joined, or just left. The next heartbeat decides."""
        if node not in self._strangers:
            self._strangers[node] = self._clock.monotonic()
            self.refresh()

    def reads(self, node: str) -> int:
        """The newest version of entries that the node surely reads; of one that was just met the one before ours."""
        member = self.view.members.get(node)
        return member.reads if member is not None else max(1, self.me.reads - 1)

    def refresh(self) -> None:
        """Has a heartbeat soon, for the view that it answers."""
        self._wakeup.set()

    def say(self, *, load: float | None = None, weight: float | None = None, is_draining: bool | None = None) -> None:
        """Changes what this node says of itself, from the next heartbeat on."""
        changes = {"load": load, "weight": weight, "is_draining": is_draining}
        before = self.me
        self.me = msgspec.structs.replace(self.me, **{k: v for k, v in changes.items() if v is not None})
        if (before.weight, before.is_draining) != (self.me.weight, self.me.is_draining):
            self.refresh()

    async def _run(self) -> None:
        while not self._is_leaving:
            try:
                await self._beat("stay")
            except Replaced:
                log.error("another process has joined as %s: this one is a member no more", self.me.name)
                self._on_replaced()
                return
            except StorageError as error:
                self._note_away(error)
            await self._clock.sleep(GAP_S)
            await self._wakeup.wait(self._beat_s - GAP_S)

    def _note_away(self, error: StorageError) -> None:
        if not self.is_away:
            log.warning("no heartbeat: %s", error)
        self.is_away = True

    async def _beat(self, what: str, *, timeout_s: float | None = None) -> None:
        asked_at = self._clock.monotonic()
        answer = await self._redis.run(
            self._script,
            keys=[*self._keys.state, self._keys.inbox(self.me.name)],
            args=[
                self._cluster_id,
                self.me.name,
                self.me.incarnation,
                msgspec.msgpack.encode(self.me),
                round(self._silent_after_s * 1000),
                self.view.version,
                what,
            ],
            timeout_s=timeout_s or self._silent_after_s / 2,
        )
        if answer[0] == b"wrong cluster":
            raise WrongCluster(self._keys.prefix, answer[1].decode(), self._cluster_id)
        if answer[0] == b"replaced":
            raise Replaced(f"by {answer[1].decode()}")
        if self.is_away:
            log.warning("the heartbeat is back")
        self.is_away = False
        if what != "leave":
            self._apply(self._read(answer, asked_at))

    def _read(self, answer: Any, asked_at: float) -> View:
        _, age_ms, version, members, table = answer
        read = [self._member(name.decode(), record) for name, record in zip(members[::2], members[1::2], strict=True)]
        holders = self.view.holders
        if table is not None:
            pairs = zip(table[::2], table[1::2], strict=True)
            holders = {int(shard): Holder.read(holder.decode()) for shard, holder in pairs}
        return View({member.name: member for member in read}, holders, int(version), age_ms / 1000, asked_at)

    def _member(self, name: str, record: bytes) -> Member:
        """One that cannot be read is here all the same, keeps what it holds and is given nothing."""
        incarnation = record[:INCARNATION_LENGTH].decode(errors="replace")
        try:
            member = msgspec.msgpack.decode(record[INCARNATION_LENGTH:], type=Member)
        except msgspec.DecodeError:
            self.unreadable += 1
            return Member(name=name, incarnation=incarnation, weight=0.0)
        return msgspec.structs.replace(member, name=name, incarnation=incarnation)

    def _apply(self, view: View) -> None:
        before, self.view = self.view, view
        self._strangers = {name: at for name, at in self._strangers.items() if at > view.asked_at}
        for member in before.members.values():
            if not view.lives(member.holder):
                log.info("%s has left", member.holder)
                self._on_leave(member)
        for member in view.members.values():
            if not before.lives(member.holder):
                log.info("%s has joined", member.holder)
                self._on_join(member)
        self._on_view(view)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("the heartbeat ended", exc_info=error)
