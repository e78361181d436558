"""`socialflow doctor`: runs every check of one machine and its settings and prints what they find."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from server.config import Settings
from server.diagnostics.assistant import check_assistant
from server.diagnostics.engines import check_objects, check_postgres, check_redis
from server.diagnostics.findings import Finding, problem
from server.diagnostics.machine import (
    check_clock,
    check_data_folder,
    check_open_files,
    check_python,
    check_run_folder,
    check_wal_folder,
    check_web_client,
)
from server.diagnostics.mail import check_mail
from server.diagnostics.ports import check_ports
from server.diagnostics.tls import check_proxy, check_tls

CHECK_S: Final = 40.0

Check = Callable[[Settings], Awaitable[list[Finding]]]

CHECKS: Final[Sequence[tuple[str, Check]]] = (
    ("python", check_python),
    ("data folder", check_data_folder),
    ("wal folder", check_wal_folder),
    ("ports", check_ports),
    ("postgres", check_postgres),
    ("redis", check_redis),
    ("objects", check_objects),
    ("mail", check_mail),
    ("assistant", check_assistant),
    ("run folder", check_run_folder),
    ("tls", check_tls),
    ("proxy", check_proxy),
    ("web client", check_web_client),
    ("open files", check_open_files),
    ("clock", check_clock),
)


async def diagnose(settings: Settings) -> int:
    """Check everything and print what was found; 1 when something must be mended."""
    found = await findings(settings)
    report(found)
    return 1 if any(one.state == "problem" for one in found) else 0


async def findings(settings: Settings, *only: str) -> list[Finding]:
    """What all checks found, one after another; with `only`, those that are named."""
    chosen = [(subject, check) for subject, check in CHECKS if not only or subject in only]
    return [found for subject, check in chosen for found in await _within(subject, check, settings)]


async def _within(subject: str, check: Check, settings: Settings) -> list[Finding]:
    try:
        async with asyncio.timeout(CHECK_S):
            return await check(settings)
    except TimeoutError:
        return [problem(subject, f"no answer within {CHECK_S:.0f} s", "see that it is up and can be reached")]
    except OSError as error:
        return [problem(subject, str(error), "see who may read and write there")]


def report(findings: Sequence[Finding]) -> None:
    """As a table where a person reads it, else a line each."""
    if sys.stdout.isatty():
        _print_table(findings)
    else:
        print("\n".join(str(found) for found in findings))


def _print_table(findings: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"ok": "green", "note": "yellow", "problem": "bold red"}
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "what", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    for found in findings:
        table.add_row(Text(found.state, colours[found.state]), found.subject, Text(found.says), Text(found.advice))
    Console().print(table)
