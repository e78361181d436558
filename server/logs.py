"""Structured logs: one line an event, for a person (console) or a machine (JSON), from structlog and logging alike."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

MAX_EVENT_CHARACTERS = 2000
# Control characters, line ends and marks of direction: what a stranger sends must not look like another line.
_UNSEEN = (*range(32), *range(127, 160), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in _UNSEEN}
QUIET = ("aiohttp.access", "asyncio", "botocore", "boto3", "urllib3", "libav", "alembic")


def set_up_logs(*, log_format: str, level: str, process: str) -> None:
    """Called once a process, before anything is logged. Lines go to stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    is_json = log_format == "json"
    renderer: Any = structlog.processors.JSONRenderer() if is_json else _for_people()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last = [_one_line, *([structlog.processors.format_exc_info] if is_json else []), renderer]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[_named(process), structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _one_line(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    event["event"] = str(event["event"])[:MAX_EVENT_CHARACTERS].translate(_ESCAPES)
    return event


def _for_people() -> Any:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )


def _named(process: str) -> Any:
    def add(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
        event.setdefault("process", process)
        return event

    return add
