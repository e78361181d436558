"""What the system calls alone cost: a server that knows no more of the protocol than to let the crowd in, and makes one
`write` for each socket and message. No Socket.IO server that does not coalesce can deliver for less.
"""

from __future__ import annotations

import os
import select
import socket

_SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
_SAY, _CHAT = b'42["say",', b'42["chat",'


def _frame(text: bytes) -> bytes:
    if len(text) < 126:
        return bytes((0x81, len(text))) + text
    return b"\x81\x7e" + len(text).to_bytes(2, "big") + text


class SyscallBaseline:
    """All clients are in one room. A client whose socket is full misses the message."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(4096)
        self._epoll = select.epoll()
        self._epoll.register(self._listener.fileno(), select.EPOLLIN)
        self._clients: dict[int, socket.socket] = {}
        self._room: list[int] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Until the process is ended."""
        while True:
            for number, _ in self._epoll.poll(-1, 256):
                if number == self._listener.fileno():
                    self._accept()
                else:
                    self._receive(number, self._read(number))

    def _accept(self) -> None:
        found, _ = self._listener.accept()
        found.setblocking(False)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients[found.fileno()] = found
        self._epoll.register(found.fileno(), select.EPOLLIN)

    def _read(self, number: int) -> bytes:
        try:
            return self._clients[number].recv(65536)
        except ConnectionError:
            return b""

    def _receive(self, number: int, data: bytes) -> None:
        if not data:
            self._leave(number)
        elif data.startswith(b"GET "):
            os.write(number, _SWITCH + _frame(b'0{"sid":"","upgrades":[]}'))
        elif data.endswith(b"40"):
            os.write(number, _frame(b'40{"sid":""}'))
            self._room.append(number)
        else:
            for said in data.split(_SAY)[1:]:
                self._tell(_frame(_CHAT + said.partition(b"\x81")[0]))

    def _tell(self, data: bytes) -> None:
        write = os.write
        for number in self._room:
            try:
                write(number, data)
            except (BlockingIOError, ConnectionError):  # whoever has left is heard of soon
                continue

    def _leave(self, number: int) -> None:
        self._epoll.unregister(number)
        self._clients.pop(number).close()
        if number in self._room:
            self._room.remove(number)
