"""Runs benches one by one, each in a process group of its own, and reads the figures that it writes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench import report
from bench.outcome import BenchAnswer
from bench.plan import BenchQuestion
from bench.report import Figure


def ask(question: BenchQuestion, *, folder: Path, tick: Callable[[float], None]) -> BenchAnswer:
    """Runs a bench in a process group of its own, which ends with it. What it says is kept in `folder`.

    `tick` is called some times a second with the seconds so far. A bench that runs for too long is ended.
    """
    file, log = folder / f"{question.name}.json", folder / f"{question.name}.log"
    file.unlink(missing_ok=True)
    began = time.monotonic()
    with log.open("wb") as out:
        command = [*question.command, "--json", str(file)]
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = _wait(child, began + question.most_s, lambda: tick(time.monotonic() - began))
        finally:
            _end(child)
    figures, error = _figures(file, code, log)
    return BenchAnswer(
        name=question.name,
        asks=question.asks,
        command=" ".join(["python", *question.command[1:]]),
        took_s=round(time.monotonic() - began, 1),
        figures=figures,
        error=error,
    )


def _wait(child: subprocess.Popen[bytes], deadline: float, tick: Callable[[], None]) -> int | None:
    while time.monotonic() < deadline:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(0.2)
        tick()
    return None


def _end(child: subprocess.Popen[bytes]) -> None:
    """Whatever is left of its group: asked to stop, so that servers take their children along, then made to."""
    for sign, patience_s in ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sign)
            deadline = time.monotonic() + patience_s
            while time.monotonic() < deadline:
                child.poll()
                os.killpg(child.pid, 0)
                time.sleep(0.05)


def _figures(file: Path, code: int | None, log: Path) -> tuple[list[Figure], str]:
    """The figures, or why there are none."""
    if code != 0:
        why = "took too long" if code is None else f"ended with {code}"
        return [], f"{why}: {_last_line(log)}"
    try:
        return report.read(file), ""
    except (FileNotFoundError, msgspec.DecodeError) as error:
        return [], f"gave no figures: {error}"


def _last_line(log: Path) -> str:
    said = log.read_text(errors="replace").strip().splitlines()
    return said[-1] if said else "it said nothing"


def ask_all(questions: Sequence[BenchQuestion], *, folder: Path, console: Console) -> list[BenchAnswer]:
    """One by one; one that fails does not keep the next from running."""
    folder.mkdir(parents=True, exist_ok=True)
    answers = []
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("", total=sum(question.seconds for question in questions))
        done = 0.0
        for question in questions:
            start, most = done, question.seconds * 0.98
            progress.update(task, description=question.name, completed=start)
            answer = ask(
                question,
                folder=folder,
                tick=lambda so_far, start=start, most=most: progress.update(task, completed=start + min(so_far, most)),  # type: ignore[misc]
            )
            done += question.seconds
            progress.update(task, completed=done)
            progress.console.print(f"{question.name:<10} {answer.error or 'answered'} ({answer.took_s:.0f} s)")
            answers.append(answer)
    return answers
