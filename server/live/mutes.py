"""The sound of a stream on the air: away until a moment as rights holders ask, or as a whole as moderators do.

Who publishes it from now on begins so, by the grant; who does already is told afterwards.
"""

from __future__ import annotations

import contextlib
from typing import Final

from actors.events import NODE
from actors.runtime import ActorError, Node
from server.live.node_actor import MuteHere
from storage.postgres import Database
from storage.stream import SET_MUTED_UNTIL, SET_SILENCED

ON_AIR: Final = ("live", "interrupted")


class LiveMutes:
    """Both calls may be repeated, of any stream, and raise ``Unavailable``."""

    def __init__(self, *, db: Database, node: Node) -> None:
        self._db = db
        self._node = node

    async def until(self, stream_id: str, until_ms: int) -> None:
        """Of its media clock; 0: it has its sound again, but for ``silence``."""
        await self._set(SET_MUTED_UNTIL, stream_id, until_ms)

    async def silence(self, stream_id: str, *, is_silenced: bool) -> None:
        """All of it, from now on until it is taken back."""
        await self._set(SET_SILENCED, stream_id, is_silenced)

    async def _set(self, sql: str, stream_id: str, value: object) -> None:
        row = await self._db.fetchrow(sql, stream_id, value)
        if row is None or row["state"] not in ON_AIR:
            return
        node = row["media_node"] or self._node.name
        with contextlib.suppress(ActorError):  # its publisher is away: it begins so when it comes again
            self._node.ref(NODE, node).tell(MuteHere(stream_id=stream_id, until_ms=row["muted_until_ms"]))
