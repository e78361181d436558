"""The AsyncAPI 3.0 document, made of the events that are served: what is checked and what is documented cannot differ.

Each event is a channel of the namespace ``/``. A client event's operation has the action ``receive`` (this server
receives it) and a ``reply`` with the acknowledgement; a server event's has ``send``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from server.socket_events import ClientEvent, ServerEvent

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"
_SENDERS: Final = {
    "anyone": "Guests may send it.",
    "person": "Guests are refused.",
    "moderator": "Moderators of the room may send it.",
    "owner": "The owner may send it.",
}


class EventError(msgspec.Struct, frozen=True, kw_only=True):
    """Why an event was refused. ``retry_after_ms``: the same event may succeed after that time."""

    code: str
    message: str
    retry_after_ms: int | msgspec.UnsetType = msgspec.UNSET
    field: str | msgspec.UnsetType = msgspec.UNSET


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The acknowledgement of an event that was not carried out."""

    ok: bool
    error: EventError


def document(
    *, client_events: Sequence[ClientEvent], server_events: Sequence[ServerEvent], title: str, version: str
) -> Json:
    """The whole document."""
    schemas = _schemas([one.shape for one in client_events] + [one.ack for one in client_events], server_events)
    messages: Json = {"refused": _message("refused", "Why the event was refused", Refused)}
    channels: Json = {}
    operations: Json = {}
    for event in client_events:
        _add_client_event(event, messages, channels, operations)
    for told in server_events:
        _add_server_event(told, messages, channels, operations)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": version, "description": _ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "socketio": {"host": "{host}", "pathname": "/socket.io/", "protocol": "ws", "variables": _HOST},
            "msgpack": {"host": "{host}", "pathname": "/socket.io-msgpack/", "protocol": "ws", "variables": _HOST},
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


_ABOUT: Final = (
    "Socket.IO v5, namespace `/`. Connect with `auth: {token}`; without a token the socket is a guest. Every client "
    "event is acknowledged with `{ok: true, …}` or `{ok: false, error}`, and none closes the socket."
)
_HOST: Final = {"host": {"default": "localhost:8080", "description": "Where the server is reached"}}


def _add_client_event(event: ClientEvent, messages: Json, channels: Json, operations: Json) -> None:
    key = _key(event.name)
    messages[key] = _message(event.name, event.summary, event.shape)
    messages[f"{key}.ack"] = _message(f"{event.name} acknowledged", "What was done", event.ack)
    channels[key] = _channel(event.name, [key, f"{key}.ack", "refused"])
    channel = f"#/channels/{key}"
    operations[key] = {
        "action": "receive",
        "channel": {"$ref": channel},
        "summary": event.summary,
        "description": _SENDERS[event.sender],
        "messages": [{"$ref": f"{channel}/messages/{key}"}],
        "reply": {
            "channel": {"$ref": channel},
            "messages": [{"$ref": f"{channel}/messages/{key}.ack"}, {"$ref": f"{channel}/messages/refused"}],
        },
    }


def _add_server_event(event: ServerEvent, messages: Json, channels: Json, operations: Json) -> None:
    """An event that goes both ways has one channel."""
    key = _key(event.name)
    sent = f"{key}.sent" if key in messages else key
    messages[sent] = _message(event.name, event.summary, event.body)
    channel = channels.setdefault(key, _channel(event.name, []))
    channel["messages"][sent] = {"$ref": f"#/components/messages/{sent}"}
    operations[f"{key}.sent"] = {
        "action": "send",
        "channel": {"$ref": f"#/channels/{key}"},
        "summary": event.summary,
        "description": f"Sent to {event.to}.",
        "messages": [{"$ref": f"#/channels/{key}/messages/{sent}"}],
    }


def _channel(address: str, keys: Iterable[str]) -> Json:
    return {"address": address, "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in keys}}


def _message(name: str, summary: str, shape: type[msgspec.Struct]) -> Json:
    return {"name": name, "summary": summary, "payload": {"$ref": _REF.format(name=shape.__name__)}}


def _key(name: str) -> str:
    """Keys of components hold letters, digits, ``.``, ``-`` and ``_``."""
    return name.replace(":", "_")


def _schemas(shapes: Sequence[type[msgspec.Struct]], server_events: Sequence[ServerEvent]) -> Json:
    types = list(dict.fromkeys([*shapes, *(event.body for event in server_events), Refused]))
    _, components = msgspec.json.schema_components(types, ref_template=_REF)
    portable: Json = _portable(components)
    return portable


def _portable(schema: Any) -> Any:
    r"""Python's ``\Z`` is ECMA 262's ``$``, and ``\x00`` is written as JSON Schema's tools read it."""
    if isinstance(schema, dict):
        return {
            name: value.replace("\\Z", "$").replace("\\x00", "\\u0000")
            if name == "pattern" and isinstance(value, str)
            else _portable(value)
            for name, value in schema.items()
        }
    if isinstance(schema, list):
        return [_portable(value) for value in schema]
    return schema
