"""The image as buildah makes it: what is in it, and its main job run with a read-only root and no privileges."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.conftest import free_port, get
from tests.image.building import built
from tests.image.conftest import NAME
from tests.image.container import Root

MOST_BYTES = 450_000_000
START_S = 120.0
STOP_S = 60.0
BUILDERS = ("pip", "pip3*", "pip-*", "setuptools", "gcc*", "cc", "make", "npm", "node", "ensurepip")


@dataclass
class Job:
    """The image's main job, its log and the port that it answers at."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int
    env: dict[str, str]

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while get(f"http://127.0.0.1:{self.port}/readyz")[0] != 200:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def server_pid(self) -> int:
        """Of the process in the container: the only child of the one that made its spaces."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])


@pytest.fixture
def job(root: Root) -> Iterator[Job]:
    env = {
        "SOCIALFLOW_HTTP_HOST": "127.0.0.1",
        "SOCIALFLOW_RTMP_HOST": "127.0.0.1",
        "SOCIALFLOW_HTTP_PORT": str(free_port()),
        "SOCIALFLOW_RTMP_PORT": str(free_port()),
        "SOCIALFLOW_WEBRTC_PORT": str(free_port()),
    }
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        log = Path(folder) / "log"
        begun = Job(root.start(root.main_job(), env, log), log, int(env["SOCIALFLOW_HTTP_PORT"]), env)
        try:
            begun.wait_until_ready()
            yield begun
        finally:
            # The one that made the spaces does not end it: changing its user took that back.
            if begun.process.poll() is None:
                os.kill(begun.server_pid(), signal.SIGKILL)
            begun.process.wait(STOP_S)


def found(tree: Path, *names: str) -> list[str]:
    """Programs and packages of these names, wherever they lie."""
    return [str(path.relative_to(tree)) for name in names for path in tree.glob(f"**/{name}")]


def test_it_is_small(root: Root) -> None:
    files = {(one.st_dev, one.st_ino): one.st_size for one in map(Path.lstat, root.tree.rglob("*"))}
    assert sum(files.values()) <= MOST_BYTES, f"{sum(files.values()) / 1e6:.0f} MB"


def test_it_says_how_it_is_run(described: dict[str, Any]) -> None:
    config = described["config"]
    assert config["User"] == "socialflow"
    assert config["StopSignal"] == "SIGTERM"
    assert set(config["Volumes"]) == {"/data"}
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert set(config["ExposedPorts"]) == {"8080/tcp", "1935/tcp", "8189/udp", "8189/tcp"}


def test_nothing_that_builds_is_left(root: Root) -> None:
    places = [root.tree / place for place in ("usr/bin", "usr/local", "opt")]
    assert not [name for place in places for name in found(place, *BUILDERS)]


def test_no_file_is_its_users_to_change(root: Root) -> None:
    user, group = root.user
    mine = [
        path
        for path in (root.tree / "opt").rglob("*")
        if not path.is_symlink() and (path.stat().st_uid == user or path.stat().st_mode & 0o002)
    ]
    assert (user, group) == (10001, root.user[1])
    assert not mine


def test_no_program_gives_privileges_that_its_user_could_take(root: Root) -> None:
    """What Debian has of them is of no use: privileges are never gained in the container. Ours adds none."""
    assert not [path for path in (root.tree / "opt").rglob("*") if path.lstat().st_mode & 0o6000]


def test_the_main_job_runs_without_privileges_on_a_root_that_cannot_be_written(job: Job, root: Root) -> None:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{job.server_pid()}/status").read_text().splitlines())
    assert status["Uid"].split() == ["10001"] * 4
    assert {int(status[kind], 16) for kind in ("CapPrm", "CapEff", "CapBnd", "CapInh")} == {0}
    assert status["NoNewPrivs"].strip() == "1"
    mounts = Path(f"/proc/{job.server_pid()}/mountinfo").read_text().splitlines()
    (top,) = [line.split() for line in mounts if line.split()[4] == "/"]
    assert "ro" in top[5].split(",")
    assert get(f"http://127.0.0.1:{job.port}/")[0] == 200
    assert "Traceback" not in job.log.read_text()


def test_the_health_check_tells_a_server_that_is_up_from_one_that_is_not(job: Job, root: Root) -> None:
    def checked() -> int:
        check = root.config["Healthcheck"]["Test"][1:]
        return root.start(check, job.env, job.log).wait(STOP_S)

    assert checked() == 0
    os.kill(job.server_pid(), signal.SIGTERM)
    job.process.wait(STOP_S)
    assert checked() != 0


def test_it_ends_by_itself_when_it_is_told_to(job: Job) -> None:
    os.kill(job.server_pid(), signal.SIGTERM)
    assert job.process.wait(STOP_S) == 0, job.log.read_text()


def contents(tree: Path) -> dict[str, str]:
    """What each file of ours holds, with its rights."""
    files = [path for place in ("opt", "etc") for path in (tree / place).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(tree)): f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in files
        if not path.is_symlink()
    }


def test_the_same_sources_make_the_same_files(root: Root) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="socialflow-again-", dir="/var/tmp") as folder,
        built(Path(folder), NAME).root_of(NAME) as again,
    ):
        first, second = contents(root.tree), contents(again)
    assert first.keys() == second.keys()
    assert not [name for name in first if first[name] != second[name]]


SELDOM = """
import io
from datetime import UTC, datetime
import stripe
from PIL import Image
from media.pictures.encoding import reencode
from media.pictures.messages import PictureSize, Reencode, Reencoded
from server import error_reports
from server.features.town.courses.certificate_pdf import pdf_of
from server.features.town.courses.shapes import CertificateShape

SIZES = (PictureSize(width=32, height=32, is_cropped=True),)
for kind in ("JPEG", "PNG", "GIF", "WEBP", "AVIF"):
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 10, 10)).save(picture, kind)
    done = reencode(Reencode(data=picture.getvalue(), sizes=SIZES, max_pixels=10_000))
    assert isinstance(done, Reencoded), (kind, done)
for name in ("Ada", "محمد"):
    said = CertificateShape(code="1", course_id=None, title="دورة", name=name, issued_at=datetime.now(UTC))
    assert pdf_of(said, site="Social Flow", address="https://live.test/1").startswith(b"%PDF")
error_reports.start("http://key@127.0.0.1:9/1", environment="", process="test")
money = stripe.StripeClient("sk_test").v1
assert money.payment_intents and money.checkout.sessions and money.billing_portal and money.transfers
"""


def test_what_is_seldom_made_can_be_made_in_it(root: Root, tmp_path: Path) -> None:
    """Documents in both scripts, pictures of each kind, reports of errors: the start shows the rest."""
    log = tmp_path / "log"
    assert root.start(["/opt/socialflow/bin/python", "-c", SELDOM], {}, log).wait(STOP_S) == 0, log.read_text()


def test_the_start_is_told(job: Job) -> None:
    """The log is one of JSON lines, as the image's environment asks."""
    lines = [line for line in job.log.read_text().splitlines() if line.startswith("{")]
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)
