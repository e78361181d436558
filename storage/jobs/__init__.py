"""Jobs: rows of work that outlive their process, the workers' claims on them, and schedules."""

from storage.jobs.queue import JobQueue
from storage.jobs.rows import (
    CHANNEL,
    PRIORITIES,
    STATES,
    Claim,
    JobCount,
    JobRow,
    NewJob,
    Outcome,
    Priority,
    State,
    Superseded,
)
from storage.jobs.schedules import Due, ScheduleRow, Schedules

__all__ = [
    "CHANNEL",
    "PRIORITIES",
    "STATES",
    "Claim",
    "Due",
    "JobCount",
    "JobQueue",
    "JobRow",
    "NewJob",
    "Outcome",
    "Priority",
    "ScheduleRow",
    "Schedules",
    "State",
    "Superseded",
]
