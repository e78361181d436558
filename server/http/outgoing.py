"""What this server asks of others' servers: requests that are documented beside its own operations."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(frozen=True, kw_only=True)
class OutgoingCall:
    """A POST that a receiver answers with any status from 200 to 299. ``name`` is the event's."""

    name: str
    summary: str
    body: type[BaseModel]
    method: str = "post"
