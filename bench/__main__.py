"""``python -m bench``: asks every question of the list, one by one, and tells what came out.

``python -m bench NAME [options]`` asks one. ``python -m bench --list`` only lists them.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import report
from bench.machine import Machine, describe
from bench.report import Figure

FOLDER: Final = Path(__file__).parent
OUR_PACKAGES: Final = ("actors", "bench", "media", "server", "storage")


@dataclass(frozen=True, kw_only=True)
class BenchQuestion:
    """A bench of the list: what it answers, its command, how long that takes on two cores, and when it is ended."""

    name: str
    asks: str
    command: tuple[str, ...]
    seconds: float
    most_s: float


class BenchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one bench said. `error` is empty unless it failed to run; then there are no figures."""

    name: str
    asks: str
    command: str
    took_s: float
    figures: list[Figure]
    error: str = ""


class BenchOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run."""

    machine: Machine
    is_quick: bool
    answers: list[BenchAnswer]

    @property
    def figures(self) -> list[Figure]:
        return [found for answer in self.answers for found in answer.figures]


# (name, question, options, seconds, options of a quick run, its seconds)
_PLAN: Final[tuple[tuple[str, str, str, float, str, float], ...]] = (
    ("actors", "What does a message to an actor cost, and an idle actor?", "", 45, "--rounds 5 --messages 20000", 15),
    (
        "fanout", "How many viewers of a chat room can be reached, and how soon?", "--rounds 3 --app", 600,
        "--viewers 300 --seconds 1 --rates 20 100 --servers ours ours-each python-socketio", 30,
    ),
    (
        "broadcast", "How soon is a broadcast on, how late is it seen, what does a publisher cost?", "--rounds 5", 680,
        "--rounds 1 --seconds 4 --cost-seconds 4", 75,
    ),
    ("whep", "What does one more WebRTC viewer cost?", "--rounds 3", 100, "--viewers 10 --seconds 3", 12),
    ("store", "How fast does chat become durable?", "", 45, "--rounds 3 --rows 2000 --rate 1000", 15),
    (
        "jobs", "How fast are jobs enqueued, picked up and run, and what do kills cost?", "", 130,
        "--rounds 1 --jobs 1000 --seconds 2 --kills 3 --killed-jobs 100", 20,
    ),
    ("rtmp", "What does it cost to take RTMP apart?", "", 15, "--seconds 4 --rounds 3", 4),
    ("hls", "What does packaging for HLS cost?", "--rounds 5", 10, "--seconds 10", 3),
    (
        "soak", "Do sound and picture stay together, and players near live, for hours?", "--hours 1", 100,
        "--hours 0.02 --points 2", 4,
    ),
    ("transcode", "What does decoding and encoding cost?", "--rounds 5", 70, "--seconds 3 --rounds 1", 12),
    ("connects", "How many clients a second come in?", "--rounds 3 --app", 240, "--count 300", 10),
    (
        "idle", "What does a client cost that is connected and silent?", "--rounds 3 --app", 240,
        "--count 300 --warm 50", 20,
    ),
    ("bus", "How many messages go between nodes, and how fast?", "", 40, "--messages 40000 --rounds 2 --seconds 2", 12),
    (
        "nodes", "What does a delivery cost on two nodes, and what does Redis carry?", "", 400,
        "--viewers 60 --rates 50 --crowds 30 60 --loads 10 --seconds 1 --rounds 1", 45,
    ),
    ("drain", "What is noticed of a node that is drained?", "", 120, "--sockets 100 --rooms 20 --rounds 1", 40),
    ("crashes", "What do others notice of an actor that fails all the time?", "", 125, "--seconds 5", 12),
)  # fmt: skip
QUICK: Final = "A quick run: it shows that the benches work. Its figures and verdicts are nothing to rely on."
_FILE_WIDTH: Final = 150
_PATIENCE: Final = 5
_WITH_PACKAGES: Final = ("fanout", "connects", "idle")


def plan(*, is_quick: bool, node_modules: Path | None) -> list[BenchQuestion]:
    """What is asked, in this order."""
    questions = []
    for name, asks, options, seconds, quick, quick_seconds in _PLAN:
        chosen = (quick if is_quick else options).split()
        if node_modules is not None and name in _WITH_PACKAGES:
            chosen += ["--node-modules", str(node_modules)]
        command = (sys.executable, "-m", "bench", name, *chosen)
        expected = quick_seconds if is_quick else seconds
        questions.append(
            BenchQuestion(name=name, asks=asks, command=command, seconds=expected, most_s=expected * _PATIENCE + 60)
        )
    return questions


def benches() -> dict[str, str]:
    """What `python -m bench NAME` runs, and the first line that each says of itself. Nothing is imported."""
    found = {}
    for file in sorted(FOLDER.glob("[!_]*.py")):
        tree = ast.parse(file.read_text())
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            found[file.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


# ------------------------------------------------------------------------------------------------------------- running


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


# ------------------------------------------------------------------------------------------------------------- telling


def table(answers: Sequence[BenchAnswer]) -> Table:
    """All figures with their bars, each question with a heading."""
    found = Table("", "", box=None, pad_edge=False)
    for title in ("bar", "", "spread", "against"):
        found.add_column(title, no_wrap=title != "against")
    found.columns[1].header, found.columns[1].no_wrap = "figure", True
    for answer in answers:
        error = f"[red]FAILED: {escape(answer.error)}" if answer.error else ""
        found.add_row(f"[bold]{answer.name}[/] {error}")
        for one in answer.figures:
            verdict = {"met": "[green]met", "MISSED": "[red]MISSED", "": ""}[report.verdict(one)]
            held = (report.amount(one.value, one.unit), report.bar(one), verdict)
            found.add_row(f"  {escape(one.name)}", *held, report.spread(one), report.against(one))
    return found


def listing(questions: Sequence[BenchQuestion]) -> str:
    lines = [f"  {question.name:<10} {question.asks}" for question in questions]
    listed = {name for name, *_ in _PLAN}
    alone = [f"  {name:<10} {what}" for name, what in benches().items() if name not in listed]
    return "\n".join([*lines, "", "on their own:", *alone])


# ------------------------------------------------------------------------------------------------------------- command


def main(argv: Sequence[str]) -> int:
    """0 if every bench ran, whether it met its bars or not; 1 if one did not; 2 for a command that makes no sense."""
    return command(argv, None)


def command(argv: Sequence[str], asked: Sequence[BenchQuestion] | None) -> int:
    """As `main`, with these questions in place of the list."""
    if argv and not argv[0].startswith("-"):
        return _one(argv[0], list(argv[1:]))
    options = _parser().parse_args(argv)
    listed = list(asked or plan(is_quick=options.quick, node_modules=options.node_modules))
    unknown = set(options.only) - {question.name for question in listed}
    if unknown:
        print(f"bench: no such question in the list: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    questions = [question for question in listed if not options.only or question.name in options.only]
    if options.list:
        print(listing(questions))
        return 0
    return _run(questions, options)


def _run(questions: Sequence[BenchQuestion], options: argparse.Namespace) -> int:
    console = Console(width=None if sys.stdout.isatty() else _FILE_WIDTH)
    for question in questions:
        console.print(f"  {question.name:<10} {question.asks}", highlight=False)
    machine = describe()
    answers = ask_all(questions, folder=options.results, console=console)
    outcome = BenchOutcome(machine=machine, is_quick=options.quick, answers=answers)
    console.print(table(outcome.answers))
    if outcome.is_quick:
        console.print(QUICK)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(outcome), indent=1) + b"\n")
    if options.html:
        from bench.page import page

        options.html.write_text(page(outcome, note=QUICK if outcome.is_quick else ""), encoding="utf-8")
        console.print(f"report: {options.html}")
    return int(any(answer.error for answer in outcome.answers))


def _one(name: str, argv: list[str]) -> int:
    """One bench by name. With `--json -` its figures alone go to standard output, and what it says to the other."""
    if name not in benches():
        print(f"bench: there is no bench {name!r}; `python -m bench --list` lists them", file=sys.stderr)
        return 2
    try:
        return _run_one(name, argv)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in OUR_PACKAGES:
            raise
        print(f"bench: {name} needs the package {error.name}: `make bench ARGS={name}` brings it", file=sys.stderr)
        return 2


def _run_one(name: str, argv: list[str]) -> int:
    run = importlib.import_module(f"bench.{name}").main
    if argv[-2:] != ["--json", "-"]:
        return int(run(argv))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        with contextlib.redirect_stdout(sys.stderr):
            code = int(run([*argv[:-1], str(file)]))
        sys.stdout.write(file.read_text() if file.exists() else "")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Asks the questions of the list and prints a table. `python -m bench NAME` asks one, with options.",
    )
    parser.add_argument("--list", action="store_true", help="only list the questions")
    parser.add_argument("--only", type=_names, default=[], metavar="A,B", help="only these of the list")
    parser.add_argument("--quick", action="store_true", help="short runs: whether it works, not how fast it is")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a report with plots, whole in one file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that came out")
    parser.add_argument("--node-modules", type=Path, help="a folder with socket.io and bun's engine, for the peers")
    parser.add_argument(
        "--results", type=Path, default=FOLDER / "results", help="where each bench's figures and words go"
    )
    return parser


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
