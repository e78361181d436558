"""What crosses the border of the job queue."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, Literal

import msgspec

from storage.errors import BadValue, StorageError

State = Literal["queued", "running", "done", "dead", "cancelled"]
Priority = Literal["high", "normal", "low"]

STATES: Final[tuple[State, ...]] = ("queued", "running", "done", "dead", "cancelled")
PRIORITIES: Final[tuple[Priority, ...]] = ("high", "normal", "low")
"""The place of a priority is its number in the table: the lowest number runs first."""

CHANNEL: Final = "jobs"
"""Of NOTIFY: an empty payload says that jobs are due, an id that its cancellation is asked for."""

MAX_BODY_BYTES: Final = 64 * 1024
MAX_KEY_CHARS: Final = 200
MAX_REASON_CHARS: Final = 1_000
MAX_NOTE_CHARS: Final = 200


class Superseded(StorageError):
    """The attempt is not the job's current one any more: another worker took the job over, or it was cancelled.

    Nothing of the transaction that met it was carried out.
    """

    def __init__(self, job_id: str, attempt: int) -> None:
        super().__init__(job_id, attempt)
        self.job_id = job_id
        self.attempt = attempt

    def __str__(self) -> str:
        return f"attempt {self.attempt} of job {self.job_id} is not the current one"


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job to enqueue. ``body``: JSON text. ``due_at``: not before then; None is now."""

    id: str
    name: str
    body: bytes
    key: str | None = None
    due_at: dt.datetime | None = None
    priority: Priority = "normal"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A job that a worker holds.

    ``attempt`` is the fencing token: it grows with each claim and never goes back. ``tries`` counts the claims since
    the job was enqueued or retried by an operator, this one included.
    """

    id: str
    name: str
    key: str | None
    body: Any
    attempt: int
    tries: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended.

    ``queued``: to be tried again in ``after_s``. ``is_given_back``: the try does not count. ``reason``: what failed;
    None keeps the reason of an earlier attempt. ``successor``: a job that is enqueued with the outcome, if that counts.
    """

    id: str
    attempt: int
    state: State
    reason: str | None = None
    after_s: float = 0.0
    is_given_back: bool = False
    successor: NewJob | None = None


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """A job as operators see it. Bodies are left out: they may hold what is secret."""

    id: str
    name: str
    key: str | None
    state: State
    priority: Priority
    tries: int
    due_at: dt.datetime
    created_at: dt.datetime
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    worker: str | None = None
    progress: float = 0.0
    note: str = ""
    reason: str | None = None
    is_cancel_asked: bool = False


class JobCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs of a name are in a state. ``oldest_due_at``: of those the one that was due first."""

    name: str
    state: State
    count: int
    oldest_due_at: dt.datetime


def bounded(new: NewJob) -> NewJob:
    """The job itself; raises ``BadValue`` when a part of it is too large."""
    if len(new.body) > MAX_BODY_BYTES:
        raise BadValue(f"the body of a job {new.name} has {len(new.body)} bytes, at most {MAX_BODY_BYTES} are kept")
    if new.key is not None and not 0 < len(new.key) <= MAX_KEY_CHARS:
        raise BadValue(f"the key of a job {new.name} has {len(new.key)} characters, not 1 to {MAX_KEY_CHARS}")
    return new


def storable(text: str, most: int) -> str:
    """The text as Postgres can hold it, cut at ``most`` characters."""
    return text.replace("\x00", "�").encode(errors="replace").decode()[:most]
