"""Work that outlives its process: kinds of jobs and schedules as values, the worker that runs them."""

from server.jobs.enqueue import Jobs
from server.jobs.kinds import Attempt, GiveUp, Job, Nothing, RetryLater, Schedule, repeated
from server.jobs.node import JobNode
from server.jobs.scheduler import Scheduler
from server.jobs.worker import Worker

__all__ = [
    "Attempt",
    "GiveUp",
    "Job",
    "JobNode",
    "Jobs",
    "Nothing",
    "RetryLater",
    "Schedule",
    "Scheduler",
    "Worker",
    "repeated",
]
