"""Writes small MaxMind databases (MaxMind DB file format 2.0) for tests."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

BITS: Final = 128
EMPTY: Final = b"\0" * 16
MARKER: Final = b"\xab\xcd\xefMaxMind.com"


class Uint16(int): ...


class Uint64(int): ...


def write_countries(path: Path, networks: Mapping[str, Any]) -> Path:
    """A database of records by network (CIDR); IPv4 lies under ``::/96``."""
    tree: list[list[Any]] = [[None, None]]
    data = b""
    for text, record in networks.items():
        network = ipaddress.ip_network(text)
        depth = network.prefixlen + (96 if network.version == 4 else 0)
        _put(tree, int(network.network_address), depth, len(data))
        data += _encoded(record)
    nodes = b"".join(_pointer(entry, len(tree)) for node in tree for entry in node)
    metadata = {
        "binary_format_major_version": Uint16(2), "binary_format_minor_version": Uint16(0), "build_epoch": Uint64(1),
        "database_type": "test", "description": {}, "ip_version": Uint16(6), "languages": [], "node_count": len(tree),
        "record_size": Uint16(24),
    }  # fmt: skip
    path.write_bytes(nodes + EMPTY + data + MARKER + _encoded(metadata))
    return path


def _put(tree: list[list[Any]], address: int, depth: int, offset: int) -> None:
    at = 0
    for bit in range(depth - 1):
        side = address >> (BITS - 1 - bit) & 1
        if tree[at][side] is None:
            tree.append([None, None])
            tree[at][side] = len(tree) - 1
        at = tree[at][side]
    tree[at][address >> (BITS - depth) & 1] = (offset,)


def _pointer(entry: int | tuple[int] | None, nodes: int) -> bytes:
    value = nodes if entry is None else entry if isinstance(entry, int) else nodes + len(EMPTY) + entry[0]
    return value.to_bytes(3, "big")


def _encoded(value: Any) -> bytes:
    if isinstance(value, str):
        return bytes([2 << 5 | len(value)]) + value.encode() if len(value) < 29 else _long(value)
    if isinstance(value, int):
        raw = int(value).to_bytes(8, "big").lstrip(b"\0")
        if isinstance(value, Uint64):
            return bytes([len(raw), 9 - 7]) + raw
        return bytes([(5 if isinstance(value, Uint16) else 6) << 5 | len(raw)]) + raw
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(map(_encoded, value))
    return bytes([7 << 5 | len(value)]) + b"".join(_encoded(key) + _encoded(held) for key, held in value.items())


def _long(value: str) -> bytes:
    return bytes([2 << 5 | 29, len(value) - 29]) + value.encode()
