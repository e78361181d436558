"""How values cross the boundary to Postgres: ``uuid`` as text, ``json`` and ``jsonb`` as plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from storage.ids import uuid_text


async def set_codecs(connection: Any) -> None:
    """Sets them for a connection of the driver."""
    catalog = "pg_catalog"
    await connection.set_type_codec("uuid", schema=catalog, encoder=_uuid_in, decoder=uuid_text, format="binary")
    for kind in ("json", "jsonb"):
        prefix = b"\x01" if kind == "jsonb" else b""
        await connection.set_type_codec(
            kind, schema=catalog, encoder=_json_encoder(prefix), decoder=_json_decoder(len(prefix)), format="binary"
        )


def _uuid_in(text: str) -> bytes:
    value = bytes.fromhex(text.replace("-", ""))
    if len(value) != 16:
        raise ValueError("not a UUID")
    return value


def _json_encoder(prefix: bytes) -> Callable[[object], bytes]:
    return lambda value: prefix + msgspec.json.encode(value)


def _json_decoder(skip: int) -> Callable[[bytes], Any]:
    return lambda data: msgspec.json.decode(data[skip:])
