"""Errors of the log, told to the collector that ``sentry_dsn`` names, in Sentry's protocol. Without one nothing leaves.

A report holds where an error arose: the logger, the kind of the exception, the frames of its trace without what their
variables held, and of the log's own fields those of ``TOLD``. What people have written, who they are and what is secret
stays here: texts are cut to one line, and what looks like an address, a token or a quotation in them is left out.

A storm of errors costs no more than ``MOST_A_MINUTE`` reports, of one place ``MOST_OF_ONE``; the next report has the
number of those left out. A thread of the library sends them from a bounded queue, so no caller waits for a collector.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, cast

from server.masks import MASK, masked_text
from server.version import VERSION

MOST_A_MINUTE: Final = 60
MOST_OF_ONE: Final = 5
MINUTE_S: Final = 60.0
MOST_CHARACTERS: Final = 300
MOST_FRAMES: Final = 50
MOST_CAUSES: Final = 5
QUEUE: Final = 100
CLOSE_S: Final = 2.0
LIBRARY: Final = ("sentry_sdk", "urllib3")
DSN: Final = "SOCIALFLOW_SENTRY_DSN"
ENVIRONMENT: Final = "SOCIALFLOW_SENTRY_ENVIRONMENT"
TOLD: Final = ("method", "route", "trace_id", "actor", "kind", "job", "job_id", "reader", "stage", "shard")
"""Fields of a log line that go along: what is of the program, nothing of people."""

_PERSONAL: Final = re.compile(
    r"""[\w.+-]+@[\w-]+(?:\.[\w-]+)+            # an address of mail
      | \b\d{1,3}(?:\.\d{1,3}){3}\b             # of IPv4
      | \b(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}  # of IPv6
      | \bsf_[a-z]+_\S+                         # a token of ours
      | \b(?:eyJ|[sprw]k_|whsec_)[\w.-]{8,}     # a signed token, a key of Stripe's
      | (?<![\w-])[\w-]{24,}(?![\w-])           # what is long and has no words: keys, ids, digests
      | '[^'\n]*' | "[^"\n]*"                   # what is quoted: a value, or a text of a person
    """,
    re.VERBOSE | re.IGNORECASE,
)

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
Send = Callable[[dict[str, Any]], object]


def scrubbed(text: str) -> str:
    """Its first line, cut, without what may be of a person or secret."""
    line = next(iter(text.splitlines()), "")[: 4 * MOST_CHARACTERS]
    return _PERSONAL.sub(MASK, masked_text(line))[:MOST_CHARACTERS]


def report(record: logging.LogRecord) -> dict[str, Any]:
    """An event of Sentry's protocol."""
    fields: Mapping[str, Any] = record.msg if isinstance(record.msg, dict) else vars(record)
    said = fields["event"] if isinstance(record.msg, dict) else record.msg
    error = _error(record, fields)
    event: dict[str, Any] = {
        "level": "fatal" if record.levelno >= logging.CRITICAL else "error",
        "logger": record.name,
        "message": scrubbed(str(said)),
        "tags": {name: scrubbed(str(fields[name])) for name in TOLD if fields.get(name) is not None},
        "fingerprint": list(place(record, error)),
    }
    if error is not None:
        event["exception"] = {"values": _chain(error)}
    return event


def place(record: logging.LogRecord, error: BaseException | None) -> tuple[str, ...]:
    """Where the error arose: the collector gathers those of one place."""
    frames = [] if error is None else _frames(error.__traceback__)
    last = f"{frames[-1]['module']}.{frames[-1]['function']}" if frames else f"{record.module}.{record.funcName}"
    return (record.name, type(error).__name__ if error is not None else "", last)


def _error(record: logging.LogRecord, fields: Mapping[str, Any]) -> BaseException | None:
    """As logging has it, or structlog, which takes an exception, a triple or True."""
    given = record.exc_info or fields.get("exc_info")
    if given is True:
        given = sys.exc_info()
    if isinstance(given, tuple):
        given = given[1]
    return given if isinstance(given, BaseException) else None


def _chain(error: BaseException) -> list[dict[str, Any]]:
    """The exception and what it came from, the first cause first, as the protocol wants it."""
    found: list[dict[str, Any]] = []
    one: BaseException | None = error
    while one is not None and len(found) < MOST_CAUSES:
        kind = type(one)
        stack = {"frames": _frames(one.__traceback__)}
        found.append(
            {"type": kind.__name__, "module": kind.__module__, "value": scrubbed(str(one)), "stacktrace": stack}
        )
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return found[::-1]


def _frames(trace: TracebackType | None) -> list[dict[str, Any]]:
    """The innermost ones, the last called last: names and lines alone."""
    found: list[dict[str, Any]] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        module = trace.tb_frame.f_globals.get("__name__", "")
        found.append({"module": module, "function": code.co_name, "lineno": trace.tb_lineno})
        trace = trace.tb_next
    return found[-MOST_FRAMES:]


class Reports(logging.Handler):
    """Sends errors of the log as events, as many as a minute allows. Never raises into the caller's code."""

    def __init__(self, *, send: Send, process: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.ERROR)
        self._send = send
        self._process = process
        self._monotonic = monotonic
        self._minute = float("-inf")
        self._sent: Counter[tuple[str, ...]] = Counter()
        self._left_out = 0
        self.addFilter(lambda record: not record.name.startswith(LIBRARY))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event = report(record)
            event["tags"]["process"] = self._process
            if self._may_send(tuple(event["fingerprint"])):
                self._send(self._with_those_left_out(event))
        except Exception:
            self.handleError(record)

    def _may_send(self, where: tuple[str, ...]) -> bool:
        """``emit`` is called under the handler's lock."""
        now = self._monotonic()
        if now - self._minute >= MINUTE_S:
            self._minute = now
            self._sent.clear()
        is_too_much = self._sent[where] >= MOST_OF_ONE or self._sent.total() >= MOST_A_MINUTE
        self._left_out += is_too_much
        self._sent[where] += not is_too_much
        return not is_too_much

    def _with_those_left_out(self, event: dict[str, Any]) -> dict[str, Any]:
        if self._left_out:
            event["extra"] = {"errors_left_out_before": self._left_out}
            self._left_out = 0
        return event


def start(dsn: str | None, *, environment: str, process: str) -> None:
    """Once a process, after its logs are set up. What waits at the end of the process has ``CLOSE_S`` more."""
    if not dsn:
        return
    import sentry_sdk  # a good part of a second, which others need not wait for

    sentry_sdk.init(
        dsn=dsn,
        release=f"socialflow@{VERSION}",
        environment=environment,
        server_name="",  # the machine's name is nobody's business; the process is a tag
        default_integrations=False,
        auto_enabling_integrations=False,
        max_breadcrumbs=0,
        include_local_variables=False,
        include_source_context=False,
        send_default_pii=False,
        send_client_reports=False,
        auto_session_tracking=False,
        transport_queue_size=QUEUE,
        shutdown_timeout=CLOSE_S,
        integrations=[_at_exit()],
    )
    logging.getLogger().addHandler(Reports(send=cast(Send, sentry_sdk.capture_event), process=process))


def told(dsn: str | None, *, environment: str) -> dict[str, str]:
    """The environment of a child that reports as this process does: a command line is for all users to read."""
    return {DSN: dsn, ENVIRONMENT: environment} if dsn else {}


def start_as_told(process: str) -> None:
    """In such a child."""
    start(os.environ.get(DSN), environment=os.environ.get(ENVIRONMENT, ""), process=process)


def _at_exit() -> Any:
    """Waits for what is on its way when the process ends, without a word on the terminal."""
    from sentry_sdk.integrations.atexit import AtexitIntegration

    return AtexitIntegration(callback=lambda pending, timeout: None)
