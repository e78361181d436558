"""The players of this node that no socket counts: HLS players by the id in their playlists, and WHEP sessions.

A stream's counter is sent, in one message for all of them, who came and, every ``REPORT_S``, who is still there. A
player that asks for no playlist for ``SILENT_S`` has gone.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Final

import msgspec

from actors.runtime import ActorError, ActorId, Node, shard_of
from actors.viewers_messages import PlayersLeft, PlayersSeen, SeenPlayer
from server.http.addresses import is_loopback, limiting_key
from server.live.viewings import Viewer

GATHER_S: Final = 0.25
REPORT_S: Final = 4.0
SILENT_S: Final = 8.0
SWEEP_S: Final = 1.0
SOUND: Final = "hls:audio"
MAX_PLAYERS: Final = 50_000
MAX_IN_MESSAGE: Final = 1_000

log = logging.getLogger("server.players")


class _Player(msgspec.Struct, kw_only=True):
    view_id: str
    stream_id: str
    user_id: str | None
    address: str | None
    since: float
    seen_at: float
    reported_at: float
    transport: str
    is_held: bool

    def as_seen(self) -> SeenPlayer:
        return SeenPlayer(view_id=self.view_id, user_id=self.user_id, since=self.since, transport=self.transport)


class Players:
    """One entry a player. ``per_address``: how many of one address (/64 for IPv6) are counted; more are served too."""

    def __init__(
        self, *, node: Node, new_id: Callable[[], str], per_address: int, limit_loopback: bool = False
    ) -> None:
        self._node = node
        self._new_id = new_id
        self._per_address = per_address
        self._limit_loopback = limit_loopback
        self._players: dict[str, _Player] = {}
        self._of_address: Counter[str] = Counter()
        self._due: defaultdict[str, set[str]] = defaultdict(set)
        self._left: defaultdict[str, set[str]] = defaultdict(set)
        self._is_sending = False
        self._is_sweeping = False

    def seen(self, stream_id: str, view_id: str, *, viewer: Viewer, address: str, transport: str) -> None:
        """A player has asked for a playlist."""
        known = self._players.get(view_id)
        if known is None:
            self._add(stream_id, view_id, viewer=viewer, address=address, transport=transport, is_held=False)
            return
        now = self._node.clock.monotonic()
        known.seen_at = now
        if transport == SOUND:
            transport = known.transport  # most often the sound beside the pictures
        if known.transport != transport or now - known.reported_at >= REPORT_S:
            known.transport = transport
            self._report(known)

    def began(self, stream_id: str, *, viewer: Viewer, address: str, transport: str) -> Callable[[], None]:
        """A session begins, and lasts until what is answered is called."""
        view_id = self._new_id()
        self._add(stream_id, view_id, viewer=viewer, address=address, transport=transport, is_held=True)
        return lambda: self.ended(view_id)

    def ended(self, view_id: str) -> None:
        """Nothing happens when it is not counted."""
        player = self._players.pop(view_id, None)
        if player is None:
            return
        if player.address is not None:
            self._free(player.address)
        self._due[player.stream_id].discard(view_id)
        self._left[player.stream_id].add(view_id)
        self._send_soon()

    def count_again(self, stream_id: str) -> None:
        """The stream's counter is new."""
        for player in self._players.values():
            if player.stream_id == stream_id:
                self._report(player)

    def moved(self, shards: Collection[int]) -> None:
        """These shards have another owner, whose counters know nothing."""
        streams = {player.stream_id for player in self._players.values()}
        for stream_id in streams:
            if shard_of(ActorId("viewers", stream_id)) in shards:
                self.count_again(stream_id)

    def _add(
        self, stream_id: str, view_id: str, *, viewer: Viewer, address: str, transport: str, is_held: bool
    ) -> None:
        limited = limiting_key(address) if self._limit_loopback or not is_loopback(address) else None
        if len(self._players) >= MAX_PLAYERS or (limited and self._of_address[limited] >= self._per_address):
            return
        clock = self._node.clock
        player = self._players[view_id] = _Player(
            view_id=view_id,
            stream_id=stream_id,
            user_id=viewer.id,
            address=limited,
            since=clock.time(),
            seen_at=clock.monotonic(),
            reported_at=clock.monotonic(),
            transport=transport,
            is_held=is_held,
        )
        if limited is not None:
            self._of_address[limited] += 1
        self._report(player)
        if not self._is_sweeping:
            self._is_sweeping = True
            clock.call_later(SWEEP_S, self._sweep)

    def _free(self, address: str) -> None:
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]

    def _report(self, player: _Player) -> None:
        player.reported_at = self._node.clock.monotonic()
        self._due[player.stream_id].add(player.view_id)
        self._send_soon()

    def _sweep(self) -> None:
        now = self._node.clock.monotonic()
        for player in list(self._players.values()):
            if not player.is_held and now - player.seen_at >= SILENT_S:
                self.ended(player.view_id)
            elif player.is_held and now - player.reported_at >= REPORT_S:
                self._report(player)
        self._is_sweeping = bool(self._players)
        if self._is_sweeping:
            self._node.clock.call_later(SWEEP_S, self._sweep)

    def _send_soon(self, after_s: float = GATHER_S) -> None:
        if not self._is_sending:
            self._is_sending = True
            self._node.clock.call_later(after_s, self._send)

    def _send(self) -> None:
        """What a counter cannot be sent now is sent a moment later; its size is that of the players here."""
        self._is_sending = False
        due, self._due = self._due, defaultdict(set)
        left, self._left = self._left, defaultdict(set)
        for stream_id in {*due, *left}:
            if not self._send_of(stream_id, due[stream_id], left[stream_id]):
                self._due[stream_id] |= due[stream_id]
                # Beyond the bound the counter ends them by their silence.
                if sum(map(len, self._left.values())) < MAX_PLAYERS:
                    self._left[stream_id] |= left[stream_id]
        if self._due or self._left:
            self._send_soon(1.0)

    def _send_of(self, stream_id: str, due: Iterable[str], left: Iterable[str]) -> bool:
        at, node = self._node.clock.time(), self._node.name
        seen = [self._players[view_id].as_seen() for view_id in due if view_id in self._players]
        gone = list(left)
        counter = self._node.ref("viewers", stream_id)
        try:
            for start in range(0, len(seen), MAX_IN_MESSAGE):
                counter.tell(PlayersSeen(node=node, players=tuple(seen[start : start + MAX_IN_MESSAGE]), at=at))
            for start in range(0, len(gone), MAX_IN_MESSAGE):
                counter.tell(PlayersLeft(node=node, view_ids=tuple(gone[start : start + MAX_IN_MESSAGE]), at=at))
        except ActorError as error:
            log.debug("the players of %s are counted late: %s", stream_id, error)
            return False
        return True
