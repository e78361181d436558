"""argon2id (RFC 9106): orders and how they are carried out. Blocking; without Python's lock while it computes."""

from __future__ import annotations

import secrets
import time
from typing import Final

import msgspec
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

SALT_BYTES: Final = 16
HASH_BYTES: Final = 32


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """``time_cost`` passes over ``memory_kib`` KiB, in one lane."""

    time_cost: int
    memory_kib: int

    def is_of(self, stored: str) -> bool:
        """Whether a hash was made at this cost."""
        return stored.startswith(f"$argon2id$v=19$m={self.memory_kib},t={self.time_cost},p=1$")


class Hash(msgspec.Struct, frozen=True, tag=True):
    """Answered with the hash, in the form of the PHC, which names its cost and its salt."""

    password: str
    cost: Cost


class Verify(msgspec.Struct, frozen=True, tag=True):
    """Answered with ``MATCHES``, or with nothing for a wrong password and for a hash that is none."""

    password: str
    stored: str


Work = Hash | Verify
MATCHES: Final = "matches"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """``until``: of ``time.monotonic``, which the processes of a machine share; later nobody waits for the answer."""

    number: int
    work: Work
    until: float


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """``answer``: None when the order was overdue before it was begun."""

    number: int
    answer: str | None


def carried_out(order: Order) -> Done:
    is_overdue = time.monotonic() > order.until
    return Done(number=order.number, answer=None if is_overdue else computed(order.work))


def computed(work: Work) -> str:
    if isinstance(work, Hash):
        return _hashed(work.password, work.cost)
    return MATCHES if _matches(work.stored, work.password) else ""


def _hashed(password: str, cost: Cost) -> str:
    kdf = Argon2id(
        salt=secrets.token_bytes(SALT_BYTES),
        length=HASH_BYTES,
        iterations=cost.time_cost,
        lanes=1,
        memory_cost=cost.memory_kib,
    )
    return kdf.derive_phc_encoded(password.encode())


def _matches(stored: str, password: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), stored)
    except (InvalidKey, ValueError):
        return False
    return True
