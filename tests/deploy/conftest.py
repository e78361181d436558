"""The image's program installed once, and one server of it that runs for all tests of this folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from tests.deploy.image import ROOT, Image, finished

START_S = 120.0
STOP_S = 60.0


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def get(url: str) -> tuple[int, str]:
    """Status and body; 0 while nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


@dataclass
class Container:
    """The image's command as a process, on free ports of the loopback."""

    image: Image
    port: int
    env: dict[str, str]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while get(f"{self.url}/readyz")[0] != 200:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"not ready within {START_S} s:\n{self.log.read_text()}"
            time.sleep(0.05)

    def is_healthy(self) -> bool:
        """What the image's HEALTHCHECK finds."""
        return finished(self.image.health_check, env=self.env, cwd=self.image.data).returncode == 0

    def stop(self) -> int:
        """By the image's STOPSIGNAL; the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"not stopped within {STOP_S} s:\n{self.log.read_text()}") from None


def run(image: Image, folder: Path, more: Mapping[str, str] | None = None) -> Container:
    """With data and a log of its own in the folder, and ``more`` in its environment."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    env = image.environment(
        {
            **(more or {}),
            "SOCIALFLOW_DATA_DIR": str(folder / "data"),
            "SOCIALFLOW_HTTP_HOST": "127.0.0.1",
            "SOCIALFLOW_RTMP_HOST": "127.0.0.1",
            "SOCIALFLOW_HTTP_PORT": str(port),
            "SOCIALFLOW_RTMP_PORT": str(free_port()),
            "SOCIALFLOW_WEBRTC_PORT": str(free_port(socket.SOCK_DGRAM)),
        }
    )
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(image.command(), env=env, cwd=image.data, stdout=out, stderr=subprocess.STDOUT)
    return Container(image, port, env, process, log)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A server that speaks S3, and what clients of it have in their environment, as this process has now."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    given = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "socialflow",
        "AWS_SECRET_ACCESS_KEY": "socialflow",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "BUCKET": "socialflow",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    yield given
    server.stop()


def make_bucket() -> subprocess.CompletedProcess[str]:
    """What the compose file's job does."""
    return finished([sys.executable, str(ROOT / "deploy/objects/make_bucket.py")], env=os.environ, cwd=ROOT)


@pytest.fixture(scope="package")
def image() -> Iterator[Image]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git working tree")
    with tempfile.TemporaryDirectory(prefix="socialflow-image-", dir="/var/tmp") as folder:
        made = Image(Path(folder))
        made.build()
        yield made


@pytest.fixture(scope="package")
def container(image: Image) -> Iterator[Container]:
    with tempfile.TemporaryDirectory(prefix="socialflow-container-", dir="/var/tmp") as folder:
        running = run(image, Path(folder))
        try:
            running.wait_until_ready()
            yield running
        finally:
            if running.process.poll() is None:
                running.stop()


@pytest.fixture(scope="package")
def measured(container: Container) -> frozenset[str]:
    """Every name that /metrics has, once the media process has told its counters as well."""
    deadline = time.monotonic() + 15
    while "socialflow_media_streams" not in (text := get(f"{container.url}/metrics")[1]):
        assert time.monotonic() < deadline, text
        time.sleep(0.1)
    names = set[str]()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            names |= {f"{name}_{part}" for part in ("bucket", "count", "sum")} if kind == "histogram" else {name}
    return frozenset(names)
