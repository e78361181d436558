"""``docs/tutorial.md``: its commands, in their order, as they stand there, on a server of their own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

from tests.docs.markdown import ROOT, blocks
from tests.e2e.serving import Server

WITHIN_S = 180.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The one that the reader sits in, with the environment of this run and an ffmpeg."""
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    return tmp_path


def test_its_commands_lead_to_a_broadcast_a_bot_that_answers_and_a_replay(folder: Path) -> None:
    start, *steps = blocks((ROOT / "docs/tutorial.md").read_text(), "sh")
    assert start == "make run\n"
    server = Server(folder / "data").start()
    try:
        script = "".join(steps).replace("http://127.0.0.1:8080", server.url)
        env = {**os.environ, "PATH": f"{folder / 'programs'}:{os.environ['PATH']}"}
        env["PYTHONPATH"] = str(ROOT / "clients/python")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        server.stop()
    said = done.stdout.splitlines()
    assert said[0] == "ada"
    assert [line for line in said if "RESOLUTION=640x360" in line][1:], done.stdout
    assert [line for line in said if line.startswith("ada: ")] == ["ada: !hello", "ada: Hello, ada!"]
    assert said[said.index("ended") + 1 :][:2] == ['"text":"!hello"', '"text":"Hello, ada!"']
