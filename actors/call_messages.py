"""What the actor of a call is told and asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from actors.events import Person
from actors.runtime import Ask, Message

CALL = "call"
Departure = Literal["left", "lost", "elsewhere"]
"""Why a person is not in the call any more: they left, their connection is gone, or they joined through another one."""
Ending = Literal["time", "empty", "elsewhere", "lost"]
"""Why a socket is not in the call any more: its hour is over, nobody is in it, and as in ``Departure``."""


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """The socket through which a person is in a call, and the node that has it."""

    node: str
    socket: str


class CallState(msgspec.Struct, frozen=True, kw_only=True):
    """``people``: those in the call, who has been there longest first."""

    owner_id: str
    ends_at: datetime
    people: tuple[Person, ...]


class JoinCall(Ask[CallState], frozen=True, kw_only=True):
    """``token_hash``: of an unused token; None for who has been in the call before.

    Refused as ``not_found``, ``call_ended``, ``call_full``, ``forbidden`` or ``token_invalid``.
    """

    person: Person
    seat: Seat
    token_hash: bytes | None = None


class InviteToCall(Ask[None], frozen=True, kw_only=True):
    """The owner makes a token good. Refused as ``not_found``, ``forbidden`` or ``too_many_invitations``."""

    person_id: str
    token_hash: bytes


class RelaySignal(Ask[None], frozen=True, kw_only=True):
    """From the person in that seat to the person ``to``, with ``signal`` as it is.

    Refused as ``not_found`` (never in the call), ``not_joined`` or ``not_in_call`` (``to`` is not there).
    """

    person_id: str
    seat: Seat
    to: str
    signal: dict[str, Any]


class LeaveCall(Ask[None], frozen=True, kw_only=True):
    person_id: str
    seat: Seat


class SocketGone(Message, frozen=True, kw_only=True):
    person_id: str
    seat: Seat


class SeatsHere(Ask[dict[str, Ending]], frozen=True, kw_only=True):
    """Each ``BEAT_S``: the sockets of a node in the call, and whose they are.

    The answer: those that are not in the call (any more), and why.
    """

    node: str
    sockets: dict[str, str]
