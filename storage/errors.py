"""What can go wrong below the actors. Callers branch on the type; the sentence is for people and logs."""

from __future__ import annotations

from actors.runtime import errors as actor_errors


class StorageError(Exception):
    """Root of the drivers' errors; raised itself only for a defect, such as SQL that does not parse."""


class Unavailable(StorageError, actor_errors.Unavailable):
    """A dependency is away, restarting, full or too slow. Whether a write was carried out is unknown; retry it."""

    def __init__(self, dependency: str, reason: str, *, retry_after_s: float = 1.0) -> None:
        actor_errors.Unavailable.__init__(self, dependency, reason, retry_after_s=retry_after_s)
        self.dependency = dependency

    def __str__(self) -> str:
        return f"{self.dependency} is unavailable: {self.reason}"


class Deadlock(Unavailable):
    """The transaction was rolled back since it and another one waited for each other: nothing was written."""


class Conflict(StorageError):
    """A row breaks a constraint: unique, foreign key or check. ``constraint`` is its name in the schema."""

    def __init__(self, constraint: str, detail: str = "") -> None:
        super().__init__(constraint, detail)
        self.constraint = constraint
        self.detail = detail

    def __str__(self) -> str:
        return f"refused by the constraint {self.constraint}"


class BadValue(StorageError):
    """A value does not fit its column: not a UUID, out of range, a NUL character in a text."""


class Fenced(StorageError, actor_errors.Fenced):
    """The shard was taken over by another node: this writer's epoch is stale and the write was not carried out."""

    def __init__(self, shard: int, epoch: int) -> None:
        actor_errors.Fenced.__init__(self, f"shard {shard}", f"epoch {epoch} is stale")
        self.shard = shard
        self.epoch = epoch

    def __str__(self) -> str:
        return f"epoch {self.epoch} of shard {self.shard} is stale: another node owns it now"


class SchemaMismatch(StorageError):
    """The database's schema is not the one that this code knows."""

    def __init__(self, current: str, head: str, advice: str) -> None:
        super().__init__(current, head, advice)
        self.current = current
        self.head = head
        self.advice = advice

    def __str__(self) -> str:
        return f"the database is at schema {self.current or 'none'}, this version needs {self.head}: {self.advice}"


class EmbeddedStartFailed(StorageError):
    """An embedded engine cannot start. ``str`` is one line: what happened and what to do."""

    def __init__(self, engine: str, what: str, advice: str) -> None:
        super().__init__(engine, what, advice)
        self.engine = engine
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return f"embedded {self.engine} cannot start: {self.what}; {self.advice}"
