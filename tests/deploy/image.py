"""The Dockerfile's own instructions, carried out below a temporary folder instead of in an image.

What an image would fetch is taken from here: the locked packages from this environment, the web client from its last
build where that is newer than its sources.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PLACES = re.compile(r"(?<![\w.])/(opt/socialflow|wheel|src|data)\b")
STEP_S = 60.0


@dataclass(frozen=True)
class Instruction:
    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """Of the JSON form, or as a shell splits them."""
        return json.loads(self.rest) if self.rest.startswith("[") else shlex.split(self.rest)


@dataclass
class Stage:
    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[Instruction]:
        return [one for one in self.instructions if one.word == word]

    def last(self, word: str) -> Instruction:
        return self.all(word)[-1]

    @property
    def env(self) -> dict[str, str]:
        return dict(pair.partition("=")[::2] for one in self.all("ENV") for pair in one.words)


def read_stages(text: str) -> list[Stage]:
    """The stages in order; the last one is the image."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    stages: list[Stage] = []
    for line in lines.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            words = [one for one in rest.split() if not one.startswith("--")]
            stages.append(Stage(base=words[0], name=words[2] if len(words) > 2 else ""))
        else:
            stages[-1].instructions.append(Instruction(word, " ".join(rest.split())))
    return stages


def export(folder: Path) -> None:
    """What is committed, as a clone has it."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)


def finished(command: list[str] | str, *, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command, a shell's when it is a string, once it has ended, in whatever way."""
    return subprocess.run(
        command,
        env=env,
        cwd=cwd,
        shell=isinstance(command, str),
        capture_output=True,
        text=True,
        timeout=STEP_S,
        check=False,
    )


class Image:
    """``build`` carries the stages out; then ``environment`` and ``command`` are what a container would be given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.context = folder / "context"
        export(self.context)
        self.web, self.builder, _, self.final = read_stages((self.context / "Dockerfile").read_text())
        self.data = folder / "data"

    def build(self) -> None:
        here = self._folder
        for one in self.builder.instructions:
            if one.word == "WORKDIR":
                here = Path(self._placed(one.rest))
                here.mkdir(parents=True, exist_ok=True)
            elif one.word == "COPY":
                self._copy(one.words, here)
            elif one.word == "RUN":
                for step in one.rest.split("&&"):
                    self._run(self._placed(step.strip()), here)
        self._lean_on_the_locked()
        self.data.mkdir()

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """That of the image, and nothing of the caller's but where programs are."""
        given = {name: self._placed(value).replace(":$PATH", "") for name, value in self.final.env.items()}
        given["PATH"] += os.pathsep + os.defpath
        return {**given, "HOME": str(self.data), **more}

    def command(self, *words: str) -> list[str]:
        """The image's entry point with these words, else with its own."""
        entry = self.final.last("ENTRYPOINT").words
        return [self._program(entry[0]), *entry[1:], *(words or self.final.last("CMD").words)]

    @property
    def health_check(self) -> list[str]:
        words = json.loads(self.final.last("HEALTHCHECK").rest.partition("CMD ")[2])
        return [self._program(words[0]), *words[1:]]

    def _program(self, name: str) -> str:
        return str(self._folder / "opt/socialflow/bin" / name)

    def _placed(self, text: str) -> str:
        return PLACES.sub(lambda found: f"{self._folder}/{found[1]}", text)

    def _copy(self, words: list[str], here: Path) -> None:
        if words[0] == "--from=web":
            shutil.copytree(self._web_client(), here / words[2], dirs_exist_ok=True)
            return
        *sources, target = words
        for source in sources:
            path = self.context / source
            if path.is_dir():
                shutil.copytree(path, here / target, dirs_exist_ok=True)
            else:
                place = here / target
                shutil.copy(path, place / path.name if target.endswith("/") else place)

    def _run(self, step: str, here: Path) -> None:
        if "-r requirements.lock" in step:
            return
        env = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
        env.pop("PYTHONPATH", None)
        if "pip wheel" in step and importlib.util.find_spec("hatchling") is not None:
            step = step.replace("pip wheel", "pip wheel --no-build-isolation --no-index")
            env["PYTHONPATH"] = sysconfig.get_path("purelib")
        done = finished(step, env=env, cwd=here)
        assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"

    def _lean_on_the_locked(self) -> None:
        """After the program is installed, so that it is not taken for the one that is here."""
        (packages,) = (self._folder / "opt/socialflow/lib").glob("python3*/site-packages")
        (packages / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def _web_client(self) -> Path:
        built = ROOT / "server/web/dist"
        if _is_newer(built / "index.html", ROOT / "server/web"):
            return built
        here = self._folder / "web"
        here.mkdir()
        for one in self.web.instructions:
            if one.word == "COPY":
                self._copy(one.words, here)
            elif one.word == "RUN":
                subprocess.run(one.words, cwd=here, check=True, capture_output=True, timeout=600)
        return here / "dist"


def _is_newer(built: Path, sources: Path) -> bool:
    def is_source(path: Path) -> bool:
        """``schema.ts`` holds types alone, generated for the type checker."""
        return path.is_file() and not {"node_modules", "dist", "schema.ts"} & set(path.relative_to(sources).parts)

    if not built.is_file():
        return False
    tops = [path for path in sources.iterdir() if path.name not in {"node_modules", "dist"}]
    files = [path for top in tops for path in (top.rglob("*") if top.is_dir() else [top]) if is_source(path)]
    return all(path.stat().st_mtime <= built.stat().st_mtime for path in files)
