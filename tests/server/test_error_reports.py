"""What of an error leaves this machine, and how much of it."""

from __future__ import annotations

import gzip
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from server import error_reports
from server.error_reports import MINUTE_S, MOST_A_MINUTE, MOST_OF_ONE, Reports, scrubbed

SAY = """
import logging, structlog
from server import error_reports
from server.logs import set_up_logs
set_up_logs(log_format="json", level="info", process="media")
error_reports.start_as_told("media")

def fail(password):
    raise ValueError(f"Key (email)=(ursula@example.org) of {password!r}\\nDETAIL: a diary")

logging.getLogger("a").warning("no error")
logging.getLogger("a").error("wrong for %s", "Ursula Lovelace")
try:
    fail("correct horse")
except ValueError as error:
    fields = {"path": "/u/ursula", "route": "/u/{name}", "trace_id": "00ff"}
    structlog.get_logger("b").error("unforeseen error", **fields, exc_info=error)
"""


class Collector(ThreadingHTTPServer):
    """What Sentry is to its clients: takes envelopes, and keeps the events in them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.bodies = b""
        super().__init__(("127.0.0.1", 0), Envelopes)

    @property
    def dsn(self) -> str:
        return f"http://0123456789abcdef@127.0.0.1:{self.server_port}/7"


class Envelopes(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/api/7/envelope/"
        self.server.bodies += body
        lines = body.splitlines()
        self.server.events += [
            json.loads(item) for head, item in zip(lines[1::2], lines[2::2], strict=True) if b'"event"' in head
        ]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """The test's output is its own."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def say(dsn: str | None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **error_reports.told(dsn, environment="staging")}
    return subprocess.run([sys.executable, "-c", SAY], env=env, capture_output=True, text=True, check=True, timeout=60)


def test_errors_are_told_with_their_place_and_nothing_of_people(collector: Collector) -> None:
    said = say(collector.dsn)
    plain, raised = collector.events
    assert plain["message"] == "wrong for %s"
    assert (plain["logger"], plain["environment"], plain["tags"]["process"]) == ("a", "staging", "media")
    assert raised["message"] == "unforeseen error"
    assert raised["tags"] == {"route": "/u/{name}", "trace_id": "00ff", "process": "media"}
    (exception,) = raised["exception"]["values"]
    assert (exception["type"], exception["value"]) == ("ValueError", "Key (email)=(***) of ***")
    assert [frame["function"] for frame in exception["stacktrace"]["frames"]] == ["<module>", "fail"]
    for secret in (b"Lovelace", b"ursula", b"horse", b"diary", b"hostname", os.uname().nodename.encode()):
        assert secret not in collector.bodies
    assert "Ursula Lovelace" in said.stderr


def test_nothing_leaves_unless_a_collector_is_named(collector: Collector) -> None:
    assert "unforeseen error" in say(None).stderr
    assert not collector.events


def test_a_collector_that_is_away_costs_nothing_but_the_reports() -> None:
    assert "unforeseen error" in say("http://0123456789abcdef@127.0.0.1:9/7").stderr


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail to ada.l+x@mail.example.org bounced", "mail to *** bounced"),
        ("postgresql://sf:hunter2@db/x refused", "postgresql://sf:***@db/x refused"),
        ("password=hunter2 is wrong", "password=*** is wrong"),
        ("10.1.2.3 and 2001:db8:0:1::7 were slow", "*** and *** were slow"),
        ("token sf_pat_abc", "token ***"),
        ("sk_live_0123456789abcdef", "***"),
        ("row 01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11 is there", "row *** is there"),
        ("user 'ada' wrote \"مرحبا\"", "user *** wrote ***"),
        ("first\nsecond", "first"),
        ("", ""),
        ("x " * 5000, ("x " * 5000)[:300]),
    ],
)
def test_a_text_loses_what_may_be_of_a_person(text: str, left: str) -> None:
    assert scrubbed(text) == left


class Sent:
    def __init__(self) -> None:
        self.now = 100.0
        self.events: list[dict[str, Any]] = []
        self.reports = Reports(send=self.events.append, process="node", monotonic=lambda: self.now)

    def error(self, *, logger: str = "a", message: str = "failed") -> None:
        self.reports.handle(logging.LogRecord(logger, logging.ERROR, "a.py", 1, message, None, None, "f"))


def test_a_storm_of_one_error_is_a_few_reports_and_the_next_minute_has_their_number() -> None:
    sent = Sent()
    for _ in range(1000):
        sent.error()
    assert len(sent.events) == MOST_OF_ONE
    sent.error(logger="other")
    assert sent.events[-1]["extra"] == {"errors_left_out_before": 1000 - MOST_OF_ONE}
    sent.now += MINUTE_S
    sent.error()
    assert len(sent.events) == MOST_OF_ONE + 2
    assert "extra" not in sent.events[-1]


def test_all_errors_together_are_bounded_too() -> None:
    sent = Sent()
    for number in range(1000):
        sent.error(logger=f"logger{number}")
    assert len(sent.events) == MOST_A_MINUTE


def test_what_the_library_logs_of_itself_is_not_reported() -> None:
    sent = Sent()
    for name in ("sentry_sdk.errors", "urllib3.connectionpool"):
        sent.error(logger=name)
    assert not sent.events


def test_a_chain_of_causes_is_told_the_first_one_first_and_cut() -> None:
    sent = Sent()
    error: Exception = ValueError("0")
    for number in range(1, 20):
        later = KeyError(number)
        later.__cause__ = error
        error = later
    record = logging.LogRecord("a", logging.ERROR, "a.py", 1, "failed", None, (type(error), error, None))
    sent.reports.handle(record)
    values = sent.events[0]["exception"]["values"]
    assert [one["value"] for one in values] == ["15", "16", "17", "18", "19"]


def test_a_report_that_cannot_be_made_is_no_error_of_the_caller(capsys: pytest.CaptureFixture[str]) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    sent = Sent()
    record = logging.LogRecord("a", logging.ERROR, "a.py", 1, "failed", None, (Odd, Odd(), None))
    sent.reports.handle(record)
    assert not sent.events
    assert "RuntimeError" in capsys.readouterr().err
