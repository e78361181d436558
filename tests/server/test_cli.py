"""``socialflow`` as an operator types it: each mistake is answered in one line that says what to do."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from server.cli import COMMANDS, main

SCRIPT = Path(sys.executable).parent / "socialflow"


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"socialflow {importlib.metadata.version('socialflow')}\n"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["serv"], "socialflow: there is no command 'serv'; did you mean 'serve'?"),
        (["serve", "--http-prt", "8"], "socialflow: --http-prt: there is no such setting; did you mean '--http-port'?"),
        (["serve", "--http-prt=80"], "socialflow: --http-prt: there is no such setting; did you mean '--http-port'?"),
        (["doctor", "--qqqqqqq"], "socialflow: --qqqqqqq: there is no such setting"),
        (["serve", "--http-p", "80"], "socialflow: --http-p: there is no such setting; did you mean '--http-port'?"),
        (["serve", "--log-level"], "socialflow: argument --log-level: expected one argument"),
        (["serve", "stray"], "socialflow: unrecognized arguments: stray"),
    ],
)
def test_a_mistake_is_answered_in_one_line_that_names_the_likeliest(
    capsys: pytest.CaptureFixture[str], words: list[str], answer: str
) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.splitlines()[0] == answer


def test_an_unknown_environment_variable_names_the_likeliest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCIALFLOW_HTTP_PRT", "80")
    assert main(["doctor"]) == 2
    assert "did you mean 'SOCIALFLOW_HTTP_PORT'?" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"admin"}))
def test_help_of_a_command_begins_with_one_line_of_usage(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(f"usage: socialflow {command} ")
    assert second == ""


@pytest.mark.parametrize("name", ["server", "actors", "media", "storage", "migrations"])
@pytest.mark.parametrize("as_package", [False, True])
def test_a_module_that_hides_one_of_ours_is_named(tmp_path: Path, name: str, as_package: bool) -> None:
    foreign = tmp_path / name / "__init__.py" if as_package else tmp_path / f"{name}.py"
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text("raise SystemExit('the wrong one was imported')\n")
    ran = subprocess.run(
        [SCRIPT, "--version"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert f"{tmp_path / name}" in ran.stderr
    assert "PYTHONPATH" in ran.stderr


def test_modules_of_the_working_folder_hide_nothing(tmp_path: Path) -> None:
    for name in ("server", "actors", "media", "storage"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one was imported')\n")
    ran = subprocess.run([SCRIPT, "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_wheel_without_the_page_is_not_built(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, tmp_path)
    (tmp_path / "server" / "web").mkdir(parents=True)
    shutil.copytree(root / "server" / "launch", tmp_path / "server" / "launch")
    shutil.copy(root / "server" / "web" / "require_page.py", tmp_path / "server" / "web")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", "wheels", "."]
    ran = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode != 0
    assert "make web" in ran.stdout + ran.stderr
