"""Streams with a password: set by their owner, given by viewers, each of whom is let in until it is changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Protocol

from pydantic import Field

from actors.runtime import DomainError
from server.http.errors import FieldError, Problem
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation
from server.http.shapes import Shape
from server.live.addresses import MediaAddresses
from server.live.stream_directory import StreamDirectory
from server.live.stream_shapes import TAG, PasswordBody, StreamShape
from server.live.viewings import Viewer
from storage.stream_passwords import StreamPasswords

GUESSES_PER_HOUR: Final = 60
GUESSES: Final = CallRate("stream_passwords", per_s=GUESSES_PER_HOUR / 3600, burst=10)
GUEST_GUESSES: Final = CallRate("stream_passwords_of_guests", per_s=GUESSES_PER_HOUR / 3600, burst=10)
"""Of one address."""


class AccessShape(Shape):
    access: Annotated[str, Field(description="For `stream:watch`; the addresses in `playback` hold it already")]
    expires_at: datetime
    stream: StreamShape


class Hasher(Protocol):
    """Slow on purpose; raises a 503 when too much of it is asked for at once."""

    async def hash(self, password: str) -> str: ...
    async def verify(self, stored: str | None, password: str) -> bool: ...


class StreamPassword:
    """The password of each stream."""

    def __init__(self, *, table: StreamPasswords, hasher: Hasher) -> None:
        self._table = table
        self._hasher = hasher

    async def is_set(self, stream_id: str) -> bool:
        return await self._table.hash_of(stream_id) is not None

    async def set(self, stream_id: str, password: str) -> None:
        """Viewers who gave the one before must give this one."""
        await self._table.set(stream_id, await self._hasher.hash(password))

    async def let_in(self, stream_id: str, person_id: str, password: str) -> bool:
        """False for a wrong password, and for one that was changed meanwhile."""
        stored = await self._table.hash_of(stream_id)
        is_right = await self._hasher.verify(stored, password)
        return is_right and await self._table.grant(stream_id, person_id, stored or "")

    async def let_guest_in(self, stream_id: str, guest_id: str, password: str, *, for_s: float) -> bool:
        """As ``let_in``, for a guest without an account and for so long."""
        stored = await self._table.hash_of(stream_id)
        is_right = await self._hasher.verify(stored, password)
        return is_right and await self._table.grant_guest(stream_id, guest_id, stored or "", for_s=for_s)


class PasswordRoutes:
    """``PUT /api/v1/streams/{stream_id}/grant`` of people, ``POST …/access`` of guests without an account."""

    def __init__(
        self,
        *,
        passwords: StreamPassword,
        stream_directory: StreamDirectory,
        addresses: MediaAddresses,
        new_id: Callable[[], str],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._passwords = passwords
        self._stream_directory = stream_directory
        self._addresses = addresses
        self._new_id = new_id
        self._wall = wall

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="PUT", path="/api/v1/streams/{stream_id}/grant", handler=self._give, name="giveStreamPassword",
                tag=TAG, paths={"stream_id": UUID}, body=PasswordBody,
                summary="Give the password of a stream: I may see it until the password is changed",
                answers={204: None}, problems=frozenset({403, 404}), auth="required", account_rate=GUESSES,
            ),
            Operation(
                method="POST", path="/api/v1/streams/{stream_id}/access", handler=self._let_guest_in,
                name="giveStreamPasswordAsGuest", tag=TAG, paths={"stream_id": UUID}, body=PasswordBody,
                summary="Give the password of a stream without an account: good for some hours, or until it is changed",
                answers={200: AccessShape}, problems=frozenset({403, 404, 409}), rate=GUEST_GUESSES,
            ),
        ]  # fmt: skip

    async def _give(self, call: Call[PasswordBody, None]) -> Answer:
        stream_id = call.path["stream_id"].lower()
        viewer = self._addresses.asker(call.person, address=call.address)
        if await self._asks_password(stream_id, viewer) and not await self._passwords.let_in(
            stream_id, call.me.id, call.body.password
        ):
            raise _wrong()
        return Answer(204)

    async def _let_guest_in(self, call: Call[PasswordBody, None]) -> Answer:
        stream_id, guest_id = call.path["stream_id"].lower(), self._new_id()
        if not await self._asks_password(stream_id, self._addresses.asker(None, address=call.address)):
            raise Problem(409, "This stream has no password", slug="no-password")
        access, until = self._addresses.access(stream_id, guest_id)
        if not await self._passwords.let_guest_in(stream_id, guest_id, call.body.password, for_s=until - self._wall()):
            raise _wrong()
        _, guest = self._addresses.read(f"{stream_id}~{access}", None, address=call.address)
        view = await self._stream_directory.view(stream_id, viewer=guest)
        expires_at = datetime.fromtimestamp(until, UTC)
        stream = self._stream_directory.shown_to(view, guest)
        return Answer(200, {"access": access, "expires_at": expires_at, "stream": stream})

    async def _asks_password(self, stream_id: str, viewer: Viewer) -> bool:
        """Whether the viewer may see the stream once its password is given. Raises why they may not otherwise."""
        try:
            await self._stream_directory.view(stream_id, viewer=viewer)
        except DomainError as error:
            if error.code != "password_required":
                raise
            return True
        return False


def _wrong() -> Problem:
    wrong = [FieldError("password", "is wrong")]
    return Problem(403, "This is not the password of the stream", slug="wrong-password", errors=wrong)
