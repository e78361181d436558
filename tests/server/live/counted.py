"""A stream's counter with the players of one node or several, on a manual clock, and ids for their playlists."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable

from actors.events import LiveEvent, ViewersCounted
from actors.runtime import LocalDirectory, LocalTransport, ManualClock, Node
from actors.runtime.ids import SHARDS
from actors.viewers import ViewCounter
from actors.viewers_messages import CountViewers
from server.http.identity import MIN_SEAL_BYTES
from server.live.durable import DurableViews
from server.live.hls_players import HlsPlayers
from server.live.player_ids import PlayerIds
from server.live.players import Players
from storage.ids import Ids
from storage.memory.tables import Tables
from storage.memory.views import MemoryViews


class HashSeals:
    """Seals that every instance makes alike."""

    def seal(self, purpose: bytes, body: bytes) -> bytes:
        return hashlib.sha256(purpose + b"|" + body).digest()

    def is_sealed(self, purpose: bytes, body: bytes, seal: bytes) -> bool:
        return self.seal(purpose, body).startswith(seal) and len(seal) >= MIN_SEAL_BYTES


class Counting:
    """``node`` has the counters of all streams; their players are those of ``players`` and of ``players_of``."""

    def __init__(self, *, per_address: int = 200) -> None:
        self.clock = ManualClock()
        self.per_address = per_address
        self.ids = Ids()
        self.tables = Tables()
        self.tables.epochs.update(dict.fromkeys(range(SHARDS), 1))
        self.events: list[LiveEvent] = []
        self.node = Node(name="n1", clock=self.clock, directory=LocalDirectory(node="n1"), transport=LocalTransport())
        self.node.register("viewers", lambda actor_id: self._counter(actor_id.key))
        self.players = self.players_of(self.node)
        self.player_ids = PlayerIds(seals=HashSeals(), new_id=self.new_id)

    def players_of(self, node: Node) -> Players:
        return Players(node=node, new_id=self.new_id, per_address=self.per_address, limit_loopback=False)

    def hls(self) -> HlsPlayers:
        return HlsPlayers(players=self.players, ids=self.player_ids)

    def new_id(self) -> str:
        return self.ids.uuid7(self.clock.time())

    async def viewers(self, stream_id: str) -> int:
        await self.clock.settle()
        return (await self.node.ref("viewers", stream_id).ask(CountViewers())).viewers

    def announced(self) -> list[int]:
        return [event.viewers for event in self.events if isinstance(event, ViewersCounted)]

    def _counter(self, stream_id: str) -> ViewCounter:
        return ViewCounter(
            stream_id=stream_id,
            store=DurableViews(views=MemoryViews(tables=self.tables)),  # type: ignore[arg-type]
            broadcast=self._announced,
            now=lambda: dt.datetime.fromtimestamp(self.clock.time(), dt.UTC),
        )

    def _announced(self, event: LiveEvent, *, to: Iterable[str] | None = None) -> None:
        self.events.append(event)
