"""How a socket takes up the recovery buffer of an earlier connection, and how it leaves its own behind."""

from __future__ import annotations

from typing import Any

from server.live.edge.engineio import new_sid
from server.live.edge.recovery import RecoveryBuffer, RecoveryBuffers
from server.live.edge.socket import Socket


def take_up(socket: Socket, auth: dict[str, Any], buffers: RecoveryBuffers) -> None:
    """Gives a connecting socket the buffer that its client names, or a new one.

    The socket holds the missed events. What is published while the application decides comes behind them.
    """
    found = buffers.take(auth.get("pid"))
    missed = found.after(auth.get("offset")) if found is not None else None
    if found is None:
        socket.recovery_buffer = RecoveryBuffer(sid=socket.sid)
    elif missed is None:
        buffers.drop(found)
        socket.recovery_buffer = RecoveryBuffer(sid=socket.sid)
    else:
        socket.recovery_buffer, socket.sid = found, found.sid
        buffers.came(found, socket)
        for args in missed:
            socket.hold(socket.parser.event(socket.namespace, args))


def settle(socket: Socket, buffers: RecoveryBuffers) -> str | None:
    """Keeps the buffer if its owner is the one that the application has named; else drops it and begins another one.

    The buffer's `pid`; None for a client that does not recover.
    """
    buffer = socket.recovery_buffer
    if buffer is None:
        return None
    if socket.sid == buffer.sid and buffer.owner is not None and buffer.owner != socket.owner:
        buffers.drop(buffer)
        socket.sid = new_sid()
        socket.forget_held()
        buffer = socket.recovery_buffer = RecoveryBuffer(sid=socket.sid)
    buffer.owner = socket.owner
    buffers.came(buffer, socket)
    return buffer.pid


def leave(socket: Socket, buffers: RecoveryBuffers, *, is_kept: bool) -> None:
    """Parts the socket from its buffer; `is_kept` when the client may come back for it."""
    buffer = socket.recovery_buffer
    if buffer is not None and buffer.socket is socket:
        buffers.left(buffer, socket.topics, is_kept=is_kept)
