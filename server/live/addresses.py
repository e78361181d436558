"""Addresses of private streams for those who may see them: signed, bound to a person's session, good for some hours.

A player asks for playlists, segments and pictures without an ``Authorization`` header, so the first part of the path
carries who asks: ``{stream_id}~{token}``. Relative addresses in playlists inherit it. The token only says who it is:
whether they may see the stream is judged at every request anew.
"""

from __future__ import annotations

import base64
import binascii
import struct
import time
from collections.abc import Callable
from typing import Final, Protocol
from uuid import UUID

from server.http.identity import Caller
from server.http.operation import UUID_PATTERN, PathFormat
from server.live.viewings import NOBODY, Viewer

STEP_S: Final = 6 * 3600
"""An address stays the same for this long, so that a player need not start again, and is good for one to two of it."""
PURPOSE: Final = b"address of a stream"
_BODY: Final = struct.Struct(">I16s16s")  # good until (seconds since 1970), person, session
_SEAL_BYTES: Final = 16

ADDRESSED: Final = PathFormat(
    pattern=f"{UUID_PATTERN[:-1]}(~[A-Za-z0-9_-]{{70}})?$",
    description="A stream; as `playback` has it of a private one, with a signed part that expires",
    example="01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11",
)


class Seals(Protocol):
    """What is needed of ``Identity``: every node takes every node's seals."""

    def seal(self, purpose: bytes, body: bytes) -> bytes: ...
    def is_sealed(self, purpose: bytes, body: bytes, seal: bytes) -> bool: ...
    def is_revoked(self, session_id: str) -> bool: ...


class MediaAddresses:
    def __init__(self, *, seals: Seals, wall: Callable[[], float] = time.time) -> None:
        self._seals = seals
        self._wall = wall

    def of(self, stream_id: str, viewer: Viewer) -> str:
        """The part of a path that stands for the stream when this viewer asks; without a session the stream's id."""
        if viewer.id is None or viewer.session_id is None:
            return stream_id
        until = (int(self._wall()) // STEP_S + 2) * STEP_S
        body = _BODY.pack(until, UUID(viewer.id).bytes, UUID(viewer.session_id).bytes)
        token = body + self._seals.seal(PURPOSE + stream_id.encode(), body)[:_SEAL_BYTES]
        return f"{stream_id}~{base64.urlsafe_b64encode(token).decode().rstrip('=')}"

    def read(self, part: str, person: Caller | None) -> tuple[str, Viewer]:
        """The stream's id, and who asks: by token of the path, else by the request's own. A bad one is no one's."""
        stream_id, _, token = part.partition("~")
        stream_id = stream_id.lower()
        return stream_id, self._viewer(stream_id, token) or viewer_of(person)

    def _viewer(self, stream_id: str, token: str) -> Viewer | None:
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            until, person_id, session_id = _BODY.unpack(raw[: _BODY.size])
        except (binascii.Error, ValueError, struct.error):
            return None
        body, seal = raw[: _BODY.size], raw[_BODY.size :]
        session = str(UUID(bytes=session_id))
        is_good = until > self._wall() and not self._seals.is_revoked(session)
        if not is_good or not self._seals.is_sealed(PURPOSE + stream_id.encode(), body, seal):
            return None
        return Viewer(id=str(UUID(bytes=person_id)), session_id=session)


def viewer_of(person: Caller | None) -> Viewer:
    return NOBODY if person is None else Viewer(id=person.id, session_id=person.session_id)
