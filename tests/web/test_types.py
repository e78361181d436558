"""The document that the client's types are made of, and what is made of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import msgspec
from openapi_spec_validator import validate

from server import describe
from server.http import asyncapi
from server.socket_events import ClientEvent, ServerEvent
from tests.tools import needs
from tests.web.node import node


class Asked(msgspec.Struct, frozen=True):
    room_id: str


class Answered(msgspec.Struct, frozen=True):
    count: int


def _unused(socket: object, session: object, body: object) -> None: ...


WEB = Path(__file__).parent.parent.parent / "server/web"


def test_the_document_is_made_without_a_server() -> None:
    document = describe.document(describe.features())
    validate(document)
    assert {"/api/v1/streams", "/api/v1/auth/login", "/whip", "/livez"} <= set(document["paths"])


def test_the_events_are_described_without_a_server() -> None:
    channels = describe.events(describe.features())["channels"]
    assert {"chat:send", "stream:watch", "session:revoked"} <= {channel["address"] for channel in channels.values()}


@needs(node(), "Node 20.19 or later (`make web` brings one)")
def test_types_are_written_for_schemas_and_operations(tmp_path: Path) -> None:
    program = node()
    assert program is not None
    thing = {
        "type": "object",
        "required": ["id", "parts"],
        "properties": {
            "id": {"type": "string"},
            "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
            "kind": {"enum": ["a", "b"]},
            "at": {"anyOf": [{"type": "number"}, {"type": "null"}], "description": "Seconds */ since"},
        },
    }
    answer = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}, "404": {}}
    query = {"name": "limit", "in": "query", "required": False, "schema": {"type": "integer"}}
    document = {
        "paths": {"/things": {"get": {"operationId": "listThings", "responses": answer, "parameters": [query]}}},
        "components": {"schemas": {"Thing": thing, "Part": {"type": "object", "additionalProperties": {"const": 1}}}},
    }
    file, events = tmp_path / "openapi.json", tmp_path / "asyncapi.json"
    file.write_text(json.dumps(document))
    declared = ClientEvent(name="x:ask", summary="Ask", shape=Asked, ack=Answered, handler=_unused)
    sent = ServerEvent(name="x:changed", summary="Changed", body=Answered, to="all")
    events.write_text(
        json.dumps(asyncapi.document(client_events=[declared], server_events=[sent], title="t", version="0"))
    )
    run = [program, str(WEB / "types.mjs"), str(tmp_path / "schema.ts"), str(file), str(events)]
    subprocess.run(run, check=True, capture_output=True, timeout=300)
    written = (tmp_path / "schema.ts").read_text()
    assert (
        '"Thing": { "id": string; "parts": (Schemas["Part"])[]; "kind"?: "a" | "b"; '
        '/** Seconds * / since */ "at"?: number | null; };' in written
    )
    assert '"Part": Record<string, 1>;' in written
    assert '"listThings": { answer: Schemas["Thing"]; body: undefined; query: { "limit"?: number; } };' in written
    assert '"x:ask": { body: EventSchemas["Asked"]; ack: EventSchemas["Answered"] };' in written
    assert '"x:changed": EventSchemas["Answered"];' in written
