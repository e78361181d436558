"""``python -m bench``: asks every question of the list, one by one, and prints the figures.

``python -m bench NAME [options]`` asks one. ``python -m bench --list`` only lists them.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench import report
from bench.children import ask_all
from bench.machine import describe
from bench.outcome import BenchAnswer, BenchOutcome
from bench.page import page
from bench.plan import FOLDER, BenchQuestion, benches, listing, plan

OUR_PACKAGES: Final = ("actors", "bench", "media", "server", "storage")
QUICK: Final = "A quick run: it shows that the benches work. Its figures and verdicts are nothing to rely on."
_FILE_WIDTH: Final = 150


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
