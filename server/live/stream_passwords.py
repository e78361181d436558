"""Streams with a password: set by their owner, given by viewers, each of whom is let in until it is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from actors.runtime import DomainError
from server.http.errors import FieldError, Problem
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation
from server.live.stream_directory import StreamDirectory
from server.live.stream_shapes import TAG, PasswordBody
from storage.stream_passwords import StreamPasswords

GUESSES_PER_HOUR: Final = 60
GUESSES: Final = CallRate("stream_passwords", per_s=GUESSES_PER_HOUR / 3600, burst=10)


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


class PasswordRoutes:
    """``PUT /api/v1/streams/{stream_id}/grant``."""

    def __init__(self, *, passwords: StreamPassword, stream_directory: StreamDirectory) -> None:
        self._passwords = passwords
        self._stream_directory = stream_directory

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="PUT", path="/api/v1/streams/{stream_id}/grant", handler=self._give, name="giveStreamPassword",
                tag=TAG, paths={"stream_id": UUID}, body=PasswordBody,
                summary="Give the password of a stream: I may see it until the password is changed",
                answers={204: None}, problems=frozenset({403, 404}), auth="required", account_rate=GUESSES,
            ),
        ]  # fmt: skip

    async def _give(self, call: Call[PasswordBody, None]) -> Answer:
        stream_id = call.path["stream_id"].lower()
        try:
            await self._stream_directory.view(stream_id, viewer_id=call.me.id)
        except DomainError as error:
            if error.code != "password_required":
                raise
            if not await self._passwords.let_in(stream_id, call.me.id, call.body.password):
                message = "This is not the password of the stream"
                wrong = [FieldError("password", "is wrong")]
                raise Problem(403, message, slug="wrong-password", errors=wrong) from None
        return Answer(204)
