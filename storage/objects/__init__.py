"""Objects: bytes under a key, in a local folder or in S3. Written whole or not at all, then never changed."""

from __future__ import annotations

from pathlib import Path

from storage.objects.local import LocalObjects
from storage.objects.port import CHUNK_BYTES, DirectParts, HeldPart, NoSuchObject, ObjectStore
from storage.objects.s3 import S3Objects

__all__ = [
    "CHUNK_BYTES",
    "DirectParts",
    "HeldPart",
    "LocalObjects",
    "NoSuchObject",
    "ObjectStore",
    "S3Objects",
    "open_objects",
]


def open_objects(place: str) -> ObjectStore:
    """The store at ``s3://bucket[/prefix]``, or in the local folder ``place``."""
    return S3Objects.connect(place) if place.startswith("s3://") else LocalObjects(root=Path(place))
