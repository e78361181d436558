"""`python -m bench` from the outside: small benches of their own processes, run to a table, JSON and a page."""

from __future__ import annotations

import json
import multiprocessing
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench import whep
from bench.__main__ import QUICK as NOTE
from bench.__main__ import command, main
from bench.plan import BenchQuestion, benches, plan

QUICK = """
import sys
from pathlib import Path
from bench.report import Point, figure, write

AXES = ("messages/s", "p99 in ms")
write(
    [
        figure("quick", "tell <b>&", [1.0, 3.0], "M/s", better="higher", bar=4.0, peer="a queue", against=[1.0, 1.0]),
        figure("quick", "p99 at 5", [8.0], "ms", better="lower", bar=9.0, point=Point("ours", 10.0, *AXES)),
        figure("quick", "p99 at 50", [80.0], "ms", better="lower", point=Point("ours", 100.0, *AXES)),
    ],
    Path(sys.argv[sys.argv.index("--json") + 1]),
)
"""
BROKEN = "raise SystemExit('the engine did not start')"
SILENT = ""
HANGING = ("sh", "-c", "echo still here; sleep 600")
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Every element that was opened and is not void is closed, in order; what it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.seen.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data


def question(folder: Path, name: str, source: str) -> BenchQuestion:
    file = folder / f"{name}.py"
    file.write_text(source)
    return BenchQuestion(
        name=name, asks=f"What of {name}?", command=(sys.executable, str(file)), seconds=5.0, most_s=60.0
    )


@pytest.fixture
def ran(tmp_path: Path, capsys):
    """Three small benches, the first of which fails: the exit code, what was printed, and the folder of the files."""
    asked = [question(tmp_path, *one) for one in (("broken", BROKEN), ("quick", QUICK), ("silent", SILENT))]
    files = ["--json", str(tmp_path / "all.json"), "--html", str(tmp_path / "all.html")]
    code = command([*files, "--results", str(tmp_path / "results")], asked)
    return code, capsys.readouterr().out, tmp_path


def test_one_that_fails_does_not_stop_the_others_and_is_told_by_the_exit_code(ran) -> None:
    code, _, folder = ran
    answers = {answer["name"]: answer for answer in json.loads((folder / "all.json").read_text())["answers"]}
    assert code == 1
    assert answers["broken"]["error"] == "ended with 1: the engine did not start"
    assert answers["silent"]["error"].startswith("gave no figures")
    assert [found["value"] for found in answers["quick"]["figures"]] == [2.0, 8.0, 80.0]


def test_the_table_tells_each_figure_with_its_bar_and_its_peer(ran) -> None:
    _, said, _ = ran
    row = next(line for line in said.splitlines() if "tell <b>&" in line)
    assert row.split()[2:] == [
        "2.00",
        "M/s",
        "≥",
        "4.00",
        "M/s",
        "MISSED",
        "1.00–3.00",
        "×2.00",
        "against",
        "a",
        "queue",
    ]


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(ran) -> None:
    _, _, folder = ran
    text = (folder / "all.html").read_text()
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert page.links == []
    assert not re.search(r"https?:|//|@import|url\(", text)
    assert {"svg", "polyline", "rect", "table"} <= set(page.seen)
    assert "script" not in page.seen


def test_the_page_tells_what_ran_where_and_what_failed(ran) -> None:
    _, _, folder = ran
    page = Page()
    page.feed((folder / "all.html").read_text())
    assert "It failed to run: ended with 1: the engine did not start" in page.text
    assert f"python {folder / 'quick.py'}" in page.text
    assert "tell <b>&" in page.text
    assert "uvloop" in page.text


def test_a_bar_that_is_missed_is_no_failure_to_run(tmp_path: Path) -> None:
    asked = [question(tmp_path, "quick", QUICK)]
    assert command(["--results", str(tmp_path / "results")], asked) == 0


def test_a_quick_run_says_that_its_figures_are_nothing_to_rely_on(tmp_path: Path, capsys) -> None:
    page = tmp_path / "all.html"
    options = ["--quick", "--html", str(page), "--results", str(tmp_path / "results")]
    assert command(options, [question(tmp_path, "quick", QUICK)]) == 0
    assert NOTE in page.read_text()
    assert NOTE in " ".join(capsys.readouterr().out.split())


def test_only_runs_those_that_are_named(tmp_path: Path) -> None:
    asked = [question(tmp_path, "broken", BROKEN), question(tmp_path, "quick", QUICK)]
    assert command(["--only", "quick", "--results", str(tmp_path / "results")], asked) == 0


def test_only_with_an_unknown_name_runs_nothing(tmp_path: Path, capsys) -> None:
    assert command(["--only", "nothing", "--results", str(tmp_path / "results")], [question(tmp_path, "a", QUICK)]) == 2
    assert "nothing" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_one_that_runs_for_too_long_is_ended_with_what_it_said(tmp_path: Path) -> None:
    hanging = BenchQuestion(name="hanging", asks="When?", command=HANGING, seconds=1.0, most_s=2.0)
    asked = [hanging, question(tmp_path, "quick", QUICK)]
    file = tmp_path / "all.json"
    assert command(["--json", str(file), "--results", str(tmp_path / "results")], asked) == 1
    errors = [answer.get("error", "") for answer in json.loads(file.read_text())["answers"]]
    assert errors == ["took too long: still here", ""]


def test_list_names_the_questions_in_order_and_runs_nothing(tmp_path: Path, capsys) -> None:
    assert main(["--list", "--results", str(tmp_path / "results")]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.partition("\n\n")[0].splitlines()]
    assert names[:4] == ["actors", "fanout", "broadcast", "whep"]
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("is_quick", [True, False])
def test_every_listed_question_is_a_bench_that_takes_its_options(is_quick) -> None:
    asked = plan(is_quick=is_quick, node_modules=None)
    assert {one.name for one in asked} <= set(benches())
    assert all(one.command[:4] == (sys.executable, "-m", "bench", one.name) for one in asked)


def test_the_figures_of_one_bench_go_alone_to_standard_output_on_request() -> None:
    command = [sys.executable, "-m", "bench", "rtmp", "--seconds", "1", "--rounds", "1", "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert {found["question"] for found in json.loads(done.stdout)} == {"rtmp"}
    assert "in chunks of 128" in done.stderr


def test_an_unknown_bench_is_refused(capsys) -> None:
    assert main(["nothing"]) == 2
    assert "nothing" in capsys.readouterr().err


def test_a_package_that_is_missing_is_one_line_that_says_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.delitem(sys.modules, "bench.transcode", raising=False)
    assert main(["transcode", "--seconds", "1"]) == 2
    said = capsys.readouterr().err
    assert said == "bench: transcode needs the package imageio_ffmpeg: `make bench ARGS=transcode` brings it\n"


async def test_viewers_who_say_nothing_end_a_bench_instead_of_holding_it() -> None:
    here, _there = multiprocessing.Pipe()
    with pytest.raises(TimeoutError, match="said nothing"):
        await whep.received(here, 0.01)
