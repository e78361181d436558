"""The states of a cell.

The rules, state by state; mail is kept, in order, through all but the last two:

    RESOLVING    the directory is asked        → ACTIVATING, forwarded elsewhere, or GONE
    ACTIVATING   `activate` runs               → ACTIVE, GONE when it refuses, or crashed
    ACTIVE       turns are drawn               → BUSY, STOPPING, PASSIVATING, or crashed
    BUSY         an async handler runs         → ACTIVE, STOPPING, or crashed
    STOPPING     after the message in hand     → PASSIVATING
    PASSIVATING  `passivate` runs              → GONE, or RESOLVING if mail came meanwhile
    BACKOFF      crashed, restart to come      → RESOLVING
    PARKED       given up, refuses mail        → RESOLVING after the cool-down, or GONE
    GONE         not in its kind any more; a ref that still has it looks again

A crash leads to BACKOFF, or to PARKED past the restart budget, or to GONE when fenced or the node is stopping.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    RESOLVING = "resolving"
    ACTIVATING = "activating"
    ACTIVE = "active"
    BUSY = "busy"
    STOPPING = "stopping"
    PASSIVATING = "passivating"
    BACKOFF = "backing off"
    PARKED = "parked"
    GONE = "gone"
