"""``/asyncapi.json``: valid by the specification's own schema, and complete."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec

from server.http.asyncapi import document
from server.live import bodies, events
from server.socket_events import ClientEvent
from tests.tools import needs

SCHEMA = Path(__file__).parents[3] / "server/web/node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
SEND = ClientEvent(name="chat:send", summary="Write", shape=bodies.Send, ack=events.Sent, handler=print)


def made() -> dict[str, Any]:
    found: dict[str, Any] = document(
        client_events=[SEND], server_events=events.SERVER_EVENTS, title="Social Flow", version="1"
    )
    return found


@needs(SCHEMA.exists(), "@asyncapi/specs (npm ci in server/web)")
def test_document_is_valid_by_the_schema_of_asyncapi() -> None:
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(made())


def test_client_event_is_received_and_replied_to_with_its_acknowledgement_or_a_refusal() -> None:
    operation = made()["operations"]["chat_send"]
    assert operation["action"] == "receive"
    assert [one["$ref"].rpartition("/")[2] for one in operation["reply"]["messages"]] == ["chat_send.ack", "refused"]
    assert made()["channels"]["chat_send"]["address"] == "chat:send"


def test_event_that_goes_both_ways_has_one_channel() -> None:
    mode = ClientEvent(name="chat:mode", summary="Change", shape=bodies.Mode, ack=events.ModeSet, handler=print)
    found = document(client_events=[mode], server_events=events.SERVER_EVENTS, title="t", version="1")
    assert set(found["channels"]["chat_mode"]["messages"]) == {
        "chat_mode", "chat_mode.ack", "refused", "chat_mode.sent",
    }  # fmt: skip
    assert {found["operations"][name]["action"] for name in ("chat_mode", "chat_mode.sent")} == {"receive", "send"}


def test_patterns_mean_the_same_in_ecma_262() -> None:
    patterns = re.findall(r'"pattern":"([^"]*)"', msgspec.json.encode(made()).decode())
    assert patterns
    assert not [one for one in patterns if "\\Z" in one or "\\x00" in one]


def test_every_reference_leads_somewhere() -> None:
    found = made()
    for reference in re.findall(r'"\$ref":"#/([^"]+)"', msgspec.json.encode(found).decode()):
        at: Any = found
        for step in reference.split("/"):
            at = at[step]
        assert at
