"""The OpenAPI 3.1 document, made of the operations that are served: it cannot differ from what is checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from server.http.errors import PROBLEM_MEDIA_TYPE, TITLES
from server.http.idempotency import HEADER, KEY_PATTERN
from server.http.intake import path_formats
from server.http.operation import MediaType, Operation, PathFormat
from server.http.outgoing import OutgoingCall
from server.http.shapes import ProblemShape

Json = dict[str, Any]
Refs = Mapping[tuple[type[BaseModel], JsonSchemaMode], Json]

_REF: Final = "#/components/schemas/{model}"
_SECURITY: Final[Mapping[str, list[Json]]] = {
    "required": [{"access_token": []}],
    "optional": [{}, {"access_token": []}],
    "stream_key": [{"stream_key": []}],
}
_SCHEMES: Final[Json] = {
    "access_token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of `POST /api/v1/auth/login`; it lives for 15 minutes. Or an API token",
    },
    "stream_key": {"type": "http", "scheme": "bearer", "description": "A stream key, for publishing"},
}


def document(
    *,
    operations: Sequence[Operation],
    outgoing: Sequence[OutgoingCall] = (),
    title: str,
    version: str,
    description: str,
) -> Json:
    """The whole document; ``operations`` with ``is_documented=False`` are left out."""
    shown = [one for one in operations if one.is_documented]
    refs, schemas = _schemas(shown, outgoing)
    paths: Json = {}
    for operation in shown:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in shown)],
        "paths": paths,
        "webhooks": {one.name: _webhook(one, refs) for one in outgoing},
        "components": {
            "schemas": schemas,
            "securitySchemes": _SCHEMES,
            "responses": {_response_name(status): _problem(status, refs) for status in sorted(TITLES)},
        },
    }


def _webhook(call: OutgoingCall, refs: Refs) -> Json:
    """A request of this server to a receiver's (OpenAPI 3.1, *Fixed Fields* of the document: ``webhooks``)."""
    headers = {
        "Socialflow-Signature": '`t=<Unix time>,v1=<HMAC-SHA256 of "t.body" with the secret, in hexadecimal>`',
        "Socialflow-Event": "The name of the event",
        "Socialflow-Event-Id": "The same in each delivery of the event",
        "Socialflow-Delivery-Id": "The same in each try of this delivery",
    }
    said: Json = {
        "operationId": f"webhook.{call.name}",
        "summary": call.summary,
        "tags": ["webhooks"],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in headers.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": refs[call.body, "serialization"]}},
        },
        "responses": {"2XX": {"description": "Taken. Anything else is tried again, for a day"}},
        "security": [],
    }
    return {call.method: said}


def _schemas(operations: Sequence[Operation], outgoing: Sequence[OutgoingCall]) -> tuple[Refs, Json]:
    models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(ProblemShape, "serialization"): None}
    for operation in operations:
        models.update(dict.fromkeys(_models(operation)))
    models.update({(call.body, "serialization"): None for call in outgoing})
    refs, definitions = models_json_schema(list(models), ref_template=_REF)
    return cast(Refs, refs), definitions.get("$defs", {})


def _models(operation: Operation) -> Iterable[tuple[type[BaseModel], JsonSchemaMode]]:
    if isinstance(operation.body, type) and issubclass(operation.body, BaseModel):
        yield operation.body, "validation"
    for shape in operation.answers.values():
        if isinstance(shape, type):
            yield shape, "serialization"


def _operation(operation: Operation, refs: Refs) -> Json:
    said: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": _responses(operation, refs),
        "security": _SECURITY.get(operation.auth, []),
    }
    description = _described(operation)
    if description:
        said["description"] = description
    if parameters := _parameters(operation):
        said["parameters"] = parameters
    if operation.body is not None:
        said["requestBody"] = _request_body(operation, refs)
    return said


def _described(operation: Operation) -> str:
    """The description, with the scope that an API token needs."""
    if operation.auth not in ("required", "optional"):
        return operation.description
    scopes = " or ".join(f"`{scope}`" for scope in operation.scopes)
    sentence = f"API tokens need the scope {scopes}." if scopes else "Takes a session, no API token."
    return f"{operation.description}\n\n{sentence}".strip()


def _request_body(operation: Operation, refs: Refs) -> Json:
    schema: Json = {}
    if isinstance(operation.body, type) and issubclass(operation.body, BaseModel):
        schema = {"schema": refs[operation.body, "validation"]}
    return {
        "required": operation.body_required,
        "description": f"At most {operation.max_body} bytes",
        "content": dict.fromkeys(operation.consumes, schema),
    }


def _parameters(operation: Operation) -> list[Json]:
    found = [_path_parameter(name, kind) for name, kind in path_formats(operation).items()]
    if operation.query is not None:
        found += _query_parameters(operation.query)
    if operation.idempotent_key:
        found.append(_idempotency_parameter())
    found += [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in operation.request_headers.items()
    ]
    return found


def _path_parameter(name: str, kind: PathFormat) -> Json:
    schema: Json = {"type": "string", "pattern": kind.pattern}
    if kind.format:
        schema = {"type": "string", "format": kind.format}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": kind.description,
        "schema": schema,
        "example": kind.example,
    }


def _query_parameters(model: type[BaseModel]) -> list[Json]:
    schema = model.model_json_schema(mode="validation")
    definitions = schema.get("$defs", {})
    required = set(schema.get("required", ()))
    return [
        _query_parameter(name, _inlined(one, definitions), name in required)
        for name, one in schema["properties"].items()
    ]


def _query_parameter(name: str, schema: Json, is_required: bool) -> Json:
    schema = _without_null(schema)
    description = schema.pop("description", None)
    said: Json = {"name": name, "in": "query", "required": is_required, "schema": schema}
    return {**said, "description": description} if description else said


def _without_null(schema: Json) -> Json:
    """A query has no null: a parameter that may be None may be left out."""
    kept = {
        name: value for name, value in schema.items() if name not in {"title"} and (name, value) != ("default", None)
    }
    options = [one for one in kept.get("anyOf", ()) if one != {"type": "null"}]
    if len(options) == 1:
        del kept["anyOf"]
        kept = {**options[0], **kept}
    return kept


def _inlined(value: Any, definitions: Json) -> Any:
    if isinstance(value, list):
        return [_inlined(one, definitions) for one in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return _inlined(definitions[value["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(one, definitions) for name, one in value.items()}


def _idempotency_parameter() -> Json:
    return {
        "name": HEADER,
        "in": "header",
        "description": "Same key and body: the same answer, carried out once. Kept for 24 hours.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY_PATTERN},
    }


def _responses(operation: Operation, refs: Refs) -> Json:
    responses = {str(status): _answer(status, shape, operation, refs) for status, shape in operation.answers.items()}
    for status in sorted(problem_statuses(operation) - set(operation.answers)):
        responses[str(status)] = {"$ref": f"#/components/responses/{_response_name(status)}"}
    return responses


def problem_statuses(operation: Operation) -> set[int]:
    """Every status ≥ 400 that the operation can answer with: its own and those that follow from what it declares."""
    found = {500, 503, *operation.problems}
    if operation.auth != "none":
        found.add(401)
    if operation.roles or operation.auth in ("required", "optional"):
        found.add(403)
    if "{" in operation.path:
        found.add(404)
    if operation.body is not None:
        found |= {400, 408, 413, 415}
    if operation.query is not None or operation.body not in {None, bytes}:
        found.add(422)
    if operation.idempotent_key:
        found |= {409, 422}
    if operation.rate is not None or operation.account_rate is not None:
        found.add(429)
    return found


def _answer(status: int, shape: Any, operation: Operation, refs: Refs) -> Json:
    headers = dict(operation.headers)
    if status == 503:
        headers["Retry-After"] = "Seconds to wait"
    said: Json = {"description": _DESCRIPTIONS.get(status, "The answer")}
    if isinstance(shape, MediaType):
        said["description"] = shape.description
        said["content"] = {shape.media_type: {"schema": {"type": "string"}}}
        headers.update(shape.headers)
    elif shape is not None:
        said["content"] = {"application/json": {"schema": refs[shape, "serialization"]}}
    if headers:
        said["headers"] = {name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()}
    return said


_DESCRIPTIONS: Final = {
    200: "Done",
    201: "Created",
    202: "Accepted, and being worked on",
    204: "Done; there is nothing to say",
    304: "Not modified",
    503: "Not available",
}


def _problem(status: int, refs: Refs) -> Json:
    said: Json = {
        "description": TITLES[status][1],
        "content": {PROBLEM_MEDIA_TYPE: {"schema": refs[ProblemShape, "serialization"]}},
    }
    header = _PROBLEM_HEADERS.get(status)
    if header:
        said["headers"] = {header[0]: {"description": header[1], "schema": {"type": "string"}}}
    return said


_PROBLEM_HEADERS: Final = {
    401: ("WWW-Authenticate", "RFC 6750: why the token was refused"),
    405: ("Allow", "The methods that are supported"),
    429: ("Retry-After", "Seconds to wait"),
    503: ("Retry-After", "Seconds to wait"),
}


def _response_name(status: int) -> str:
    return "".join(part.capitalize() for part in TITLES[status][0].split("-"))
