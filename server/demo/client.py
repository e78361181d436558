"""The two ways into a server that the demo needs: JSON over HTTP, and Socket.IO over one WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp

CALL_S: Final = 15.0
PATIENCE_S: Final = 180.0


class CallRefused(Exception):
    """The server answered, and not with a success. ``retry_after_s`` is what it asked for, if it did."""

    def __init__(self, status: int, detail: str, *, code: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return self.detail


class ServerLost(Exception):
    """The server cannot be reached, or does not answer in time."""


class Api:
    """Calls of the REST interface at one origin. A refusal by a rate limit is waited for, up to ``PATIENCE_S``."""

    def __init__(self, *, client: aiohttp.ClientSession, origin: str) -> None:
        self._client = client
        self.origin = origin

    async def call(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> Any:
        """The answer's JSON, None for an empty one. Raises ``CallRefused`` and ``ServerLost``."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                return await self._once(method, path, body, token)
            except CallRefused as refusal:
                wait_s = refusal.retry_after_s
                if refusal.status != 429 or wait_s is None or asyncio.get_running_loop().time() + wait_s > deadline:
                    raise
                await asyncio.sleep(wait_s)

    async def _once(self, method: str, path: str, body: Any, token: str | None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = aiohttp.ClientTimeout(total=CALL_S)
        with _lost():
            async with self._client.request(
                method, self.origin + path, json=body, headers=headers, timeout=timeout, ssl=False
            ) as answer:
                text = await answer.text()
        if answer.status >= 400:
            raise _refusal(answer, text)
        return json.loads(text) if text else None

    async def upload(self, data: bytes, *, metadata: str, token: str) -> str:
        """Send a file by tus in one request; the path of the upload. Raises ``CallRefused`` and ``ServerLost``."""
        headers = {
            "Authorization": f"Bearer {token}",
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(len(data)),
            "Upload-Metadata": metadata,
            "Content-Type": "application/offset+octet-stream",
        }
        timeout = aiohttp.ClientTimeout(total=CALL_S)
        url = f"{self.origin}/api/v1/uploads"
        with _lost():
            async with self._client.post(url, data=data, headers=headers, timeout=timeout, ssl=False) as answer:
                text = await answer.text()
        if answer.status >= 400:
            raise _refusal(answer, text)
        return answer.headers["Location"]

    async def say(self, room_id: str, text: str, *, client_id: str, token: str) -> None:
        """One message by a connection of its own. Raises ``CallRefused`` and ``ServerLost``."""
        socket = await self.socket(token, lambda event, body: None)
        body = {"room_id": room_id, "text": text, "client_id": client_id}
        await while_listening(socket, socket.call("chat:send", body))
        await socket.close()

    async def socket(self, token: str | None, heard: Callable[[str, Any], None]) -> EventSocket:
        """A Socket.IO connection that has joined the main namespace. Raises ``CallRefused`` and ``ServerLost``."""
        url = f"ws{self.origin.removeprefix('http')}/socket.io/?EIO=4&transport=websocket"
        with _lost():
            async with asyncio.timeout(CALL_S):
                socket = await self._client.ws_connect(url, ssl=False)
                joined = EventSocket(socket=socket, heard=heard)
                try:
                    await joined.join({"token": token} if token else None)
                except BaseException:
                    await socket.close()
                    raise
        return joined


class EventSocket:
    """One connection: Socket.IO v5 text packets over Engine.IO v4, main namespace only, no binary.

    ``listen`` must run for calls to be answered; it ends with the connection.
    """

    def __init__(self, *, socket: aiohttp.ClientWebSocketResponse, heard: Callable[[str, Any], None]) -> None:
        self._socket = socket
        self._heard = heard
        self._numbers = itertools.count()
        self._unanswered: dict[int, asyncio.Future[Any]] = {}
        self._silence_s = CALL_S

    async def join(self, auth: Any) -> None:
        """The two handshakes. Raises ``CallRefused`` when the token is not taken."""
        opened = json.loads((await self._socket.receive_str())[1:])
        self._silence_s = (opened["pingInterval"] + opened["pingTimeout"]) / 1000
        await self._socket.send_str("40" + (json.dumps(auth) if auth else ""))
        answer = await self._socket.receive_str()
        if not answer.startswith("40"):
            told = json.loads(answer[2:]) if answer.startswith("44") else {}
            raise CallRefused(401, told.get("message", "the connection was refused"), code="connect_error")

    async def listen(self) -> None:
        """Answer pings and hand over events until the connection ends, which raises ``ServerLost``."""
        try:
            with _lost():
                while True:
                    async with asyncio.timeout(self._silence_s):
                        text = await self._socket.receive_str()
                    await self._take(text)
        finally:
            for future in self._unanswered.values():
                if not future.done():
                    future.set_exception(ServerLost("the connection was closed"))
            await self._socket.close()

    async def _take(self, text: str) -> None:
        if text == "2":
            await self._socket.send_str("3")
        elif text.startswith("42"):
            event, *args = json.loads(text[2:])
            self._heard(event, args[0] if args else None)
        elif text.startswith("43"):
            self._acknowledge(text[2:])
        elif text in ("1", "41"):
            raise ServerLost("the server closed the connection")

    def _acknowledge(self, text: str) -> None:
        number, _, args = text.partition("[")
        future = self._unanswered.pop(int(number), None)
        if future is not None and not future.done():
            future.set_result(json.loads("[" + args)[0])

    async def call(self, event: str, body: Any) -> Any:
        """Send an event and return its acknowledgement. Raises ``CallRefused`` when that is not ok, and
        ``ServerLost``.
        """
        number = next(self._numbers)
        future = self._unanswered[number] = asyncio.get_running_loop().create_future()
        try:
            with _lost():
                async with asyncio.timeout(CALL_S):
                    await self._socket.send_str(f"42{number}" + json.dumps([event, body]))
                    answer = await future
        finally:
            self._unanswered.pop(number, None)
        if not answer["ok"]:
            raise _refused_event(answer["error"])
        return answer

    async def close(self) -> None:
        await self._socket.close()


async def while_listening(socket: EventSocket, work: Awaitable[None]) -> None:
    """Do ``work`` on a connection; both end when either does, and the reason is raised."""
    listening = asyncio.create_task(socket.listen(), name="listen")
    working = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait((listening, working), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (listening, working):
            task.cancel()
        await asyncio.gather(listening, working, return_exceptions=True)


@contextlib.contextmanager
def _lost() -> Any:
    """What a connection can die of, as ``ServerLost``."""
    try:
        yield
    except TimeoutError as error:
        raise ServerLost("the server does not answer") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ServerLost(str(error) or type(error).__name__) from error
    except aiohttp.WSMessageTypeError as error:  # a close, or something that is no text
        raise ServerLost("the connection was closed") from error


def _refusal(answer: aiohttp.ClientResponse, text: str) -> CallRefused:
    try:
        detail = str(json.loads(text)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"{answer.status} {answer.reason}"
    wait = answer.headers.get("Retry-After", "")
    return CallRefused(answer.status, detail, retry_after_s=float(wait) if wait.isdigit() else None)


def _refused_event(error: Any) -> CallRefused:
    wait_ms = error.get("retry_after_ms")
    retry_after_s = wait_ms / 1000 if wait_ms is not None else None
    return CallRefused(400, error["message"], code=error["code"], retry_after_s=retry_after_s)
