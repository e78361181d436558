"""Addresses of private streams for those who may see them: signed, good for some hours.

Each is bound to a person's session, or to a guest who has given the stream's password.

A player asks for playlists, segments and pictures without an ``Authorization`` header, so the first part of the path
carries who asks: ``{stream_id}~{token}``. Relative addresses in playlists inherit it. The token only says who it is:
whether they may see the stream is judged at every request anew.

What was recorded may be played from the address of a CDN, and under signed addresses alone, also where everybody may
see it: such an address is sealed for nobody, so that all viewers share one copy.
"""

from __future__ import annotations

import base64
import binascii
import struct
import time
from collections.abc import Callable
from typing import Final, Protocol
from uuid import UUID

import msgspec

from server.http.errors import Problem
from server.http.identity import Caller
from server.http.operation import UUID_PATTERN, PathFormat
from server.live.viewings import NOBODY, Viewer

STEP_S: Final = 6 * 3600
"""An address stays the same for this long, so that a player need not start again, and is good for one to two of it."""
PURPOSE: Final = b"address of a stream"
RELAYED: Final = b"address of a stream, between nodes"
_BODY: Final = struct.Struct(">I16s16s2s")  # good until (seconds since 1970), person, session, country
_SEAL_BYTES: Final = 16
_NO_ID: Final = "00000000-0000-0000-0000-000000000000"

FOR_EVER_S: Final = 31_536_000

CountryOf = Callable[[str], str | None]
"""The country of a network address (ISO 3166-1 alpha-2); None: unknown."""

ADDRESSED: Final = PathFormat(
    pattern=f"{UUID_PATTERN[:-1]}(~[A-Za-z0-9_-]{{72}})?$",
    description="A stream; as `playback` has it of a private one, with a signed part that expires",
    example="01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11",
)


def no_country(address: str) -> None:
    """``CountryOf`` without a database."""


class Seals(Protocol):
    """What is needed of ``Identity``: every node takes every node's seals."""

    def seal(self, purpose: bytes, body: bytes) -> bytes: ...
    def is_sealed(self, purpose: bytes, body: bytes, seal: bytes) -> bool: ...
    def is_revoked(self, session_id: str) -> bool: ...


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """``until``: seconds since 1970. ``country``: of one that is relayed."""

    until: int
    person: str
    session: str
    country: str
    is_relayed: bool


class MediaAddresses:
    def __init__(
        self,
        *,
        seals: Seals,
        country_of: CountryOf = no_country,
        knows_countries: bool = False,
        cdn: str = "",
        signs_all: bool = False,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``knows_countries``: whether this node can tell where viewers are. ``cdn``: what addresses of recorded media
        begin with. ``signs_all``: also media that everybody may see are played under signed addresses alone."""
        self._seals = seals
        self._cdn = cdn.rstrip("/")
        self._signs_all = signs_all
        self._country_of = country_of
        self.knows_countries = knows_countries
        self._wall = wall

    def of(self, stream_id: str, viewer: Viewer) -> str:
        """The part of a path that stands for the stream when this viewer asks; without a session the stream's id."""
        if viewer.id is None or viewer.session_id is None:
            return stream_id
        return self._sealed(PURPOSE, stream_id, msgspec.structs.replace(viewer, country=None))

    def recorded(self, media_id: str, viewer: Viewer, *, is_open: bool) -> str:
        """As ``of``, for what was recorded. ``is_open``: everybody may see it."""
        if not is_open:
            return self.of(media_id, viewer)
        return self._sealed(PURPOSE, media_id, NOBODY) if self._signs_all else media_id

    def base(self, place: str, media_id: str, viewer: Viewer, *, is_open: bool) -> str:
        """What the addresses of something recorded begin with when this viewer asks. ``place``: as ``/vod``."""
        return f"{self._cdn}{place}/{self.recorded(media_id, viewer, is_open=is_open)}"

    def require_signed(self, part: str, person: Caller | None) -> None:
        """Raises a 403 for a forged or expired part of a path, and for a plain one where playback must be signed.

        It says nothing of whether the medium is there. A person's own token does as well as a signed address."""
        stream_id, _, token = part.partition("~")
        if token and self._body(stream_id.lower(), token) is None:
            raise Problem(403, "This address has expired, or was never given out", slug="bad-address")
        if self._signs_all and not token and person is None:
            raise Problem(403, "Signed addresses alone are played here: ask for one", slug="unsigned-address")

    def immutable(self, part: str) -> str:
        """``Cache-Control`` of bytes that never change under this part of a path, and that everybody may see: a cache
        keeps them no longer than the address is good for."""
        stream_id, _, token = part.partition("~")
        body = self._body(stream_id.lower(), token) if token else None
        seconds = FOR_EVER_S if body is None else max(0, body.until - int(self._wall()))
        return f"public, max-age={seconds}, immutable"

    def access(self, stream_id: str, guest_id: str) -> tuple[str, float]:
        """What tells who the guest is who has given the stream's password, and until when (Unix seconds)."""
        guest = Viewer(id=guest_id, session_id=guest_id)
        return self.of(stream_id, guest).partition("~")[2], self._until()

    def guest_of(self, stream_id: str, access: str) -> str | None:
        """The guest's id; None for what is no ``access`` to this stream, the address of a person included."""
        viewer = self._viewer(stream_id, access, "")
        return viewer.id if viewer is not None and viewer.id == viewer.session_id else None

    def relayed(self, stream_id: str, viewer: Viewer) -> str:
        """As ``of``, for a request to another node on behalf of this viewer: it holds their country, which that node
        could not tell from this node's address."""
        return self.of(stream_id, viewer) if viewer.country is None else self._sealed(RELAYED, stream_id, viewer)

    def _sealed(self, purpose: bytes, stream_id: str, viewer: Viewer) -> str:
        until = self._until()
        ids = (UUID(viewer.id or _NO_ID).bytes, UUID(viewer.session_id or _NO_ID).bytes)
        body = _BODY.pack(until, *ids, (viewer.country or "").encode())
        token = body + self._seals.seal(purpose + stream_id.encode(), body)[:_SEAL_BYTES]
        return f"{stream_id}~{base64.urlsafe_b64encode(token).decode().rstrip('=')}"

    def read(self, part: str, person: Caller | None, *, address: str = "") -> tuple[str, Viewer]:
        """The stream's id, and who asks: by token of the path, else by the request's own. A bad one is no one's.

        ``address``: that the request comes from."""
        stream_id, _, token = part.partition("~")
        stream_id = stream_id.lower()
        return stream_id, self._viewer(stream_id, token, address) or self.asker(person, address=address)

    def asker(self, person: Caller | None, *, address: str) -> Viewer:
        """Who asks by a request's own token, from this address."""
        known = NOBODY if person is None else Viewer(id=person.id, session_id=person.session_id)
        return msgspec.structs.replace(known, country=self._country_of(address))

    def _viewer(self, stream_id: str, token: str, address: str) -> Viewer | None:
        """None for what is no token, and for one that names nobody."""
        body = self._body(stream_id, token)
        if body is None or (not body.is_relayed and body.person == _NO_ID):
            return None
        country = body.country if body.is_relayed else self._country_of(address)
        if body.person == _NO_ID:
            return Viewer(country=country)
        return Viewer(id=body.person, session_id=body.session, country=country)

    def _body(self, stream_id: str, token: str) -> _Body | None:
        """What the token says, if this cluster has sealed it for the stream, and it holds still."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            until, person, session, country = _BODY.unpack(raw[: _BODY.size])
        except (binascii.Error, ValueError, struct.error):
            return None
        body = _Body(
            until=until,
            person=str(UUID(bytes=person)),
            session=str(UUID(bytes=session)),
            country=country.decode("ascii", "replace"),
            is_relayed=self._is_sealed(RELAYED, stream_id, raw),
        )
        if until <= self._wall() or self._seals.is_revoked(body.session):
            return None
        return body if body.is_relayed or self._is_sealed(PURPOSE, stream_id, raw) else None

    def _until(self) -> int:
        return (int(self._wall()) // STEP_S + 2) * STEP_S

    def _is_sealed(self, purpose: bytes, stream_id: str, raw: bytes) -> bool:
        return self._seals.is_sealed(purpose + stream_id.encode(), raw[: _BODY.size], raw[_BODY.size :])
