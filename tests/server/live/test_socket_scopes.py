"""What a socket that was opened with an API token may send."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from actors.events import Person
from actors.session import Session, TokenBucket
from server.live.sockets import Sockets
from server.socket_events import ClientEvent


class Nothing(msgspec.Struct): ...


def _sockets(event: ClientEvent) -> Sockets:
    anything = cast(Any, SimpleNamespace)
    sockets = Sockets(
        identity=anything(on_revoked=lambda callback: None),
        node=anything(clock=SimpleNamespace(monotonic=lambda: 0.0)),
        fan=anything(),
        connection_quota=anything(),
        rate_limits=anything(),
        event_rate=1,
        event_burst=1,
    )
    sockets.install([event], closed=())
    return sockets


@pytest.mark.parametrize(
    ("scopes", "code"), [(None, None), (frozenset({"chat", "read"}), None), (frozenset({"read"}), "missing_scope")]
)
async def test_an_event_outside_of_the_tokens_scopes_is_refused_before_its_handler(
    scopes: frozenset[str] | None, code: str | None
) -> None:
    handled: list[Any] = []

    async def handle(socket: Any, session: Session, body: Nothing) -> dict[str, Any]:
        handled.append(body)
        return {"ok": True}

    event = ClientEvent(name="chat:send", summary="Write", shape=Nothing, ack=Nothing, handler=handle)
    session = Session(
        person=Person(id="ann", username="ann", display_name="Ann"), roles=(), session_id="s", viewer="ann",
        bucket=TokenBucket(rate=1, burst=1, at=0),
    )  # fmt: skip
    session.scopes = scopes
    answered: Any = _sockets(event).on_event(cast(Any, SimpleNamespace(state=session)), "chat:send", [{}])
    answer = await answered if inspect.isawaitable(answered) else answered
    assert answer.get("error", {}).get("code") == code
    assert bool(handled) == (code is None)
