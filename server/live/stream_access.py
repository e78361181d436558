"""The stream that a request names, for a person who may see it or change it."""

from __future__ import annotations

from typing import Any

from actors.events import StreamView
from actors.restrictions import CODES
from actors.runtime import DomainError
from server.http.errors import Problem, not_found
from server.http.operation import Call
from server.live.addresses import MediaAddresses
from server.live.stream_directory import StreamDirectory
from server.live.viewings import Viewer


class StreamAccess:
    """Answers 404 for a stream that the person may not know of, and 403 for one that is not theirs to change."""

    def __init__(self, *, directory: StreamDirectory, addresses: MediaAddresses) -> None:
        self._directory = directory
        self._addresses = addresses

    def asker(self, call: Call[Any, Any]) -> Viewer:
        return self._addresses.asker(call.person, address=call.address)

    async def visible(self, call: Call[Any, Any]) -> StreamView:
        try:
            return await self._directory.view(call.path["stream_id"].lower(), viewer=self.asker(call))
        except DomainError as error:
            if error.code == "not_found":
                raise not_found("There is no such stream") from None
            raise

    async def latest(self, call: Call[Any, Any]) -> StreamView:
        """As the stream is now, which is judged too: what this node remembered may be older than its end of rights."""
        if not is_admin(call):
            await self.visible(call)
            await self.fresh(call)
            return await self.visible(call)
        return self._directory.counted(await self.fresh(call))

    async def fresh(self, call: Call[Any, Any]) -> StreamView:
        try:
            return await self._directory.fresh(call.path["stream_id"].lower())
        except DomainError as error:
            if error.code == "not_found":
                raise not_found("There is no such stream") from None
            raise

    async def owned(self, call: Call[Any, Any]) -> StreamView:
        """The stream of its owner. Admins act on any, those that are hidden from them otherwise too."""
        try:
            view = await (self.fresh(call) if is_admin(call) else self.visible(call))
        except DomainError as error:
            if error.code in CODES:  # whose it is comes before whom it is for
                raise Problem(403, "This stream is not yours") from None
            raise
        if view.owner.id != call.me.id and "admin" not in call.me.roles:
            raise Problem(403, "This stream is not yours")
        return view

    async def moderated(self, call: Call[Any, Any]) -> StreamView:
        """As ``owned``, for the moderators of the server too."""
        return await (self.fresh(call) if "moderator" in call.me.roles else self.owned(call))


def hidden(error: DomainError) -> Exception:
    """What who asks for media is answered: a stream's password is given elsewhere, and no player can."""
    return error if error.code in CODES else not_found("There is no such stream")


def id_of(call: Call[Any, Any]) -> str | None:
    return call.person.id if call.person is not None else None


def is_admin(call: Call[Any, Any]) -> bool:
    return call.person is not None and "admin" in call.person.roles
