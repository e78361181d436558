"""Rules of a bucket's lifecycle: what S3 itself does to objects by their age. Those of others in the bucket stay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

OWN: Final = "socialflow:"
LARGEST_COPY: Final = 5 * 1024**3
"""S3 copies no more in one call."""


class ClassRule(msgspec.Struct, frozen=True):
    """Objects under ``prefix``, which ends with a slash, have this storage class from ``days`` of age on."""

    prefix: str
    days: int
    storage_class: str


def written_rules(
    before: Sequence[dict[str, Any]], rules: Sequence[ClassRule], *, prefix: str, unfinished_days: int
) -> list[dict[str, Any]]:
    """The rules of the bucket, of which ours, by their id, are replaced. None of them lets an object expire."""
    own = f"{OWN}{prefix}"
    others = [rule for rule in before if not str(rule.get("ID", "")).startswith(own)]
    moves = [
        {
            "ID": f"{own}{rule.prefix}",
            "Status": "Enabled",
            "Filter": {"Prefix": f"{prefix}{rule.prefix}"},
            "Transitions": [{"Days": rule.days, "StorageClass": rule.storage_class}],
        }
        for rule in rules
    ]
    unfinished = {
        "ID": f"{own}unfinished",
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": unfinished_days},
    }
    return [*others, *moves, unfinished]


def to_move(page: dict[str, Any], rule: ClassRule, now: dt.datetime) -> Iterator[str]:
    """The names of a page of the bucket that are to have another class."""
    until = now - dt.timedelta(days=rule.days)
    for found in page.get("Contents", ()):
        is_due = found["LastModified"] < until and found["Size"] < LARGEST_COPY
        if is_due and found.get("StorageClass", "STANDARD") != rule.storage_class:
            yield found["Key"]
