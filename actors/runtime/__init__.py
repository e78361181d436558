"""Virtual actors: activated by the first message, one message at a time, gone when idle. No product word in it."""

from actors.runtime.actor import Actor, handles
from actors.runtime.actor_info import ActorInfo
from actors.runtime.clock import Clock, Handle, LoopClock, ManualClock
from actors.runtime.context import Context, Timer
from actors.runtime.dead_letters import DeadLetter, DeadLetters
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
from actors.runtime.mailbox import Policy
from actors.runtime.message import Ask, Message, wire_name
from actors.runtime.node import Node
from actors.runtime.observer import Observer
from actors.runtime.ref import Ref
from actors.runtime.supervisor import RestartPolicy
from actors.runtime.transport import Link, LocalTransport, Transport

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
