"""Virtual actors: activated by the first message, one message at a time, gone when idle. No product word in it."""

from actors.runtime.actor import Actor, handles
from actors.runtime.clock import Clock, Handle, LoopClock, ManualClock
from actors.runtime.context import Context, Timer
from actors.runtime.directory import Directory, Fence, LocalDirectory, Placement
from actors.runtime.errors import (
    ActorCrashed,
    ActorError,
    ActorStopped,
    DeadlineExceeded,
    DomainError,
    Fenced,
    Lost,
    MailboxFull,
    Moving,
    Unavailable,
    Unhandled,
    UnknownKind,
)
from actors.runtime.ids import SHARDS, ActorId, shard_of
from actors.runtime.later import Later
from actors.runtime.mailbox import DeadLetter, DeadLetters, Policy
from actors.runtime.message import Ask, Message, wire_name
from actors.runtime.node import ActorInfo, Node, Observer
from actors.runtime.ref import Ref
from actors.runtime.remote import Link, LocalTransport, Transport
from actors.runtime.supervisor import RestartPolicy

__all__ = [
    "SHARDS",
    "Actor",
    "ActorCrashed",
    "ActorError",
    "ActorId",
    "ActorInfo",
    "ActorStopped",
    "Ask",
    "Clock",
    "Context",
    "DeadLetter",
    "DeadLetters",
    "DeadlineExceeded",
    "Directory",
    "DomainError",
    "Fence",
    "Fenced",
    "Handle",
    "Later",
    "Link",
    "LocalDirectory",
    "LocalTransport",
    "LoopClock",
    "Lost",
    "MailboxFull",
    "ManualClock",
    "Message",
    "Moving",
    "Node",
    "Observer",
    "Placement",
    "Policy",
    "Ref",
    "RestartPolicy",
    "Timer",
    "Transport",
    "Unavailable",
    "Unhandled",
    "UnknownKind",
    "handles",
    "shard_of",
    "wire_name",
]
