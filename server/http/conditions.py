"""What a request says of the answer that it wants: preconditions, ranges, codings (RFC 9110, 12 to 14). Pure.

Entity tags are given with their quotes, as they stand in ``ETag``; all of ours are strong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from multidict import CIMultiDictProxy

Fields = CIMultiDictProxy[str]

_ENTITY_TAG: Final = re.compile(r'(W/)?("[^"]*")')
_RANGE: Final = re.compile(r"([0-9]{0,18})\s*-\s*([0-9]{0,18})")
_CODING: Final = re.compile(r"\s*([a-z*-]+)\s*(?:;\s*q\s*=\s*([0-9.]{1,5}))?\s*")


@dataclass(frozen=True, slots=True)
class Part:
    """``size`` bytes from ``offset`` on."""

    offset: int
    size: int


def is_unchanged(fields: Fields, etag: str) -> bool:
    """Whether If-None-Match names the tag, weak or strong, in a list or by ``*``: the answer is a 304."""
    given = _joined(fields, "If-None-Match")
    return given is not None and _names(given, etag, may_be_weak=True)


def is_refused(fields: Fields, etag: str) -> bool:
    """Whether If-Match names other tags only: the answer is a 412. Weak tags never match (section 13.1.1)."""
    given = _joined(fields, "If-Match")
    return given is not None and not _names(given, etag, may_be_weak=False)


def part_of(fields: Fields, *, method: str, etag: str, size: int) -> Part | None:
    """The part of ``size`` bytes that is asked for: None is the whole, a part without bytes cannot be had (416).

    What is no range of bytes, several ranges, and an If-Range with another tag or a date are passed over, and so is a
    range on any method but GET (sections 13.1.5, 14.2).
    """
    given = _joined(fields, "Range")
    if given is None or method != "GET" or fields.get("If-Range", etag) != etag:
        return None
    unit, _, text = given.partition("=")
    ranges = [one.strip() for one in text.split(",") if one.strip()]
    found = _RANGE.fullmatch(ranges[0]) if len(ranges) == 1 and unit.strip().lower() == "bytes" else None
    return None if found is None else _part(found[1], found[2], size)


def _part(first: str, last: str, size: int) -> Part | None:
    if not first:
        return None if not last else Part(max(0, size - int(last)), min(size, int(last)))
    if last and int(last) < int(first):
        return None
    end = min(size, int(last) + 1) if last else size
    return Part(int(first), max(0, end - int(first)))


def accepts_gzip(fields: Mapping[str, str]) -> bool:
    """Whether the client takes gzip (section 12.5.3); one that names no coding gets none."""
    weights: dict[str, float] = {}
    for item in fields.get("Accept-Encoding", "").lower().split(","):
        found = _CODING.fullmatch(item)
        if found is not None:
            weights[found[1]] = _weight(found[2])
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _weight(text: str | None) -> float:
    try:
        return 1.0 if text is None else float(text)
    except ValueError:
        return 0.0


def _joined(fields: Fields, name: str) -> str | None:
    values = fields.getall(name, [])
    return ", ".join(values) if values else None


def _names(given: str, etag: str, *, may_be_weak: bool) -> bool:
    if given.strip() == "*":
        return True
    return any(tag == etag and (may_be_weak or not weak) for weak, tag in _ENTITY_TAG.findall(given))
